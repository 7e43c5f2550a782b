"""Documents that come from peers: what a peer says about them is checked, and no peer hinders a node."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.documents.v1.documents_pb2 import (
    Catalogue,
    Document,
    FetchDocumentRequest,
    FetchDocumentResponse,
    ListDocumentsResponse,
    SignedDocument,
)
from tongban.core import codes
from tongban.core.documents import digest_of, document_leaf, name_of, new_document
from tongban.core.errors import Refusal
from tongban.core.sealing import seal_all
from tongban.core.signing import LocalSigner
from tongban.federation.calls import Step
from tongban.federation.formation import Age, publish, read_document
from tongban.federation.store.units import Put, Unit
from tongban.federation.trust import refreshing
from tongban.federation.trust.keeper import document_row
from tongban.federation.trust.publishing import PUBLISH
from tongban.federation.trust.refreshing import Refresher

from .calls import import_document
from .laid_out import CHONGMING, HANGZHOU, NOW, QIDONG, LaidOut
from .town import Town
from .waiting import until

QIDONGS = f"catalogue/{QIDONG}"
DAY = timedelta(days=1)


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    """崇明 runs alone; what it hears of the others is each test's matter."""
    async with Town(laid_out) as town:
        yield await town.start(CHONGMING)


class Peers:
    """Peers that list documents under heads, and answer each digest with what they like."""

    def __init__(self) -> None:
        self.listed: dict[str, ListDocumentsResponse] = {}
        self.answers: dict[str, SignedDocument] = {}
        self.silent: set[str] = set()
        """Who is reached and never answers."""
        self.asked: list[str] = []
        """Who was asked what it holds, in order."""
        self.fetched: list[str] = []
        """Digests, in order."""

    def lists(self, peer: str, head: Document, digest: str) -> None:
        """Have a peer list one more head."""
        self.listed.setdefault(peer, ListDocumentsResponse()).documents.add(
            name=name_of(head), version=head.version, digest=digest
        )

    def offers(self, peer: str, signed: SignedDocument) -> None:
        """Have a peer list a document, and give it out."""
        self.lists(peer, Document.FromString(signed.document), digest_of(signed))
        self.answers[digest_of(signed)] = signed

    async def ask(self, peer: str, method: str, context: CallContext, body: bytes) -> bytes:
        if method.endswith("ListDocuments"):
            self.asked.append(peer)
            if peer in self.silent:
                await asyncio.Event().wait()
            if peer not in self.listed:
                raise Refusal(codes.PEER_UNAVAILABLE, {"member": peer})
            return self.listed[peer].SerializeToString()
        digest = FetchDocumentRequest.FromString(body).digest
        self.fetched.append(digest)
        return FetchDocumentResponse(document=self.answers[digest]).SerializeToString()


def newer(town: Town, by: int = 1) -> Document:
    """Return a catalogue of 启东 that is so many versions newer than the one that 崇明 holds."""
    version = town.nodes[CHONGMING].resources.keeper.view.documents[QIDONGS].document.version + by
    return new_document(Catalogue(member=QIDONG), version, NOW, 30 * DAY, 60 * DAY)


async def sealed(town: Town, document: Document) -> SignedDocument:
    """Return a document that 启东 sealed."""
    data = document.SerializeToString(deterministic=True)
    signer = LocalSigner.load(town.laid_out.folder / QIDONG / "keys" / "organisation.key")
    return SignedDocument(document=data, seals=await seal_all(signer, [document_leaf(data)]))


def held(town: Town) -> int:
    return town.nodes[CHONGMING].resources.keeper.view.documents[QIDONGS].document.version


async def stored(town: Town) -> int:
    rows = await town.nodes[CHONGMING].resources.store.documents()
    return next(row.version for row in rows if row.name == QIDONGS)


async def test_a_newer_catalogue_is_taken(town: Town) -> None:
    peers, document = Peers(), newer(town)
    peers.offers(QIDONG, await sealed(town, document))
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert (held(town), await stored(town)) == (document.version, document.version)


class Slow(Peers):
    """Peers whose answers take a while."""

    async def ask(self, peer: str, method: str, context: CallContext, body: bytes) -> bytes:
        await asyncio.sleep(0.1)
        return await super().ask(peer, method, context, body)


async def test_documents_of_a_peer_behind_a_slow_relay_are_waited_for(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "_PEER_SECONDS", 0.05)
    peers, document = Slow(), newer(town)
    peers.offers(QIDONG, await sealed(town, document))
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert held(town) < document.version
    with (town.laid_out.folder / CHONGMING / "node.toml").open("a") as file:
        file.write(f'\n[carriers."{QIDONG}"]\nkind = "relay"\nthrough = "{HANGZHOU}"\nanswer_seconds = 3600\n')
    await town.restart(CHONGMING)
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert held(town) == document.version


async def test_a_document_that_is_not_the_one_asked_for_is_not_taken(town: Town) -> None:
    """Else a head could have a node fetch what it does not want, again and again."""
    before, peers, other = held(town), Peers(), await sealed(town, newer(town, 2))
    peers.lists(QIDONG, newer(town), "0" * 64)
    peers.answers["0" * 64] = other
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert (held(town), await stored(town)) == (before, before)


async def test_a_document_that_lasts_until_the_end_of_time_is_not_written_down(town: Town) -> None:
    before, peers, document = held(town), Peers(), newer(town)
    document.expires_at.FromDatetime(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    peers.offers(QIDONG, await sealed(town, document))
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert (held(town), await stored(town)) == (before, before)


async def test_a_node_starts_with_a_document_in_its_store_that_cannot_be_read(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    resources = town.nodes[CHONGMING].resources
    row = {**document_row(resources.keeper.view.documents[QIDONGS]), "signed": b"\xff"}
    await resources.store.commit_all([Unit(operations=(Put("documents", row),))])
    with caplog.at_level(logging.ERROR):
        await town.restart(CHONGMING)
    assert QIDONGS not in town.nodes[CHONGMING].resources.keeper.view.documents
    assert f"the document {QIDONGS} that was kept is left out" in caplog.text


async def test_an_older_document_that_comes_at_the_same_time_does_not_stand_in_the_end(town: Town) -> None:
    keeper, flush = town.nodes[CHONGMING].resources.keeper, town.nodes[CHONGMING].resources.flush
    older, newest = [await sealed(town, newer(town, by)) for by in (1, 2)]

    async def slow(step: Step) -> None:
        await asyncio.sleep(0.05)
        await flush.put(step)

    await asyncio.gather(keeper.keep(older, slow), keeper.keep(newest, flush.put))
    assert held(town) == await stored(town) == Document.FromString(newest.document).version


async def test_a_document_is_kept_whole_though_its_caller_leaves(town: Town) -> None:
    keeper, flush = town.nodes[CHONGMING].resources.keeper, town.nodes[CHONGMING].resources.flush
    documents = [await sealed(town, newer(town, by)) for by in (1, 2)]
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(step: Step) -> None:
        begun.set()
        await go_on.wait()
        await flush.put(step)

    call = asyncio.create_task(keeper.keep(documents[0], slow, done.set))
    await begun.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    next_one = asyncio.create_task(keeper.keep(documents[1], flush.put))
    await asyncio.sleep(0.05)
    assert not next_one.done()
    go_on.set()
    await next_one
    assert done.is_set()
    assert held(town) == await stored(town) == Document.FromString(documents[1].document).version


@pytest.fixture
async def follow(town: Town) -> AsyncIterator[Callable[[Peers], Refresher]]:
    """Have 崇明 follow these peers."""
    tasks: list[asyncio.Task[None]] = []

    def begin(peers: Peers) -> Refresher:
        refresher = Refresher(town.nodes[CHONGMING].resources, peers)
        tasks.append(asyncio.create_task(refresher.run()))
        return refresher

    yield begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_peer_that_never_answers_does_not_hold_up_the_others(
    town: Town, follow: Callable[[Peers], Refresher]
) -> None:
    peers, document = Peers(), newer(town)
    peers.silent.add(HANGZHOU)
    follow(peers)
    await until(lambda: {HANGZHOU, QIDONG} <= set(peers.asked))
    peers.offers(QIDONG, await sealed(town, document))
    town.nodes[CHONGMING].house.seen(QIDONG)
    await until(lambda: held(town) == document.version)
    assert peers.asked.count(HANGZHOU) == 1


async def test_a_peer_whose_catalogue_is_missing_is_asked_less_and_less(
    town: Town, follow: Callable[[Peers], Refresher]
) -> None:
    """崇明's catalogues have expired, so it waits for new ones, and asks nobody every second."""
    town.clocks[CHONGMING].turn(61 * DAY)
    peers = Peers()
    follow(peers)
    await until(lambda: QIDONG not in town.nodes[CHONGMING].resources.keeper.view.methods)
    await asyncio.sleep(5)
    assert peers.asked.count(QIDONG) == 3
    assert peers.asked.count(HANGZHOU) == 3


async def test_a_peer_that_shows_itself_is_asked_at_once_and_no_other(
    town: Town, follow: Callable[[Peers], Refresher]
) -> None:
    peers = Peers()
    follow(peers)
    await until(lambda: len(peers.asked) == 2)
    town.nodes[CHONGMING].house.seen(QIDONG)
    await until(lambda: len(peers.asked) == 3)
    assert sorted(peers.asked) == sorted([HANGZHOU, QIDONG, QIDONG])


async def test_of_many_documents_only_those_are_fetched_that_the_node_wants(town: Town) -> None:
    peers, document = Peers(), newer(town)
    heads = peers.listed.setdefault(QIDONG, ListDocumentsResponse()).documents
    for number in range(50_000):
        heads.add(name=f"catalogue/{number:06}", version=2**63, digest="0" * 64)
    peers.offers(QIDONG, await sealed(town, document))
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert len(peers.fetched) == 1
    assert held(town) == document.version


async def test_of_very_many_agreements_some_are_fetched(town: Town) -> None:
    peers, wrong = Peers(), await sealed(town, newer(town))
    heads = peers.listed.setdefault(QIDONG, ListDocumentsResponse()).documents
    for number in range(3_000):
        heads.add(name=f"agreement/{CHONGMING}/{QIDONG}/{number}", version=1, digest=f"{number:064}")
        peers.answers[f"{number:064}"] = wrong
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert len(peers.fetched) == 1000


async def test_one_document_that_is_refused_does_not_keep_the_others_back(town: Town) -> None:
    peers, document = Peers(), newer(town)
    heads = peers.listed.setdefault(QIDONG, ListDocumentsResponse()).documents
    heads.add(name="directory", version=2**63, digest="0" * 64)
    peers.offers(QIDONG, await sealed(town, document))
    peers.answers["0" * 64] = peers.answers[digest_of(await sealed(town, document))]
    await Refresher(town.nodes[CHONGMING].resources, peers).ask(QIDONG)
    assert held(town) == document.version


async def test_a_directory_of_another_federation_replaces_none(town: Town) -> None:
    """Though the same authority signed it."""
    authority, view = town.laid_out.folder / "authority", town.nodes[CHONGMING].resources.keeper.view
    await asyncio.to_thread((authority / "federation").write_text, "另一个联盟\n", encoding="utf-8")
    other = read_document(await asyncio.to_thread(publish, authority, Age(), NOW), "directory")
    with pytest.raises(Refusal) as refused:
        await import_document(town.admin(CHONGMING), other)
    assert refused.value.code is codes.DOCUMENT_INVALID
    assert refused.value.rule == f"it is of the federation 另一个联盟, and this node belongs to {view.federation}"
    assert town.nodes[CHONGMING].resources.keeper.view.directory == view.directory


@pytest.mark.parametrize("steps", range(1, 9))
async def test_whoever_waits_for_a_directory_is_woken_though_its_importer_leaves(town: Town, steps: int) -> None:
    """Else a member that has just become one would publish its catalogue an hour later."""
    resources = town.nodes[CHONGMING].resources
    path = await asyncio.to_thread(publish, town.laid_out.folder / "authority", Age(), NOW)
    newer_one, woken = read_document(path, "directory"), resources.wakes.listen(PUBLISH)
    call = asyncio.create_task(import_document(town.admin(CHONGMING), newer_one))
    for _ in range(steps):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await asyncio.sleep(0.1)
    taken = resources.keeper.view.documents["directory"].digest == digest_of(newer_one)
    assert woken.is_set() == taken

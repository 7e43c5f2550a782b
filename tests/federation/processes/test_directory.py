"""Directories that change under running nodes: a certificate that is left out, an age that is over, a newer one."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_CORRECTION, CASE_STATE_RECEIVED
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.documents.v1.documents_pb2 import Document, SignedDocument
from tongban.core import Refusal, codes
from tongban.core.client import Client
from tongban.core.testing.federation import Federation, eventually
from tongban.core.times import wall_clock
from tongban.federation.formation import authority

from .looking import Log, await_state, check_journals, check_log, refusal_of, submit_company_change
from .people import CHONGMING, CREDIT, FIRM, PURPOSE, QIDONG, plan_of_two
from .raw import RawPeer, refusal_told

REQUEST = QueryCreditRequest(credit_code=FIRM.number)
MONTH = authority.Age(30, 20)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Return a running federation of 崇明 and 启东, whose directory each test leaves as it was."""
    folder = tmp_path_factory.mktemp("two")
    with Federation.lay_out(plan_of_two(folder / "plan"), folder / "f") as laid_out:
        yield laid_out.start()
        assert [node.stop() for node in laid_out.nodes.values()] == [0, 0]
        check_journals(laid_out)


@pytest.fixture(autouse=True)
def _good_again(two: Federation) -> Iterator[None]:
    """Publish a good directory after each test, and check that all is as before."""
    yield
    for member in (CHONGMING, QIDONG):
        authority.add_member(two.directory.parent, two.places[member].home / "member.card")
    publish(two, timedelta(0), CHONGMING, QIDONG)
    with two.window(CHONGMING) as window:
        eventually(lambda: ask(window))
    for member in (CHONGMING, QIDONG):
        check_log(two, member)


@pytest.fixture
def clerk(two: Federation) -> Iterator[Client]:
    with two.window(CHONGMING) as window:
        yield window


def publish(two: Federation, age: timedelta, *members: str) -> None:
    """Publish a directory as it would be at this age, and give it to nodes."""
    authority.publish(two.directory.parent, MONTH, wall_clock() - age)
    for member in members:
        give(two, member)


def give(two: Federation, member: str) -> None:
    """Give the newest directory to a node."""
    with two.admin(member) as admin:
        admin.import_document(SignedDocument.FromString(two.directory.read_bytes()))


def ask(window: Client) -> object:
    """Ask 启东 about the firm."""
    return window.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE)


def problems(two: Federation, member: str) -> str:
    """Return what a node's status says is wrong."""
    with two.admin(member) as admin:
        return "\n".join(admin.status().problems)


class TestACertificateThatIsLeftOut:
    def test_is_cut_off_on_a_standing_link(self, two: Federation) -> None:
        with RawPeer(two.places[CHONGMING], two.places[QIDONG]) as peer:
            link = peer.link()
            assert refusal_told(link.ask(peer.question(CREDIT, REQUEST, PURPOSE))[0]) is None
            authority.remove_member(two.directory.parent, CHONGMING)
            publish(two, timedelta(0), QIDONG)
            log = Log(two, QIDONG)
            refusal = refusal_of(lambda: link.ask(peer.question(CREDIT, REQUEST, PURPOSE)), codes.PEER_UNKNOWN)
            assert "certificate" in refusal.message
            assert log.records(CREDIT) == []

    def test_gets_nothing_and_keeps_its_cases_until_it_is_back(self, two: Federation, clerk: Client) -> None:
        assert ask(clerk)
        authority.remove_member(two.directory.parent, CHONGMING)
        publish(two, timedelta(0), QIDONG)
        refusal_of(lambda: ask(clerk), codes.PEER_UNAVAILABLE)
        case_id = submit_company_change(clerk)
        assert clerk.case(case_id).summary.state == CASE_STATE_RECEIVED
        eventually(lambda: f"wait for {QIDONG}" in problems(two, CHONGMING))
        with two.window(QIDONG) as officer:
            refusal_of(lambda: officer.case(case_id), codes.CASE_UNKNOWN)
        authority.add_member(two.directory.parent, two.places[CHONGMING].home / "member.card")
        publish(two, timedelta(0), CHONGMING, QIDONG)
        await_state(clerk, case_id, CASE_STATE_CORRECTION)


class TestADirectory:
    def test_that_is_stale_works_and_wants_renewal(self, two: Federation, clerk: Client) -> None:
        publish(two, timedelta(days=25), CHONGMING, QIDONG)
        assert ask(clerk)
        assert "directory is stale: import a newer version" in problems(two, CHONGMING)

    def test_that_expires_ends_all_trust_until_a_newer_one_comes(self, two: Federation, clerk: Client) -> None:
        with RawPeer(two.places[CHONGMING], two.places[QIDONG]) as peer:
            link = peer.link()
            assert refusal_told(link.ask(peer.question(CREDIT, REQUEST, PURPOSE))[0]) is None
            publish(two, timedelta(days=30) - timedelta(seconds=2), CHONGMING, QIDONG)
            log = Log(two, QIDONG)
            eventually(lambda: "directory is expired" in problems(two, CHONGMING))
            refusal = refusal_of(lambda: ask(clerk), codes.DIRECTORY_EXPIRED)
            assert "tongban directory import" in refusal.remedy
            told = refusal_told(link.ask(peer.question(CREDIT, REQUEST, PURPOSE))[0])
            assert told is not None
            assert (told.code, told.member) == (codes.DIRECTORY_EXPIRED, QIDONG)
            assert log.codes(CREDIT) == ["DIRECTORY_EXPIRED"]
            link.close()
        case_id = submit_company_change(clerk)
        assert clerk.case(case_id).summary.state == CASE_STATE_RECEIVED
        publish(two, timedelta(0), CHONGMING, QIDONG)
        await_state(clerk, case_id, CASE_STATE_CORRECTION)

    def test_that_has_expired_already_is_not_taken(self, two: Federation, clerk: Client) -> None:
        authority.publish(two.directory.parent, MONTH, wall_clock() - timedelta(days=31))
        refusal = refusal_of(lambda: give(two, CHONGMING), codes.DOCUMENT_INVALID)
        assert "expired" in refusal.rule
        assert ask(clerk)

    def test_that_is_older_is_not_taken_back(self, two: Federation, tmp_path: Path) -> None:
        older = two.directory.read_bytes()
        publish(two, timedelta(0), CHONGMING)
        with two.admin(CHONGMING) as admin:
            refusal = refusal_of(lambda: admin.import_document(SignedDocument.FromString(older)), codes.DOCUMENT_OLDER)
        assert refusal.facts["name"] == "directory"

    def test_that_nobody_trusted_signed_is_not_taken(self, two: Federation, tmp_path: Path) -> None:
        other = tmp_path / "authority"
        authority.init_authority(other, "通办测试")
        authority.add_member(other, two.places[CHONGMING].home / "member.card")
        forged = authority.publish(other, MONTH, wall_clock()).read_bytes()
        altered = SignedDocument.FromString(two.directory.read_bytes())
        document = Document.FromString(altered.document)
        document.version += 100
        altered.document = document.SerializeToString()
        with two.admin(CHONGMING) as admin:
            before = admin.documents()
            for signed in (SignedDocument.FromString(forged), altered):
                refusal_of(lambda signed=signed: admin.import_document(signed), codes.DOCUMENT_INVALID)  # type: ignore[misc]
            refusal_of(lambda: admin.import_document(SignedDocument(document=b"\xff")), codes.MALFORMED)
            assert admin.documents() == before

    def test_that_is_newer_reaches_peers_and_disturbs_nobody(self, two: Federation, clerk: Client) -> None:
        stop, answers, failures = threading.Event(), list[object](), list[str]()

        def keep_asking() -> None:
            while not stop.is_set():
                try:
                    answers.append(ask(clerk))
                except Refusal as refusal:
                    failures.append(str(refusal))

        asking = threading.Thread(target=keep_asking)
        asking.start()
        place = two.directory.parent
        card = authority.members(place)[-1]
        card.name = "江苏省启东市"
        (place / "members" / f"{QIDONG}.card").write_bytes(card.SerializeToString())
        publish(two, timedelta(0), CHONGMING)

        def has_come() -> bool:
            with two.admin(QIDONG) as admin:
                [version] = [one.version for one in admin.documents() if one.name == "directory"]
            return version == Document.FromString(_newest(two).document).version

        eventually(has_come)
        enough = len(answers) + 50
        eventually(lambda: len(answers) >= enough or failures)
        stop.set()
        asking.join()
        assert failures == []
        assert clerk.get_item(QIDONG, "00013112700402").member_name == "江苏省启东市"


def _newest(two: Federation) -> SignedDocument:
    return SignedDocument.FromString(two.directory.read_bytes())

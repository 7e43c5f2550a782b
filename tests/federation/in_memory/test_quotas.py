"""How often a member may ask by a row, and a window or a peer at all: exact, told with the time to come again."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta

import pytest

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_LOOKUP, AddWindowRequest, AddWindowResponse
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.documents.v1.documents_pb2 import Agreement, SignedDocument
from tongban.core import codes
from tongban.core.documents import document_leaf, new_document
from tongban.core.errors import Refusal
from tongban.core.sealing import seal_all
from tongban.federation.calls import Door
from tongban.federation.transport.memory import MemoryClient

from . import calls
from .laid_out import CHONGMING, CREDIT, CREDIT_PURPOSE, FIRM, IDENTITY_PURPOSE, NOW, QIDONG, LaidOut
from .outcomes import refused
from .peers import Peer
from .town import Town

ROW = "agreement/310151/320681/registration#credit"
REQUEST = QueryCreditRequest(credit_code=FIRM.number)
ASKED = CallContext(to=QIDONG, purpose=CREDIT_PURPOSE, consent_id="授权-1")


async def agreed(town: Town, per_minute: int) -> None:
    """Have both members agree how often 崇明 may ask 启东 about credit."""
    agreement = Agreement()
    agreement.CopyFrom(town.nodes[QIDONG].resources.keeper.view.documents[ROW.split("#")[0]].document.agreement)
    for row in agreement.lookups:
        row.per_minute = per_minute if row.id == "credit" else 0
    month = timedelta(days=30)
    data = new_document(agreement, 2, NOW, month, month).SerializeToString()
    signers = [town.nodes[member].resources.signer for member in (CHONGMING, QIDONG)]
    seals = [(await seal_all(signer, [document_leaf(data)]))[0] for signer in signers]
    for member in (CHONGMING, QIDONG):
        await calls.import_document(town.admin(member), SignedDocument(document=data, seals=seals))


def limited(town: Town, member: str, *lines: str) -> None:
    """Set limits of a node that does not run yet."""
    with (town.laid_out.folder / member / "node.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(["\n[limits]", *lines, ""]))


async def refusals(asked: Iterable[Awaitable[object]]) -> list[Refusal]:
    """Return those of some calls that were refused for a quota; no other may fail."""
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    found = [one for one in outcomes if isinstance(one, BaseException)]
    for one in found:
        assert isinstance(one, Refusal), one
        assert one.code is codes.QUOTA_EXCEEDED, one
    return [one for one in found if isinstance(one, Refusal)]


async def test_a_row_is_asked_as_often_as_it_says_however_many_ask_at_once(town: Town) -> None:
    await agreed(town, per_minute=30)
    told = await refusals(calls.query(town.asker()) for _ in range(100))
    assert 69 <= len(told) <= 70  # One more comes in every two seconds.
    for refusal in told:
        assert (refusal.facts["limit"], refusal.facts["allowed"], refusal.member) == (ROW, "30/min", QIDONG)
        assert 0 < refusal.retry_seconds <= 2
    for member in (CHONGMING, QIDONG):
        records = [one for one in await town.evidence(member) if one.error_code == "QUOTA_EXCEEDED"]
        assert [one.agreement_row for one in records] == [ROW] * len(told)


async def test_who_comes_again_when_told_is_answered(town: Town) -> None:
    await agreed(town, per_minute=120)
    told = await refusals(calls.query(town.asker()) for _ in range(200))
    assert told
    await asyncio.sleep(max(refusal.retry_seconds for refusal in told))
    assert (await calls.query(town.asker())).records


async def test_other_rows_are_not_touched(town: Town) -> None:
    await agreed(town, per_minute=1)
    await calls.query(town.asker())
    with refused(codes.QUOTA_EXCEEDED):
        await calls.query(town.asker())
    assert (await calls.verify(town.window(QIDONG, to=CHONGMING, purpose=IDENTITY_PURPOSE))).verdict
    await calls.submit(town.window(CHONGMING))


async def test_a_call_that_another_limit_refuses_takes_nothing_from_a_row(town: Town) -> None:
    await agreed(town, per_minute=1)
    for _ in range(3):
        with refused(codes.CONSENT_MISSING):
            await calls.query(town.asker(consent_id=""))
    await calls.query(town.asker())


@pytest.fixture
async def quiet(laid_out: LaidOut) -> Town:
    return Town(laid_out)


async def test_a_window_is_limited_alone(quiet: Town) -> None:
    limited(quiet, CHONGMING, "window_per_second = 0.5", "window_burst = 5")
    async with quiet as town:
        await town.start(CHONGMING, QIDONG)
        told = await refusals(calls.query(town.asker()) for _ in range(20))
        assert len(told) == 15
        assert {(one.facts["asking"], one.facts["limit"]) for one in told} == {("hall-1", "window_per_second")}
        assert all(0 < one.retry_seconds <= 2 for one in told)
        assert (await town.errors(CHONGMING)).count("QUOTA_EXCEEDED") == 15
        request = AddWindowRequest(window_id="hall-2", name="大厅二号窗口", roles=[WINDOW_ROLE_LOOKUP])
        added = await town.admin(CHONGMING).call(f"{calls.ADMIN}/AddWindow", request, AddWindowResponse)
        other = MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, added.token, town.asker().context)
        assert (await calls.query(other)).records


async def test_a_peer_is_limited_alone_and_its_cases_come_all_the_same(quiet: Town) -> None:
    limited(quiet, QIDONG, "peer_per_second = 5", "peer_burst = 3")
    async with quiet as town:
        await town.start(CHONGMING, QIDONG)
        peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
        answers = await asyncio.gather(*(peer.ask(CREDIT, REQUEST, context=ASKED) for _ in range(10)))
        assert sorted(one.code for one in answers)[-6:] == ["QUOTA_EXCEEDED"] * 6
        case = await calls.submit(town.window(CHONGMING))
        await town.case_is(QIDONG, case.case_id, CASE_STATE_ARRIVED)


async def test_a_window_may_call_as_it_likes_where_no_limit_is_set(town: Town) -> None:
    assert await refusals(calls.query(town.asker()) for _ in range(200)) == []

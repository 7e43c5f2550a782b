"""A supplement that is on its way while acceptance is refused: both sides tell that the case is closed."""

import asyncio
from collections.abc import Awaitable

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import CorrectionItem
from tongban.api.exchange.v1.exchange_pb2 import DeliverEventRequest
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.cases.book import signed_event

from . import calls
from .laid_out import CHONGMING, QIDONG
from .peers import Peer
from .town import Town
from .waiting import eventually

DELIVER_EVENT = f"{calls.EXCHANGE}/DeliverEvent"
CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])
REFUSAL = cases.RefuseCase(reason="不属于本机关职权范围")
FORM = {"new_address": "汇龙镇人民路 2 号"}


async def corrected(town: Town, intake: str = CHONGMING, number: int = 0) -> str:
    """Return a case that waits for a supplement."""
    case_id = (await calls.submit(town.window(intake), calls.submission(f"s-{number}"))).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await calls.decide(town.window(QIDONG), case_id, f"c-{number}", request_correction=CORRECTION)
    await town.case_is(intake, case_id, cases.CASE_STATE_CORRECTION)
    return case_id


async def test_a_supplement_on_its_way_does_not_open_a_case_again(town: Town) -> None:
    case_id = await corrected(town)
    town.net.cut(CHONGMING)
    clerk = town.window(CHONGMING)
    assert (await calls.supplement(clerk, case_id, form=FORM)).state == cases.CASE_STATE_ARRIVED
    await calls.decide(town.window(QIDONG), case_id, "d-2", refuse=REFUSAL)
    town.net.heal(CHONGMING)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_NOT_ACCEPTED)
    await eventually(lambda: nothing_queued(town))
    here, there = [await calls.get_case(town.window(member), case_id) for member in (CHONGMING, QIDONG)]
    assert here == there
    assert (here.summary.state, here.summary.hindrance) == (cases.CASE_STATE_NOT_ACCEPTED, "")
    assert "CASE_STEP" in await town.errors(QIDONG)
    assert (await calls.result(clerk, case_id)).state == cases.CASE_STATE_NOT_ACCEPTED


async def nothing_queued(town: Town) -> bool:
    stores = [town.nodes[member].resources.store for member in (CHONGMING, QIDONG)]
    return not [count for store in stores for count in await store.outbox_counts() if count.state == "queued"]


async def test_a_supplement_and_a_refusal_at_once_leave_one_state(town: Town) -> None:
    """Of a matter of the member itself, where both are decided by one node."""
    for number in range(4):
        case_id = await corrected(town, QIDONG, number)
        supplement = calls.supplement(town.window(QIDONG), case_id, f"p-{number}", form=FORM)
        await at_once(supplement, calls.decide(town.window(QIDONG), case_id, f"r-{number}", refuse=REFUSAL))
        await told_as_it_is(town, QIDONG, case_id)


async def test_a_supplement_and_the_event_of_a_refusal_at_once_leave_one_state(town: Town) -> None:
    for number in range(4):
        case_id = await corrected(town, CHONGMING, number)
        town.net.cut(CHONGMING)
        await calls.decide(town.window(QIDONG), case_id, f"r-{number}", refuse=REFUSAL)
        last = signed_event((await town.nodes[QIDONG].resources.store.events(case_id))[-1])
        peer = Peer(town.nodes[CHONGMING], QIDONG, town.nodes[QIDONG].resources.signer)
        supplement = calls.supplement(town.window(CHONGMING), case_id, f"p-{number}", form=FORM)
        await at_once(supplement, peer.ask(DELIVER_EVENT, DeliverEventRequest(event=last)))
        await told_as_it_is(town, CHONGMING, case_id)
        town.net.heal(CHONGMING)


async def at_once(*given: Awaitable[object]) -> None:
    """Have all done; one that comes too late may be refused."""
    for outcome in await asyncio.gather(*given, return_exceptions=True):
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, Refusal)
            assert outcome.code is codes.CASE_STEP


async def told_as_it_is(town: Town, member: str, case_id: str) -> None:
    await town.case_is(member, case_id, cases.CASE_STATE_NOT_ACCEPTED)
    held = await calls.get_case(town.window(member), case_id)
    row = await town.nodes[member].resources.store.case(case_id)
    assert row is not None
    assert (held.summary.state, row.sequence) == (cases.CASE_STATE_NOT_ACCEPTED, len(held.events))

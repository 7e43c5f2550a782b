"""A matter from the first window to the last paper, between two cities in one process."""

import asyncio
from collections.abc import AsyncIterator

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import Act, CorrectionItem, SignedEvent
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, Evidence
from tongban.api.exchange.v1.exchange_pb2 import Header
from tongban.core.case import record
from tongban.core.signing import signature_is_right

from . import calls
from .laid_out import CHONGMING, DESK_ITEM, INSTANT_ITEM, QIDONG
from .town import Town
from .waiting import until

CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])


async def test_a_matter_that_needs_a_correction_is_decided_and_both_sides_have_the_same_record(town: Town) -> None:
    clerk, officer = town.window(CHONGMING), town.window(QIDONG, officer="li.q")
    receipt = await calls.submit(clerk)
    assert receipt.missing_materials == ["application"]
    case_id = receipt.case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await calls.decide(officer, case_id, "d-1", request_correction=CORRECTION)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_CORRECTION)
    await calls.upload(clerk)
    await calls.supplement(clerk, case_id, materials=[calls.MATERIAL])
    await until(
        lambda: town.nodes[QIDONG].resources.home.joinpath("materials", CHONGMING, calls.MATERIAL.digest).exists()
    )
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await calls.decide(officer, case_id, "d-2", accept=cases.AcceptCase())
    approved = await calls.decide(officer, case_id, "d-3", approve=cases.ApproveCase(text="准予变更登记。"))
    assert approved.case_number.startswith(DESK_ITEM)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_APPROVED)
    await _both_sides_agree(town, case_id)
    await _every_exchange_is_in_both_logs(town)


async def _both_sides_agree(town: Town, case_id: str) -> None:
    here, there = [await calls.get_case(town.window(member), case_id) for member in (CHONGMING, QIDONG)]
    assert here.events == there.events
    assert not here.pending
    assert [_content(event) for event in here.events] == [
        "received",
        "arrived",
        "correction_requested",
        "supplemented",
        "accepted",
        "decided",
    ]
    view = record.verify(town.nodes[CHONGMING].resources.keeper.view, here.events)
    assert view is not None
    assert view.result is not None
    key = town.nodes[CHONGMING].resources.keeper.view.key(QIDONG, view.result.key_id)
    assert key is not None
    assert signature_is_right(key, view.result.signature, view.result.content)
    assert "准予变更登记。" in view.result.content.decode()
    assert (await calls.result(town.window(CHONGMING), case_id)).result == view.result


def _content(event: SignedEvent) -> str | None:
    return Act.FromString(event.act.act).WhichOneof("content")


async def _every_exchange_is_in_both_logs(town: Town) -> None:
    logs = [await town.evidence(member) for member in (CHONGMING, QIDONG)]
    asked, answered = [{_exchange(one) for log in logs for one in log if one.side == side} for side in _SIDES]
    assert asked == answered
    assert len(asked) == 3 + 6  # two acts and the look at a material; six events


_SIDES = (SIDE_ASKED, SIDE_ANSWERED)


def _exchange(one: Evidence) -> tuple[str, bytes, bytes, str]:
    return Header.FromString(one.question.header).id, one.question.header, one.answer.header, one.error_code


async def test_an_item_that_is_answered_at_once_needs_nobody(town: Town) -> None:
    receipt = await calls.submit(town.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    await town.case_is(CHONGMING, receipt.case_id, cases.CASE_STATE_APPROVED)
    result = await calls.result(town.window(CHONGMING), receipt.case_id)
    assert f"{calls.APPLICANT.organisation.name}:特此证明。" in result.result.content.decode()


async def test_a_member_handles_its_own_matters_the_same_way(town: Town) -> None:
    receipt = await calls.submit(town.window(QIDONG), calls.submission(item=INSTANT_ITEM))
    await town.case_is(QIDONG, receipt.case_id, cases.CASE_STATE_APPROVED)
    held = await calls.get_case(town.window(QIDONG), receipt.case_id)
    assert [_content(event) for event in held.events] == ["received", "arrived", "accepted", "decided"]
    assert not held.pending
    assert await town.errors(CHONGMING) == []


async def test_a_matter_is_taken_in_while_the_other_side_is_down_and_goes_when_it_is_back(town: Town) -> None:
    await town.stop(QIDONG)
    receipt = await calls.submit(town.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    held = await calls.get_case(town.window(CHONGMING), receipt.case_id)
    assert held.summary.state == cases.CASE_STATE_RECEIVED
    assert len(held.pending) == 1
    await town.start(QIDONG)
    await town.case_is(CHONGMING, receipt.case_id, cases.CASE_STATE_APPROVED)


async def test_a_window_watches_a_matter_until_it_is_closed(town: Town) -> None:
    clerk = town.window(CHONGMING)
    receipt = await calls.submit(clerk)
    request = cases.WatchCaseRequest(case_id=receipt.case_id)
    watched = asyncio.create_task(_all(clerk.stream(f"{calls.CASES}/WatchCase", request, cases.WatchCaseResponse)))
    await town.case_is(QIDONG, receipt.case_id, cases.CASE_STATE_ARRIVED)
    refusal = cases.RefuseCase(reason="不属于本机关职权范围", right_authority="南通市")
    await calls.decide(town.window(QIDONG), receipt.case_id, refuse=refusal)
    states = [update.summary.state for update in await watched]
    assert states == [cases.CASE_STATE_RECEIVED, cases.CASE_STATE_ARRIVED, cases.CASE_STATE_NOT_ACCEPTED]


async def _all(stream: AsyncIterator[cases.WatchCaseResponse]) -> list[cases.WatchCaseResponse]:
    return [update async for update in stream]

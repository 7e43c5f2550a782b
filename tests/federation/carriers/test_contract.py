"""One contract for all carriers: what happens between two members ends the same way on each.

The nodes are whole, and so is what lies between them: sockets with TLS, HTTP, folders.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import Act, CorrectionItem
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, Evidence
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkResponse
from tongban.core import codes
from tongban.core.times import wall_clock
from tongban.federation.carriers.memory import Frame, straight

from ..in_memory import calls
from ..in_memory.faults import is_of_documents
from ..in_memory.laid_out import CHONGMING, QIDONG, LaidOut
from ..in_memory.outcomes import refused
from ..in_memory.town import Town
from ..in_memory.waiting import eventually
from .real import CARRIERS, FOLDER, town_of

CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])


async def story(town: Town) -> str:
    """Have a matter taken in, corrected, supplemented with a material, and approved; return its case id."""
    clerk, officer = town.window(CHONGMING), town.window(QIDONG, officer="li.q")
    case_id = (await calls.submit(clerk)).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await calls.decide(officer, case_id, "d-1", request_correction=CORRECTION)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_CORRECTION)
    await calls.upload(clerk)
    await calls.supplement(clerk, case_id, materials=[calls.MATERIAL])
    await eventually(lambda: _holds_the_material(town, case_id))
    await calls.decide(officer, case_id, "d-2", accept=cases.AcceptCase())
    await calls.decide(officer, case_id, "d-3", approve=cases.ApproveCase(text="准予变更登记。"))
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_APPROVED)
    await eventually(lambda: _nothing_waits(town))
    return case_id


async def _holds_the_material(town: Town, case_id: str) -> bool:
    there = town.nodes[QIDONG].resources
    row = await there.store.case(case_id)
    path: Path = there.home / "materials" / CHONGMING / calls.MATERIAL.digest
    return row is not None and row.state == "arrived" and await asyncio.to_thread(path.exists)


async def _nothing_waits(town: Town) -> bool:
    return not [one for node in town.nodes.values() for one in await node.resources.store.outbox_counts()]


async def contents(town: Town, member: str, case_id: str) -> list[str | None]:
    """Return what happened in a case, as a member's node tells it."""
    events = (await calls.get_case(town.window(member), case_id)).events
    return [Act.FromString(event.act.act).WhichOneof("content") for event in events]


def normal(record: Evidence) -> tuple[object, ...]:
    """Return a record without what is another each time: ids, moments, seals."""
    asked = Header.FromString(record.question.header)
    return (
        record.side,
        record.method,
        record.asking,
        record.answering,
        (asked.sender, asked.receiver, asked.method, asked.window),
        record.HasField("answer"),
        (record.status, record.error_code, record.agreement_row),
    )


async def test_a_case_has_the_same_outcome_and_the_same_evidence_on_every_carrier(
    laid_out_now: LaidOut, tmp_path: Path
) -> None:
    told = {}
    for carrier in CARRIERS:
        town = town_of(laid_out_now.copy(tmp_path / carrier), carrier, wall_clock)
        town.ask_seconds = 20.0
        async with town:
            await town.start(CHONGMING, QIDONG)
            case_id = await story(town)
            happened = [await contents(town, member, case_id) for member in (CHONGMING, QIDONG)]
            assert happened[0] == happened[1]
            result = await calls.result(town.window(CHONGMING), case_id)
            records = [sorted(map(normal, await town.evidence(member)), key=repr) for member in (CHONGMING, QIDONG)]
            await _each_exchange_is_in_both_logs(town)
            told[carrier] = happened[0], "准予变更登记。" in result.result.content.decode(), records
    for carrier in CARRIERS[1:]:
        assert told[carrier] == told[CARRIERS[0]], carrier


async def _each_exchange_is_in_both_logs(town: Town) -> None:
    logs = [await town.evidence(member) for member in (CHONGMING, QIDONG)]
    asked, answered = [{_headers(one) for log in logs for one in log if one.side == side} for side in _SIDES]
    assert asked == answered


_SIDES = (SIDE_ASKED, SIDE_ANSWERED)


def _headers(one: Evidence) -> tuple[bytes, bytes]:
    return one.question.header, one.answer.header


async def test_what_comes_twice_counts_once(town: Town) -> None:
    town.net.way = lambda frame: [*straight(frame), *straight(frame)]
    case_id = await story(town)
    assert len(await contents(town, QIDONG, case_id)) == 6
    assert await contents(town, CHONGMING, case_id) == await contents(town, QIDONG, case_id)


class Losing:
    """Loses the first answers to a member that are of cases."""

    def __init__(self, member: str, count: int) -> None:
        self.left = count
        self._member = member

    def __call__(self, frame: Frame) -> Iterable[tuple[float, Frame]]:
        if frame.back and frame.asking == self._member and self.left:
            answers = LinkResponse.FromString(frame.data).answers
            if not all(is_of_documents(one) for one in answers):
                self.left -= 1
                return []
        return straight(frame)


async def test_a_lost_answer_is_asked_for_again(town: Town) -> None:
    losing = town.net.way = Losing(CHONGMING, 1)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await eventually(lambda: _nothing_waits(town))
    assert losing.left == 0
    assert await contents(town, QIDONG, case_id) == ["received", "arrived"]
    assert "DEADLINE" in await town.errors(CHONGMING)


async def test_a_case_waits_for_a_peer_that_is_down(town: Town) -> None:
    await town.stop(QIDONG)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await town.start(QIDONG)
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_ARRIVED)


async def test_an_asker_that_restarts_asks_again(town: Town) -> None:
    town.net.way = Losing(CHONGMING, 1000)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    town.net.way = straight
    await town.restart(CHONGMING)
    await eventually(lambda: _nothing_waits(town))
    assert await contents(town, QIDONG, case_id) == ["received", "arrived"]


async def test_a_look_up_is_answered_or_refused_at_once(town: Town, carrier: str) -> None:
    if carrier != FOLDER:
        assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
        return
    with refused(codes.CARRIER_SLOW) as caught:
        await calls.query(town.asker(seconds=60))
    assert caught.value.facts == {"member": QIDONG}
    assert await town.errors(CHONGMING) == ["CARRIER_SLOW"]
    assert await town.errors(QIDONG) == []

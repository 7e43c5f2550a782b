"""What is acknowledged has one effect, however messages are lost, repeated and reordered, and nodes restarted.

TONGBAN_SEEDS=1000 runs a thousand seeds instead of a few, TONGBAN_SEED=7 that one.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import TypeVar

import pytest

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import Act, CorrectionItem
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, Evidence
from tongban.core import codes
from tongban.core.case import record
from tongban.core.case.machine import state_name
from tongban.core.errors import Refusal
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.rows import CaseRow

from . import calls
from .faults import Weather
from .laid_out import CHONGMING, DESK_ITEM, INSTANT_ITEM, QIDONG, LaidOut
from .town import Town
from .waiting import eventually

T = TypeVar("T")

MATTERS, RESTARTS = 10, 3
CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])
STEPS = {
    DESK_ITEM: ["received", "arrived", "correction_requested", "supplemented", "accepted", "decided"],
    INSTANT_ITEM: ["received", "arrived", "accepted", "decided"],
}


def seeds() -> list[int]:
    if "TONGBAN_SEED" in os.environ:
        return [int(os.environ["TONGBAN_SEED"])]
    return list(range(int(os.environ.get("TONGBAN_SEEDS", "3"))))


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    """The two members of a matter, which wait for each other a short time only."""
    for member in (CHONGMING, QIDONG):
        with (laid_out.folder / member / "node.toml").open("a") as file:
            file.write("\n[limits]\nretry_seconds = 0.1\n")
    async with Town(laid_out) as town:
        town.ask_seconds = 0.15
        yield await town.start(CHONGMING, QIDONG)


@pytest.mark.parametrize("seed", seeds())
async def test_every_acknowledged_matter_ends_once_on_both_sides(town: Town, seed: int) -> None:
    chance = Random(seed)
    town.net.way = Weather(chance, chance.uniform(0, 0.3), chance.uniform(0, 0.2), delay=0.03)
    async with asyncio.TaskGroup() as group:
        matters = [Matter(town, number, Random(f"{seed}/{number}")) for number in range(MATTERS)]
        running = [group.create_task(matter.run()) for matter in matters]
        group.create_task(_restarts(town, chance))
    case_ids = {task.result() for task in running}
    await eventually(lambda: _nothing_waits(town))
    for member in (CHONGMING, QIDONG):
        assert {case.case_id for case in await town.nodes[member].resources.store.cases()} == case_ids
    assert len(case_ids) == MATTERS
    for case_id in case_ids:
        await _one_record(town, case_id)
    await _logs_agree(town)


class Matter:
    """One matter, which its window and its officer push on until it is decided."""

    def __init__(self, town: Town, number: int, chance: Random) -> None:
        self._town = town
        self._chance = chance
        self._request = calls.submission(f"s-{number}", (DESK_ITEM, INSTANT_ITEM)[number % 2])
        self._case_id = ""

    async def run(self) -> str:
        """Take it in and see it through; return its case id."""
        await asyncio.sleep(self._chance.uniform(0, 0.5))
        receipt = await _sure(lambda: calls.submit(self._town.window(CHONGMING), self._request))
        self._case_id = receipt.case_id
        if self._request.item_code == DESK_ITEM:
            await self._correct()
            await self._decide("accept", accept=cases.AcceptCase())
            await self._decide("approve", approve=cases.ApproveCase(text="准予变更登记。"))
        await self._is(CHONGMING, cases.CASE_STATE_APPROVED)
        return receipt.case_id

    async def _correct(self) -> None:
        await self._is(QIDONG, cases.CASE_STATE_ARRIVED)
        await self._decide("correct", request_correction=CORRECTION)
        await self._is(CHONGMING, cases.CASE_STATE_CORRECTION)
        await _sure(lambda: calls.upload(self._town.window(CHONGMING)))
        await _sure(self._supplement)
        await self._is(QIDONG, cases.CASE_STATE_ARRIVED)

    async def _supplement(self) -> object:
        window, request_id = self._town.window(CHONGMING), f"p-{self._case_id}"
        return await calls.supplement(window, self._case_id, request_id, materials=[calls.MATERIAL])

    async def _decide(self, name: str, **decision: object) -> None:
        request_id = f"{name}-{self._case_id}"
        await _sure(lambda: calls.decide(self._town.window(QIDONG), self._case_id, request_id, **decision))

    async def _is(self, member: str, state: "cases.CaseState.ValueType") -> None:
        async def probe() -> bool:
            row = await _sure(lambda: self._row(member))
            return row is not None and row.state == state_name(state)

        await eventually(probe)

    async def _row(self, member: str) -> CaseRow | None:
        return await self._town.nodes[member].resources.store.case(self._case_id)


async def _sure(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call, as a window does, while its node is away or going."""
    while True:
        try:
            return await call()
        except Refusal as refusal:
            if refusal.code is not codes.STORE_FAILED:
                raise
        except (KeyError, StoreFailed):
            pass
        await asyncio.sleep(0.02)


async def _restarts(town: Town, chance: Random) -> None:
    for _ in range(RESTARTS):
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        await town.restart(chance.choice((CHONGMING, QIDONG)))


async def _nothing_waits(town: Town) -> bool:
    stores = [town.nodes[member].resources.store for member in (CHONGMING, QIDONG)]
    return not any([await store.outbox_counts() for store in stores])


async def _one_record(town: Town, case_id: str) -> None:
    here, there = [await calls.get_case(town.window(member), case_id) for member in (CHONGMING, QIDONG)]
    assert here.events == there.events
    assert not here.pending
    assert not there.pending
    view = record.verify(town.nodes[CHONGMING].resources.keeper.view, here.events)
    assert view is not None
    contents = [Act.FromString(event.act.act).WhichOneof("content") for event in here.events]
    assert contents == STEPS[view.received.item_code]


async def _logs_agree(town: Town) -> None:
    """Every answer that one side has in its log, the other has in its own."""
    logs = {member: await town.evidence(member) for member in (CHONGMING, QIDONG)}
    for asking, answering in ((CHONGMING, QIDONG), (QIDONG, CHONGMING)):
        believed = _exchanges(logs[asking], SIDE_ASKED)
        assert believed
        assert believed <= _exchanges(logs[answering], SIDE_ANSWERED)


def _exchanges(log: list[Evidence], side: int) -> set[tuple[bytes, bytes]]:
    answered = [one for one in log if one.side == side and one.HasField("answer")]
    return {(one.question.header, one.answer.header) for one in answered}

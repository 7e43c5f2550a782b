"""Handlers are asked with pauses, whatever fails: the disk, an intake that gives other bytes, an item that is gone."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine, event

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_ARRIVED
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ASKED
from tongban.api.exchange.v1.exchange_pb2 import Header
from tongban.core import Answer, Approve, Case, DecidingFact, Item, ItemType
from tongban.core.registry import Brought
from tongban.core.times import micros
from tongban.federation.exchange.carrier import Terms
from tongban.federation.store.rows import WorkRow
from tongban.federation.store.units import Put, Unit

from . import calls
from .laid_out import CHONGMING, DESK_ITEM, INSTANT_ITEM, QIDONG, LaidOut, brought
from .town import Town
from .waiting import eventually, until

FETCH = f"{calls.MATERIALS}/FetchMaterial"


@pytest.fixture
def connections() -> Iterator[list[sqlite3.Connection]]:
    """Collect the driver's connections as they are made, to set limits on a living store."""
    made: list[sqlite3.Connection] = []

    def collect(connection: sqlite3.Connection, _: object) -> None:
        made.append(connection)

    event.listen(Engine, "connect", collect)
    yield made
    event.remove(Engine, "connect", collect)


@dataclass
class Desk:
    """An item of 启东 whose handler takes care that its first answer cannot be written down."""

    database: sqlite3.Connection
    connections: list[sqlite3.Connection]
    asked: list[str] = field(default_factory=list)

    def brought(self, member: str) -> list[Brought]:
        if member != QIDONG:
            return brought(member)
        item = Item(INSTANT_ITEM, "开具示例证明", ItemType.PUBLIC_SERVICE, DecidingFact.REGISTRATION, "示例证明")
        item.handler(self._answer)
        return [Brought("desk", items=[item])]

    async def _answer(self, case: Case) -> Answer:
        self.asked.append(case.key)
        if len(self.asked) == 1:
            for connection in self.connections:
                with suppress(sqlite3.ProgrammingError):  # Some are closed.
                    connection.execute("PRAGMA busy_timeout=20")
            self.database.execute("BEGIN IMMEDIATE")
        return Approve("特此证明。")


async def test_a_store_that_cannot_write_makes_no_hot_loop_of_the_handler(
    laid_out: LaidOut, connections: list[sqlite3.Connection]
) -> None:
    database = sqlite3.connect(laid_out.folder / QIDONG / "node.db", isolation_level=None)
    desk = Desk(database, connections)
    async with Town(laid_out, desk.brought) as town:
        await town.start(CHONGMING, QIDONG)
        receipt = await calls.submit(town.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
        await until(lambda: bool(desk.asked))
        await asyncio.sleep(0.6)
        assert len(desk.asked) == 1
        database.execute("ROLLBACK")
        await town.case_is(QIDONG, receipt.case_id, CASE_STATE_APPROVED)
        assert desk.asked == desk.asked[:1] * 2
    database.close()


# Materials


async def hindered(town: Town, content: bytes, kept: bytes) -> tuple[str, WorkRow]:
    """Take a case in whose material is changed before 启东 fetches it; return its hindrance and what is left to do."""
    town.net.cut(QIDONG)
    clerk = town.window(CHONGMING)
    digest = await calls.upload(clerk, content)
    material = CaseMaterial(
        code="application", name="申请书", digest=digest, size=len(content), media_type="text/plain"
    )
    case_id = (await calls.submit(clerk, calls.submission(materials=[material]))).case_id
    (town.nodes[CHONGMING].resources.home / "materials" / CHONGMING / digest).write_bytes(kept)
    town.net.heal(QIDONG)
    await town.case_is(QIDONG, case_id, CASE_STATE_ARRIVED)
    await eventually(lambda: failed(town, case_id, 1))
    (row,) = await town.nodes[QIDONG].resources.store.work_of_case(case_id)
    return (await calls.get_case(town.window(QIDONG), case_id)).summary.hindrance, row


async def failed(town: Town, case_id: str, times: int) -> bool:
    return all(row.attempt >= times for row in await town.nodes[QIDONG].resources.store.work_of_case(case_id))


async def test_a_material_of_another_size_than_the_case_names_is_not_taken(town: Town) -> None:
    hindrance, row = await hindered(town, b" " * 200_000, b" ")
    assert "1 bytes came from byte 0 on for 65536, of 1 in all; the case names 200000" in hindrance
    assert "RECORD_INVALID" in hindrance
    asked = [one for one in await town.evidence(QIDONG) if one.side == SIDE_ASKED]
    fetched = [one for one in asked if Header.FromString(one.question.header).method == FETCH]
    assert row.attempt <= len(fetched) <= row.attempt * Terms().parts


async def test_other_bytes_than_the_case_names_are_fetched_again_an_hour_later(town: Town) -> None:
    hindrance, row = await hindered(town, b"right", b"wrong")
    assert "has another digest than the case names" in hindrance
    store, now = town.nodes[QIDONG].resources.store, town.clocks[QIDONG]
    again = {"case_id": row.case_id, "sequence": row.sequence, "not_before": 0, "attempt": 5_000, "error": ""}
    await store.commit(Unit(operations=(Put("work", again),)))
    await eventually(lambda: failed(town, row.case_id, 5_001))
    (later,) = await store.work_of_case(row.case_id)
    assert 3_590_000_000 < later.not_before - micros(now()) <= 3_600_000_000


# Items


async def test_a_case_of_an_item_that_is_gone_says_so(town: Town) -> None:
    receipt = await calls.submit(town.window(CHONGMING))
    await town.case_is(QIDONG, receipt.case_id, CASE_STATE_ARRIVED)
    await eventually(lambda: idle(town, receipt.case_id))
    resources = town.nodes[QIDONG].resources
    del resources.registry.items[DESK_ITEM]
    (arrived,) = [row for row in await resources.store.events(receipt.case_id) if row.sequence == 2]
    work = {"case_id": receipt.case_id, "sequence": arrived.sequence, "not_before": 0, "attempt": 0, "error": ""}
    await resources.store.commit(Unit(operations=(Put("work", work),)))
    await eventually(lambda: failed(town, receipt.case_id, 1))
    hindrance = (await calls.get_case(town.window(QIDONG), receipt.case_id)).summary.hindrance
    assert "ITEM_UNKNOWN" in hindrance


async def idle(town: Town, case_id: str) -> bool:
    return not await town.nodes[QIDONG].resources.store.work_of_case(case_id)

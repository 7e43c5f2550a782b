"""What a store gives back: every named read, on a real file."""

import dataclasses
import sqlite3
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.dialects import postgresql, registry

from tongban.federation.store import queries, tables
from tongban.federation.store.interface import Store
from tongban.federation.store.rows import (
    ActRow,
    CaseRow,
    Checkpoint,
    DocumentRow,
    EventRow,
    OutboxCount,
    OutboxRow,
    WindowRow,
    WorkRow,
)
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.statements import Statements
from tongban.federation.store.units import Claim, Delete, Insert, Put, Unit

POSTGRESQL: Dialect = registry.load("postgresql")()
SHANGHAI, HANGZHOU, NANJING = "310151", "330100", "320100"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore.open(tmp_path / "node.db", bytes(32), leaf_hash=lambda record: sha256(record).digest())
    yield store
    await store.close()


async def put(store: Store, table: str, *found: Any) -> None:
    await store.commit(Unit(operations=tuple(Put(table, dataclasses.asdict(row)) for row in found)))


def case(case_id: str, updated: int, **changes: Any) -> CaseRow:
    blank = CaseRow(case_id, SHANGHAI, HANGZHOU, "A1", "异地提取", "accepted", "S1", "", 1, "w1", updated)
    return dataclasses.replace(blank, **changes)


def message(message_id: str, position: int, case_id: str = "", peer: str = HANGZHOU, **changes: Any) -> OutboxRow:
    blank = OutboxRow(message_id, peer, case_id, position, "m", b"context", b"body", 99, 0, 0, "queued", "")
    return dataclasses.replace(blank, **changes)


async def due(store: Store, peer: str | None = HANGZHOU, now: int = 10, limit: int = 100) -> list[str]:
    return [found.message_id for found in await store.outbox_due(peer, now, limit)]


async def test_messages_that_are_under_way_are_not_read_again(store: Store) -> None:
    of_cases = message("m2", 2, "c1"), message("m3", 3, "c1"), message("m4", 4, "c2")
    await put(store, "outbox", message("m1", 1), *of_cases)
    assert [one.message_id for one in await store.outbox_due(HANGZHOU, 10, 9, ["m1", "m2"])] == ["m4"]
    many = [f"x{number}" for number in range(5_000)]
    assert len(await store.outbox_due(HANGZHOU, 10, 9, many)) == 3


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("acts", ActRow),
        ("events", EventRow),
        ("cases", CaseRow),
        ("outbox", OutboxRow),
        ("work", WorkRow),
        ("windows", WindowRow),
        ("documents", DocumentRow),
        ("checkpoints", Checkpoint),
        ("claims", Claim),
    ],
)
def test_a_row_has_the_columns_of_its_table(table: str, kind: type[Any]) -> None:
    assert [field.name for field in dataclasses.fields(kind)] == tables.metadata.tables[table].c.keys()


def test_every_statement_is_also_postgresql() -> None:
    statements = Statements(postgresql.insert)
    written = [statements[kind, name] for kind in (Insert, Put, Delete) for name in tables.metadata.tables]
    read = [query for name, query in vars(queries).items() if name.isupper()]
    assert len(read) > 15
    for statement in [*written, *read, queries.cases_like(["a"], {"intake": "b"}, 1, (2, "c"))]:
        assert str(statement.compile(dialect=POSTGRESQL))


async def test_a_case_comes_back_as_it_was_put(store: Store) -> None:
    await put(store, "cases", case("c1", 5), case("c2", 6, case_number="B1"))
    assert await store.case("c1") == case("c1", 5)
    assert await store.case("c3") is None
    await put(store, "cases", case("c1", 7, state="done"))
    assert await store.case("c1") == case("c1", 7, state="done")


async def test_a_case_is_found_by_either_of_its_numbers(store: Store) -> None:
    await put(
        store,
        "cases",
        *(case("c1", 1, intake_number="S1", case_number="B1"), case("c2", 2, intake_number="S2")),
        *(case("c3", 9, intake_number="N1", case_number="S2"), case("c4", 8, intake_number="S2")),
    )

    async def found(number: str, member: str = "") -> str | None:
        row = await store.case_by_number(number, member)
        return row.case_id if row else None

    assert await store.case_by_number("B1", "") == case("c1", 1, intake_number="S1", case_number="B1")
    assert await found("S1") == "c1"
    assert await found("S2") == "c3"  # of several the last updated
    await put(store, "cases", case("c2", 10, intake_number="S2"))
    assert await found("S2") == "c2"
    assert [await found(number) for number in ("c1", "S", "s1", "")] == [None] * 4


async def test_numbers_that_others_gave_hide_none_of_ones_own(store: Store) -> None:
    await put(
        store,
        "cases",
        case("taken in", 1, intake=SHANGHAI, handling=NANJING, intake_number="N"),
        case("handled", 2, intake=NANJING, handling=SHANGHAI, intake_number="", case_number="N"),
        case("of others", 3, intake=NANJING, handling=SHANGHAI, intake_number="N"),
        case("by others", 4, intake=SHANGHAI, handling=NANJING, intake_number="", case_number="N"),
    )
    order = ["taken in", "handled", "by others", "of others"]
    while order:
        row = await store.case_by_number("N", SHANGHAI)
        assert row is not None
        assert row.case_id == order.pop(0)
        await store.commit(Unit(operations=(Delete("cases", {"case_id": row.case_id}),)))


async def test_cases_are_filtered_and_the_latest_come_first(store: Store) -> None:
    await put(
        store,
        "cases",
        *(case("c1", 1), case("c2", 2, state="done"), case("c3", 3, intake=NANJING)),
        *(case("c4", 4, handling=NANJING), case("c5", 5, item_code="A2")),
    )

    async def found(**filters: Any) -> list[str]:
        return [row.case_id for row in await store.cases(**filters)]

    assert await found() == ["c5", "c4", "c3", "c2", "c1"]
    assert await found(states=["done"]) == ["c2"]
    assert await found(states=["accepted", "done"], intake=SHANGHAI, item_code="A1", limit=2) == ["c4", "c2"]
    assert await found(states=[]) == []
    assert await found(handling=NANJING) == ["c4"]


async def test_pages_of_cases_leave_none_out_when_times_are_equal(store: Store) -> None:
    await put(store, "cases", *(case(f"c{n}", n // 4) for n in range(10)))
    seen: list[CaseRow] = []
    while page := await store.cases(limit=3, before=(seen[-1].updated, seen[-1].case_id) if seen else None):
        seen += page
    assert [row.case_id for row in seen] == [f"c{n}" for n in reversed(range(10))]


async def test_acts_and_events_come_in_order_and_in_the_clear(store: Store) -> None:
    acts = [
        ActRow("c1", author, n, b"act %d" % n, b"seal") for author, n in ((NANJING, 1), (SHANGHAI, 2), (SHANGHAI, 1))
    ]
    events = [EventRow("c1", n, b"event", b"act %d" % n, b"s1", b"s2") for n in (3, 1, 2)]
    await put(store, "acts", *acts, ActRow("c2", SHANGHAI, 1, b"other", b"seal"))
    await put(store, "events", *events, EventRow("c2", 1, b"", b"", b"", b""))
    assert await store.acts("c1") == sorted(acts, key=lambda act: (act.author, act.n))
    assert await store.events("c1") == sorted(events, key=lambda event: event.sequence)
    assert [event.sequence for event in await store.events("c1", after=2)] == [3]


async def test_of_each_case_only_the_first_message_is_due(store: Store) -> None:
    await put(
        store,
        "outbox",
        *(message("a2", 4, "a"), message("a1", 1, "a"), message("b1", 2, "b"), message("a3", 5, "a")),
        *(message("x", 3), message("y", 6), message("n1", 2, "a", peer=NANJING)),
    )
    assert await due(store) == ["a1", "b1", "x", "y"]
    assert await due(store, limit=2) == ["a1", "b1"]
    assert await due(store, NANJING) == ["n1"]
    assert await due(store, None) == ["a1", "b1", "n1", "x", "y"]
    await store.commit(Unit(operations=(Delete("outbox", {"message_id": "a1"}),)))
    assert await due(store) == ["b1", "x", "a2", "y"]


async def test_a_postponed_message_holds_back_its_case_and_a_refused_one_does_not(store: Store) -> None:
    await put(store, "outbox", message("a1", 1, "a", not_before=50), message("a2", 2, "a"), message("b1", 3, "b"))
    assert await due(store, now=49) == ["b1"]
    assert await due(store, now=50) == ["a1", "b1"]
    await put(store, "outbox", message("a1", 1, "a", state="refused", error="EXPIRED"))
    assert await due(store, now=49) == ["a2", "b1"]
    assert [found.state for found in await store.outbox_of_case("a")] == ["refused", "queued"]
    assert await store.outbox_counts() == [
        OutboxCount(HANGZHOU, "queued", 2),
        OutboxCount(HANGZHOU, "refused", 1),
    ]


async def test_messages_of_a_case_come_back_whole(store: Store) -> None:
    sent = [message("a1", 1, "a", body=bytes(70_000)), message("a2", 2, "a", body=b"")]
    await put(store, "outbox", *sent, message("b1", 3, "b"))
    assert await store.outbox_of_case("a") == sent


@pytest.fixture
def steps() -> Iterator[list[int]]:
    """Count the thousands of steps that SQLite takes on connections made from now on."""
    counted = [0]

    def step() -> int:
        counted[0] += 1
        return 0

    def count(connection: sqlite3.Connection, _: object) -> None:
        connection.set_progress_handler(step, 1000)

    event.listen(Engine, "connect", count)
    yield counted
    event.remove(Engine, "connect", count)


async def test_the_effort_for_a_few_cases_does_not_grow_with_their_number(steps: list[int], store: Store) -> None:
    await put(store, "cases", *(case(f"c{n:05}", n, intake_number=f"S{n}") for n in range(10_000)))
    steps[0] = 0
    assert len(await store.cases(limit=5)) == 5
    assert len(await store.cases(limit=5, before=(5000, "c05000"))) == 5
    assert len(await store.cases(states=["accepted"], limit=5)) == 5
    assert await store.cases(states=["done", "closed"], limit=5) == []
    assert await store.case_by_number("S77", SHANGHAI)
    assert await store.case_by_number("B77", SHANGHAI) is None
    assert steps[0] < 3  # to look at each case once is more than 10 thousands


async def test_the_effort_for_a_long_queue_does_not_grow_with_its_square(steps: list[int], store: Store) -> None:
    await put(store, "outbox", *(message(f"m{n:04}", n, f"case {n}") for n in range(3000)))
    steps[0] = 0
    assert len(await due(store, limit=5000)) == 3000
    assert 0 < steps[0] < 400  # the square of 3,000 is 9,000 thousands


async def test_work_is_due_by_time(store: Store) -> None:
    late, first, second, other = (
        WorkRow("a", 3, 20, 0, ""),
        WorkRow("a", 1, 5, 1, "x"),
        WorkRow("a", 2, 5, 0, ""),
        WorkRow("b", 1, 1, 0, ""),
    )
    await put(store, "work", late, second, first, other)
    assert await store.work_due(19, 10) == [other, first, second]
    assert await store.work_due(20, 2) == [other, first]
    assert await store.work_of_case("a") == [first, second, late]


async def test_windows_documents_and_checkpoints(store: Store) -> None:
    windows = [WindowRow("w1", "一号窗口", "clerk", b"d", 1, None), WindowRow("w2", "二号窗口", "", b"d", 1, 9)]
    documents = [DocumentRow("agreement", 2, b"d", None, b"s"), DocumentRow("directory", 1, b"d", 5, b"s")]
    checkpoints = [Checkpoint(size, b"root") for size in (8, 16, 200)]
    await put(store, "windows", *reversed(windows))
    await put(store, "documents", *reversed(documents))
    await put(store, "checkpoints", *checkpoints)
    assert await store.windows() == windows
    assert await store.documents() == documents
    assert await store.checkpoints(start=9) == checkpoints[1:]
    assert await store.checkpoints(limit=1) == checkpoints[:1]
    assert await store.last_checkpoint() == checkpoints[2]


async def test_live_claims_begin_with_the_prefix_and_stand(store: Store) -> None:
    keys = ["q/1", "q/2", "Q/3", "q0", "q", "r/1", "q/办"]
    await store.commit(Unit((*map(Claim, keys), Claim("q/old", expires=2**53), Claim("q/_", b"d", b"o", 2**53 + 1))))
    assert [claim.key for claim in await store.live_claims("q/", 2**53, 10)] == ["q/1", "q/2", "q/_", "q/办"]
    assert await store.live_claims("q/_", 0, 10) == [Claim("q/_", b"d", b"o", 2**53 + 1)]
    assert [claim.key for claim in await store.live_claims("", 0, 2)] == ["Q/3", "q"]

"""What the operations of a unit do: their order within a batch, and what is said of mistakes."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tongban.federation.store.errors import UnitInvalid
from tongban.federation.store.interface import Store
from tongban.federation.store.rows import Checkpoint
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.units import Claim, Delete, Insert, Operation, Put, Unit


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore.open(tmp_path / "node.db", bytes(32), leaf_hash=lambda record: hashlib.sha256(record).digest())
    yield store
    await store.close()


def checkpoint(size: int, content: bytes = b"") -> dict[str, object]:
    return {"size": size, "checkpoint": content}


# Order of operations


async def test_operations_on_one_row_keep_their_order_across_the_units_of_a_batch(store: Store) -> None:
    units = [
        Unit(operations=(Insert("checkpoints", checkpoint(1, b"a")), Put("checkpoints", checkpoint(2, b"a")))),
        Unit(operations=(Put("checkpoints", checkpoint(1, b"b")), Delete("checkpoints", {"size": 2}))),
        Unit(operations=(Delete("checkpoints", {"size": 1}), Insert("checkpoints", checkpoint(1, b"c")))),
    ]
    await store.commit_all(units)
    assert await store.checkpoints() == [Checkpoint(1, b"c")]


def one_of(kind: int, size: int, content: bytes) -> Operation:
    if kind == 0:
        return Delete("checkpoints", {"size": size})
    return (
        Insert("checkpoints", checkpoint(size, content)) if kind == 1 else Put("checkpoints", checkpoint(size, content))
    )


def applied(model: dict[int, bytes], operation: Operation) -> None:
    if isinstance(operation, Delete):
        model.pop(int(str(operation.key["size"])), None)
    else:
        row = operation.row
        model[int(str(row["size"]))] = bytes(row["checkpoint"])  # type: ignore[call-overload]


async def test_a_batch_leaves_what_its_operations_one_by_one_would(store: Store) -> None:
    chance = random.Random(7)
    model: dict[int, bytes] = {}
    for _ in range(60):
        units = []
        for n in range(chance.randrange(1, 12)):
            size, kind = chance.randrange(3), chance.randrange(3)
            operation = one_of(2 if kind == 1 and size in model else kind, size, bytes([n]))
            applied(model, operation)
            units.append(Unit(operations=(operation,)))
        assert await store.commit_all(units) == [None] * len(units)
        assert {found.size: found.checkpoint for found in await store.checkpoints()} == model


async def test_columns_that_may_be_empty_may_be_left_out(store: Store) -> None:
    row = {"name": "directory", "version": 1, "digest": b"d", "signed": b"s"}
    await store.commit(Unit(operations=(Put("documents", {**row, "expires": 5}), Put("documents", row))))
    [document] = await store.documents()
    assert document.expires is None


# Mistakes

NAME = "周阿姒"


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (Put("nothing", {"size": 1}), "no table 'nothing'"),
        (Put("evidence", {"position": 0, "record": b"", "leaf": b""}), "no table 'evidence'"),
        (Put("checkpoints", {"checkpoint": b""}), "lacks its primary key: size"),
        (Put("checkpoints", {"size": 1}), "wrong columns for checkpoints: checkpoint"),
        (Put("checkpoints", {**checkpoint(1), "colour": NAME}), "wrong columns for checkpoints: colour"),
        (Delete("work", {"case_id": "c"}), "lacks its primary key: case_id, sequence"),
        (Put("serials", {"name": NAME, "next": None}), "NOT NULL constraint failed: serials.next"),
        (Put("serials", {"name": NAME, "next": 1 << 70}), "OverflowError"),
        (Put("checkpoints", {"size": 1, "checkpoint": NAME}), "cannot be stored"),
    ],
)
async def test_a_mistake_is_named_without_the_values(store: Store, operation: Operation, said: str) -> None:
    with pytest.raises(UnitInvalid, match=said) as caught:
        await store.commit(Unit(operations=(operation,)))
    assert NAME not in f"{caught.value} {caught.value.__cause__}"


async def test_a_row_inserted_twice_is_a_mistake(store: Store) -> None:
    insert = Unit(operations=(Insert("checkpoints", checkpoint(1)),))
    with pytest.raises(UnitInvalid, match="inserted over one that exists"):
        await store.commit_all([insert, insert])
    await store.commit(insert)
    with pytest.raises(UnitInvalid, match=r"UNIQUE constraint failed: checkpoints\.size"):
        await store.commit(insert)


async def test_a_mistake_hurts_its_caller_only(store: Store) -> None:
    units = [Unit((Claim(f"k{n}"),), (Put("checkpoints", checkpoint(n)),), (b"%d" % n,)) for n in range(20)]
    units[7] = Unit(operations=(Put("checkpoints", {"size": 7}),), evidence=(b"bad",))
    outcomes = await asyncio.gather(*map(store.commit, units), return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [7]
    assert isinstance(outcomes[7], UnitInvalid)
    assert [found.size for found in await store.checkpoints()] == [n for n in range(20) if n != 7]
    assert await store.evidence_size() == 19

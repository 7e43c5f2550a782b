"""What a store promises to those who write: claims, order, evidence, serials, life and end."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.interface import Store
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.units import Claim, Delete, Lost, Put, Unit

KEY = bytes(range(32))
MINUTE = 60_000_000


def leaf_hash(record: bytes) -> bytes:
    return hashlib.sha256(b"\0" + record).digest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


def opened(path: Path) -> SqliteStore:
    return SqliteStore.open(path, KEY, leaf_hash=leaf_hash)


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = opened(path)
    yield store
    await store.close()


def checkpoint(size: int, content: bytes = b"") -> dict[str, object]:
    return {"size": size, "checkpoint": content}


# Claims


async def test_a_second_unit_with_the_same_claim_is_lost_and_sees_the_first(store: Store) -> None:
    first = Claim("310151/1", b"digest one", b"receipt", expires=None)
    await store.commit(Unit((first,)))
    with pytest.raises(Lost) as caught:
        await store.commit(Unit((Claim("310151/1", b"digest two"),), (Put("checkpoints", checkpoint(1)),), (b"e",)))
    assert caught.value.claim == first
    assert await store.checkpoints() == []
    assert await store.evidence_size() == 0


async def test_first_come_wins_between_the_units_of_one_batch(store: Store) -> None:
    units = [
        Unit((Claim("a", b"1"),), (Put("checkpoints", checkpoint(1)),)),
        Unit((Claim("b"), Claim("a", b"2")), (Put("checkpoints", checkpoint(2)),)),
        Unit((Claim("b", b"3"),), (Put("checkpoints", checkpoint(3)),)),
    ]
    first, second, third = await store.commit_all(units)
    assert (first, third) == (None, None)
    assert second is not None
    assert second.claim == Claim("a", b"1")
    assert [found.size for found in await store.checkpoints()] == [1, 3]
    assert await store.claim("b") == Claim("b", b"3")


async def test_a_claim_outlives_a_restart(path: Path) -> None:
    store = opened(path)
    claim = Claim("case-1", b"digest", b"outcome")
    await store.commit(Unit((claim,)))
    await store.close()
    again = opened(path)
    with pytest.raises(Lost) as caught:
        await again.commit(Unit((Claim("case-1", b"other"),)))
    assert caught.value.claim == claim
    await again.close()


async def test_claims_of_a_batch_larger_than_one_query_are_all_checked(store: Store) -> None:
    units = [Unit((Claim(f"key-{n}"),)) for n in range(1200)]
    assert await store.commit_all(units) == [None] * 1200
    assert all(isinstance(lost, Lost) for lost in await store.commit_all(units))


async def test_an_expired_claim_no_longer_stands_and_is_taken_away(path: Path) -> None:
    clock = [0]
    store = SqliteStore.open(path, KEY, leaf_hash=leaf_hash, now=lambda: clock[0])
    await store.commit(Unit((Claim("short", b"1", expires=10), Claim("gone", expires=10), Claim("ever"))))
    clock[0] = 10
    assert await store.claim("short") is None
    await store.commit(Unit((Claim("short", b"2", expires=10 * MINUTE),)))
    clock[0] = 2 * MINUTE
    await store.commit(Unit())
    await store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT key, digest FROM claims ORDER BY key").fetchall() == [
            ("ever", b""),
            ("short", b"2"),
        ]
    connection.close()


def test_a_unit_claims_a_key_once() -> None:
    with pytest.raises(ValueError, match="each key once"):
        Unit((Claim("a"),)).merged(Unit((Claim("a"),)))


def test_merging_keeps_the_order_of_both() -> None:
    one = Unit((Claim("a"),), (Put("checkpoints", checkpoint(1)),), (b"1",))
    two = Unit((Claim("b"),), (Delete("checkpoints", {"size": 1}),), (b"2",))
    assert one.merged(two) == Unit(one.claims + two.claims, one.operations + two.operations, (b"1", b"2"))


# Evidence


async def test_evidence_positions_are_contiguous_under_64_callers(path: Path) -> None:
    appended: list[bytes] = []
    store = SqliteStore.open(path, KEY, leaf_hash=leaf_hash, on_append=appended.extend)

    async def caller(name: int) -> None:
        for n in range(20):
            # The same claim for two callers each: losers leave no gap.
            unit = Unit((Claim(f"{name // 2}-{n}"),), (), (b"%d-%d a" % (name, n), b"%d-%d b" % (name, n)))
            await store.commit_all([unit])

    await asyncio.gather(*map(caller, range(64)))
    assert await store.evidence_size() == 32 * 20 * 2
    records = await store.evidence(0, 10_000)
    assert len(set(records)) == len(records) == 32 * 20 * 2
    assert await store.leaves(0, 10_000) == [leaf_hash(record) for record in records] == appended
    assert all(two == one[:-1] + b"b" for one, two in zip(records[::2], records[1::2], strict=True))
    assert await store.evidence(5, 8) == records[5:8]
    await store.close()


async def test_evidence_goes_on_where_it_ended(path: Path) -> None:
    for n in range(3):
        store = opened(path)
        assert await store.evidence_size() == n
        await store.commit(Unit(evidence=(b"%d" % n,)))
        await store.close()
    store = opened(path)
    assert await store.evidence(0, 3) == [b"0", b"1", b"2"]
    await store.close()


async def test_a_listener_that_fails_does_not_unsay_a_commit(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: list[bytes]) -> None:
        raise RuntimeError("no tree here")

    store = SqliteStore.open(path, KEY, leaf_hash=leaf_hash, on_append=fail)
    await store.commit(Unit(evidence=(b"record",)))
    assert await store.evidence(0, 1) == [b"record"]
    assert "listener to the evidence log failed" in caplog.text
    await store.close()


# Serials


async def test_two_callers_never_lease_the_same_number(path: Path) -> None:
    store = opened(path)
    assert await store.serial("intake") == 1
    blocks = await asyncio.gather(*(store.lease_serials("intake", 1 + n % 5) for n in range(50)))
    other = await store.lease_serials("case", 3)
    await store.close()
    again = opened(path)
    blocks.append(await again.lease_serials("intake", 10))
    numbers = [number for block in blocks for number in block]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert other == range(1, 4)
    assert await again.serial("intake") == len(numbers) + 1
    await again.close()


async def test_no_numbers_cannot_be_leased(store: Store) -> None:
    with pytest.raises(ValueError, match="0 numbers"):
        await store.lease_serials("intake", 0)


# Life and end


async def test_closing_records_what_was_handed_over(path: Path) -> None:
    store = opened(path)
    callers = [asyncio.ensure_future(store.commit(Unit((Claim(f"k{n}"),)))) for n in range(700)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*callers) == [None] * 700
    again = opened(path)
    assert len(await again.live_claims("k", 0, 1000)) == 700
    await again.close()


async def test_a_closed_store_says_so(path: Path) -> None:
    store = opened(path)
    await store.close()
    await store.close()
    calls: list[Callable[[], object]] = [lambda: store.commit(Unit()), store.documents, lambda: store.serial("a")]
    for call in calls:
        with pytest.raises(StoreFailed, match="closed"):
            await call()  # type: ignore[misc]


async def test_a_cancelled_caller_leaves_the_others_alone(store: Store) -> None:
    callers = [asyncio.ensure_future(store.commit(Unit((Claim(f"k{n}"),)))) for n in range(9)]
    await asyncio.sleep(0)
    callers[4].cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [asyncio.CancelledError]
    assert await store.commit_all([]) == []


def test_a_store_serves_several_loops(path: Path) -> None:
    async def use(store: Store, key: str) -> int:
        await store.commit(Unit((Claim(key),)))
        return len(await store.live_claims("", 0, 10))

    store = opened(path)
    assert [asyncio.run(use(store, key)) for key in "ab"] == [1, 2]
    asyncio.run(store.close())


async def test_looks_go_on_until_it_is_closed(path: Path) -> None:
    """SQLite would end the process if a connection were closed by one thread while another reads by it."""
    for _ in range(20):
        store, looks = opened(path), 0
        closing = asyncio.create_task(store.close())
        while not closing.done():
            with suppress(StoreFailed):
                assert await store.case("none") is None
                looks += 1
            await asyncio.sleep(0)
        assert looks > 0

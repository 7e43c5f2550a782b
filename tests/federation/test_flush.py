"""The flush: what waits together is sealed with one signature and written in one transaction; nobody waits alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.documents.v1.documents_pb2 import PublicKey
from tongban.core.merkle import leaf_hash
from tongban.core.sealing import EVENT, Leaf, seal_is_right
from tongban.core.signing import LocalSigner, generate_key
from tongban.federation.calls import Step, writes
from tongban.federation.flush import GATHER_FROM, LONGEST_SECONDS, MOST_AT_ONCE, Flush
from tongban.federation.store.errors import StoreFailed, UnitInvalid
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.units import Claim, Insert, Lost, Unit


class CountingSigner:
    """A real signer that counts its signatures, and can be told to fail."""

    def __init__(self) -> None:
        self._signer = LocalSigner(generate_key())
        self.signatures = 0
        self.broken = False

    @property
    def public_key(self) -> PublicKey:
        return self._signer.public_key

    async def sign(self, data: bytes) -> bytes:
        if self.broken:
            raise ConnectionError("the device does not answer")
        self.signatures += 1
        return await self._signer.sign(data)


@pytest.fixture
def signer() -> CountingSigner:
    return CountingSigner()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "node.db", bytes(32), leaf_hash=leaf_hash)
    yield store
    await store.close()


@pytest.fixture
def flush(signer: CountingSigner, store: SqliteStore) -> Flush:
    return Flush(signer, store)


def step(name: str, claim: str = "") -> Step:
    """Return a step that seals a leaf and records its seal."""

    def unit_of(seals: Sequence[Seal]) -> Unit:
        claims = (Claim(claim),) if claim else ()
        return Unit(claims=claims, evidence=(name.encode() + seals[0].SerializeToString(),))

    return Step([leaf(name)], unit_of)


def leaf(name: str) -> Leaf:
    return Leaf(EVENT, name.encode())


async def test_a_lone_step_is_sealed_and_written_at_once(
    flush: Flush, signer: CountingSigner, store: SqliteStore
) -> None:
    (seal,) = await flush.put(step("one"))
    assert seal_is_right(signer.public_key, seal, leaf("one"))
    assert (seal.tree_size, list(seal.path)) == (1, [])
    assert await store.evidence(0, 1) == [b"one" + seal.SerializeToString()]


async def test_steps_one_after_the_other_never_wait_for_others(flush: Flush, signer: CountingSigner) -> None:
    taken = []
    for number in range(20):
        started = time.perf_counter()
        await flush.seal(leaf(str(number)))
        taken.append(time.perf_counter() - started)
    assert signer.signatures == 20
    assert min(taken) < LONGEST_SECONDS / 2


async def test_steps_that_wait_together_share_one_signature_and_each_has_its_own_proof(
    flush: Flush, signer: CountingSigner, store: SqliteStore
) -> None:
    names = [str(number) for number in range(100)]
    seals = await asyncio.gather(*(flush.put(step(name)) for name in names))
    assert signer.signatures == 1
    assert len({seal.signature for (seal,) in seals}) == 1
    assert all(seal_is_right(signer.public_key, seal, leaf(name)) for name, (seal,) in zip(names, seals, strict=True))
    assert not seal_is_right(signer.public_key, seals[0][0], leaf("1"))
    assert await store.evidence_size() == 100


async def test_under_load_steps_gather_although_they_come_one_by_one(flush: Flush, signer: CountingSigner) -> None:
    async def caller(number: int) -> None:
        for turn in range(10):
            await flush.put(step(f"{number}/{turn}"))

    await asyncio.gather(*(caller(number) for number in range(8 * GATHER_FROM)))
    assert signer.signatures < 10 * 8 * GATHER_FROM / 4


async def test_who_comes_while_others_gather_goes_with_them(flush: Flush, signer: CountingSigner) -> None:
    """A gathering goes on while somebody joins, so that what is slow to come one by one still shares a signature."""
    first = [asyncio.create_task(flush.seal(leaf(str(number)))) for number in range(GATHER_FROM)]
    for number in range(20):
        await asyncio.sleep(0)
        first.append(asyncio.create_task(flush.seal(leaf(f"later {number}"))))
    await asyncio.gather(*first)
    assert signer.signatures <= len(first) / 2


async def test_a_gathering_ends_although_somebody_always_joins(flush: Flush) -> None:
    async def join(until: "asyncio.Task[object]") -> None:
        while not until.done():
            joining.append(asyncio.create_task(flush.seal(leaf("another"))))
            await asyncio.sleep(0)

    joining: list[asyncio.Task[object]] = []
    joining += [asyncio.create_task(flush.seal(leaf(str(number)))) for number in range(GATHER_FROM)]
    await asyncio.wait_for(join(joining[0]), 50 * LONGEST_SECONDS)
    await asyncio.gather(*joining)


async def test_a_flush_takes_no_more_than_its_most(flush: Flush, signer: CountingSigner) -> None:
    seals = await asyncio.gather(*(flush.seal(leaf(str(number))) for number in range(2 * MOST_AT_ONCE + 1)))
    assert signer.signatures == 3
    assert sorted({seal.tree_size for seal in seals}) == [1, MOST_AT_ONCE]


async def test_what_is_written_only_needs_no_signature(
    flush: Flush, signer: CountingSigner, store: SqliteStore
) -> None:
    await flush.put(writes(Unit(evidence=(b"record",))))
    assert signer.signatures == 0
    assert await store.evidence_size() == 1


async def test_two_steps_in_one_stand_or_fall_together(flush: Flush, store: SqliteStore) -> None:
    await flush.put(step("first", claim="k"))
    both = step("second").then(step("third", claim="k"))
    with pytest.raises(Lost):
        await flush.put(both)
    assert await store.evidence_size() == 1
    seals = await flush.put(step("second").then(step("third", claim="other")))
    assert len(seals) == 2
    assert await store.evidence_size() == 3


async def test_a_loser_in_a_flush_hurts_nobody_else(flush: Flush, store: SqliteStore) -> None:
    steps = [step(str(number), claim="k" if number in (3, 7) else "") for number in range(10)]
    outcomes = await asyncio.gather(*(flush.put(one) for one in steps), return_exceptions=True)
    assert [isinstance(outcome, Lost) for outcome in outcomes] == [number == 7 for number in range(10)]
    assert await store.evidence_size() == 9


async def test_a_unit_that_can_never_be_written_hurts_its_own_caller_only(flush: Flush, store: SqliteStore) -> None:
    wrong = writes(Unit(operations=(Insert("cases", {"case_id": "half a row"}),), evidence=(b"wrong",)))
    steps = [step("one"), wrong, step("two", claim="k"), step("three", claim="k")]
    outcomes = await asyncio.gather(*map(flush.put, steps), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [list, UnitInvalid, list, Lost]
    assert await store.evidence_size() == 2


class FillingStore(SqliteStore):
    """A real store whose disk is full after so many commits."""

    commits_left = 10**6

    async def commit_all(self, units: Sequence[Unit]) -> list[Lost | None]:
        if not self.commits_left:
            raise StoreFailed("the disk is full")
        outcomes = await super().commit_all(units)
        self.commits_left -= 1
        return outcomes


async def test_what_stands_is_told_as_standing_although_the_store_fails_after_it(
    signer: CountingSigner, tmp_path: Path
) -> None:
    store = FillingStore.open(tmp_path / "filling.db", bytes(32), leaf_hash=leaf_hash)
    store.commits_left, followed = 2, list[str]()
    flush = Flush(signer, store)
    wrong = writes(Unit(operations=(Insert("cases", {"case_id": "half a row"}),)))
    steps = {"one": step("one"), "wrong": wrong, "two": step("two"), "three": step("three")}
    puts = [flush.put(one, partial(followed.append, name)) for name, one in steps.items()]
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [list, UnitInvalid, list, StoreFailed]
    assert (await store.evidence_size(), followed) == (2, ["one", "two"])
    await store.close()


@pytest.mark.parametrize("further", [False, True])
async def test_a_step_that_cannot_say_what_it_writes_hurts_its_own_caller_only(
    flush: Flush, store: SqliteStore, further: bool
) -> None:
    def broken(seals: Sequence[Seal]) -> Unit | Step:
        raise KeyError("a mistake")

    wrong = Step([leaf("first")], lambda seals: Step([leaf("wrong")], broken)) if further else Step(unit_of=broken)
    outcomes = await asyncio.gather(*map(flush.put, [step("one"), wrong, step("two")]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [list, KeyError, list]
    assert await store.evidence_size() == 2


async def test_a_listener_that_fails_hurts_nobody(signer: CountingSigner, store: SqliteStore) -> None:
    def fails(unit: Unit) -> None:
        raise KeyError("a mistake")

    flush, followed = Flush(signer, store, fails), list[str]()
    await asyncio.gather(*(flush.put(step(name), partial(followed.append, name)) for name in ("one", "two")))
    assert (await store.evidence_size(), followed) == (2, ["one", "two"])


async def test_without_a_signature_nothing_is_written(flush: Flush, signer: CountingSigner, store: SqliteStore) -> None:
    signer.broken = True
    outcomes = await asyncio.gather(flush.put(step("one")), flush.put(step("two")), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, ConnectionError]
    assert await store.evidence_size() == 0
    signer.broken = False
    await flush.put(step("three"))
    assert await store.evidence_size() == 1


async def test_what_follows_a_write_follows_also_if_its_caller_has_left(flush: Flush, store: SqliteStore) -> None:
    followed: list[str] = []
    call = asyncio.create_task(flush.put(step("one"), lambda: followed.append("one")))
    await asyncio.sleep(0)
    call.cancel()
    await flush.put(step("two", claim="k"), lambda: followed.append("two"))
    with pytest.raises(Lost):
        await flush.put(step("three", claim="k"), lambda: followed.append("three"))
    assert followed == ["one", "two"]
    assert await store.evidence_size() == 2

"""Personal data at rest, and bytes that were altered where they rest."""

import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.rows import ActRow, EventRow, OutboxRow
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.units import Claim, Lost, Put, Unit

KEY = bytes(range(32))
CANARY = "住址：云栖镇听潮巷九号".encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


def opened(path: Path, key: bytes = KEY) -> SqliteStore:
    return SqliteStore.open(path, key, leaf_hash=lambda record: sha256(record).digest())


def event_row(sequence: int, act: bytes) -> dict[str, object]:
    return asdict(EventRow("c", sequence, b"e", act, b"", b""))


def on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


async def test_personal_data_is_not_in_the_files(path: Path) -> None:
    store = opened(path)
    message = OutboxRow("m", "p", "c", 1, "m", b"seen", CANARY, 1, 0, 0, "queued", "")
    act = {"case_id": "c", "author": "310151", "n": 1, "act": CANARY, "seal": b"seen"}
    claim = Claim("seen", b"seen", CANARY)
    rows = (Put("events", event_row(1, CANARY)), Put("outbox", asdict(message)), Put("acts", act))
    await store.commit(Unit((claim,), rows))
    assert await store.acts("c") == [ActRow("c", "310151", 1, CANARY, b"seen")]
    assert [row.act for row in await store.events("c")] == [CANARY]
    assert [row.body for row in await store.outbox_due(None, 0, 9)] == [CANARY]
    assert await store.claim("seen") == claim
    assert await store.live_claims("", 0, 9) == [claim]
    assert b"seen" in on_disk(path)
    assert CANARY not in on_disk(path)
    await store.close()
    assert CANARY not in on_disk(path)


async def test_the_loser_of_a_claim_gets_its_outcome_in_the_clear(path: Path) -> None:
    claim = Claim("k", b"digest", CANARY)
    store = opened(path)
    await store.commit(Unit((claim,)))
    for _ in range(2):
        with pytest.raises(Lost) as caught:
            await store.commit(Unit((Claim("k"),)))
        assert caught.value.claim == claim
        await store.close()
        store = opened(path)
    await store.close()
    assert CANARY not in stored(path, "SELECT outcome FROM claims")[0]


async def test_an_outcome_written_by_an_operation_is_encrypted_too(path: Path) -> None:
    claim = Claim("k", b"digest", CANARY)
    store = opened(path)
    await store.commit(Unit(operations=(Put("claims", asdict(claim)),)))
    assert await store.claim("k") == claim
    assert CANARY not in on_disk(path)
    await store.close()


async def test_an_altered_outcome_is_noticed_by_reader_and_writer_until_it_expires(path: Path) -> None:
    clock = [0]
    store = SqliteStore.open(path, KEY, leaf_hash=bytes, now=lambda: clock[0])
    await store.commit(Unit((Claim("k", b"digest", CANARY, expires=10),)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE claims SET outcome = zeroblob(length(outcome))")
    connection.close()
    with pytest.raises(StoreFailed, match=r"claims\.outcome cannot be decrypted"):
        await store.claim("k")
    with pytest.raises(StoreFailed, match=r"claims\.outcome cannot be decrypted"):
        await store.commit(Unit((Claim("k"),), (Put("events", event_row(1, CANARY)),)))
    assert await store.events("c") == []
    clock[0] = 10
    await store.commit(Unit((Claim("k"),)))
    assert await store.claim("k") == Claim("k")
    await store.close()


async def test_only_an_outcome_may_be_empty_at_rest(path: Path) -> None:
    store = opened(path)
    await store.commit(Unit((Claim("k"),), (Put("events", event_row(1, b"")),)))
    assert (await store.claim("k"), [row.act for row in await store.events("c")]) == (Claim("k"), [b""])
    await store.close()
    assert stored(path, "SELECT outcome FROM claims") == [b""]
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET act = x''")
    connection.close()
    store = opened(path)
    with pytest.raises(StoreFailed, match=r"events\.act cannot be decrypted"):
        await store.events("c")
    await store.close()


async def test_the_same_value_is_never_encrypted_to_the_same_bytes(path: Path) -> None:
    store = opened(path)
    await store.commit(Unit(operations=tuple(Put("events", event_row(n, CANARY)) for n in range(50))))
    await store.close()
    assert len(set(stored(path, "SELECT act FROM events"))) == 50


async def test_another_key_is_refused(path: Path) -> None:
    await opened(path, bytes(32)).close()
    store = opened(path)  # nothing was encrypted yet
    await store.commit(Unit(operations=(Put("events", event_row(1, CANARY)),)))
    await store.close()
    with pytest.raises(StoreFailed, match="nothing in the store can be decrypted with this key"):
        opened(path, bytes(32))
    with pytest.raises(StoreFailed, match="has 31 bytes; it must have 32"):
        opened(path, bytes(31))


async def test_another_key_is_refused_when_few_outcomes_are_all_that_is_encrypted(path: Path) -> None:
    store = opened(path)
    await store.commit(Unit(tuple(Claim(f"k{n}") for n in range(20))))
    await store.close()
    store = opened(path, bytes(32))  # nothing was encrypted yet
    await store.commit(Unit((Claim("sealed", b"", CANARY),)))
    await store.close()
    with pytest.raises(StoreFailed, match="nothing in the store can be decrypted with this key"):
        opened(path)
    await opened(path, bytes(32)).close()


def stored(path: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(path)
    found = [row[0] for row in connection.execute(query)]
    connection.close()
    return found


def flip(path: Path, value: bytes, bit: int) -> None:
    """Flip one bit of ``value`` where it stands in the file."""
    content = bytearray(path.read_bytes())
    place = content.index(value) + bit // 8
    content[place] ^= 1 << bit % 8
    path.write_bytes(content)


async def altered(path: Path, query: str, bit: int, read: Callable[[SqliteStore], Any]) -> None:
    store = opened(path)
    rows = tuple(Put("events", event_row(n, CANARY)) for n in (1, 2))
    await store.commit(Unit(operations=rows, evidence=(b"the first record", b"the second record")))
    await store.close()
    flip(path, stored(path, query)[1], bit)
    store = opened(path)
    try:
        await read(store)
    finally:
        await store.close()


@pytest.mark.parametrize("bit", [0, 77, 96, 300, 480])
async def test_a_flipped_bit_of_an_encrypted_value_is_noticed(path: Path, bit: int) -> None:
    with pytest.raises(StoreFailed, match=r"a value of events\.act cannot be decrypted.*altered"):
        await altered(path, "SELECT act FROM events", bit, lambda store: store.events("c"))


@pytest.mark.parametrize("column", ["record", "leaf"])
async def test_a_flipped_bit_of_the_evidence_is_noticed_and_named(path: Path, column: str) -> None:
    with pytest.raises(StoreFailed, match="evidence record 1 does not match its leaf"):
        await altered(path, f"SELECT {column} FROM evidence", 3, lambda store: store.evidence(0, 2))


async def test_a_value_moved_to_another_column_does_not_open(path: Path) -> None:
    store = opened(path)
    act = {"case_id": "c", "author": "310151", "n": 1, "act": b"own", "seal": b""}
    await store.commit(Unit(operations=(Put("events", event_row(1, CANARY)), Put("acts", act))))
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE acts SET act = (SELECT act FROM events)")
    connection.close()
    store = opened(path)
    assert await store.events("c") == [EventRow("c", 1, b"e", CANARY, b"", b"")]
    with pytest.raises(StoreFailed, match=r"acts\.act cannot be decrypted"):
        await store.acts("c")
    await store.close()

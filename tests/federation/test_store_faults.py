"""A store when things go wrong: killed processes, a second owner, a full disk, a locked file."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from tongban.federation.store.errors import StoreFailed, StoreFull, StoreOwned
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.units import Claim, Put, Unit

KEY = bytes(range(32))


def leaf_hash(record: bytes) -> bytes:
    return sha256(record).digest()


def opened(path: Path, key: bytes = KEY) -> SqliteStore:
    return SqliteStore.open(path, key, leaf_hash=leaf_hash)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


@pytest.fixture
def connections() -> Iterator[list[sqlite3.Connection]]:
    """Collect the driver's connections as they are made, to set limits on a living store."""
    made: list[sqlite3.Connection] = []

    def collect(connection: sqlite3.Connection, _: object) -> None:
        made.append(connection)

    event.listen(Engine, "connect", collect)
    yield made
    event.remove(Engine, "connect", collect)


def event_row(sequence: int, act: bytes) -> dict[str, object]:
    return {"case_id": "c", "sequence": sequence, "event": b"e", "act": act, "act_seal": b"", "event_seal": b""}


# Killed processes

COMMITS = """
import asyncio, hashlib, os, sys
from pathlib import Path
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.units import Claim, Put, Unit

async def caller(store, name):
    for n in range(10**9):
        key = f"{name}-{n}"
        await store.commit(Unit((Claim(key),), (Put("serials", {"name": key, "next": n}),), (key.encode(),)))
        os.write(1, f"{key}\\n".encode())

async def main():
    leaf_hash = lambda record: hashlib.sha256(record).digest()
    store = SqliteStore.open(Path(sys.argv[1]), bytes(range(32)), leaf_hash=leaf_hash)
    await asyncio.gather(*(caller(store, f"{sys.argv[2]}-{n}") for n in range(8)))

asyncio.run(main())
"""


def killed_after(path: Path, run: int, acknowledged: int) -> list[str]:
    """Kill a process that commits in a loop; return the keys of the units that it saw committed."""
    command = [sys.executable, "-c", COMMITS, str(path), str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged)]
        process.kill()
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


async def kept(path: Path) -> tuple[set[str], set[str], list[bytes]]:
    store = opened(path)
    claims = {claim.key for claim in await store.live_claims("", 0, 10**9)}
    serials = {key for key in claims if await store.serial(key) == int(key.rsplit("-")[-1])}
    size = await store.evidence_size()
    records = await store.evidence(0, size)
    assert len(records) == size
    await store.close()
    return claims, serials, records


def test_what_was_acknowledged_is_there_after_kill_9(path: Path) -> None:
    acknowledged: set[str] = set()
    for run, count in enumerate((1, 40, 90, 210, 400)):
        acknowledged |= set(killed_after(path, run, count))
        claims, serials, records = asyncio.run(kept(path))
        assert acknowledged <= claims
        # Units are whole: as many rows and records as claims, whether acknowledged or not.
        assert serials == claims
        assert {record.decode() for record in records} == claims
        assert len(records) == len(claims)


# Owners

OPEN = """
import sys
from pathlib import Path
from tongban.federation.store.errors import StoreOwned
from tongban.federation.store.sqlite import SqliteStore
try:
    SqliteStore.open(Path(sys.argv[1]), bytes(range(32)), leaf_hash=bytes)
except StoreOwned as error:
    print(error)
    sys.exit(3)
"""


def second_process(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", OPEN, str(path)], check=False, capture_output=True, text=True)


def test_a_second_process_is_told_who_owns_the_store(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other name.db").symlink_to(path)
    store = opened(path)
    for name in (path, tmp_path / "other name.db"):
        refused = second_process(name)
        assert refused.returncode == 3
        assert f"{path} belongs to process {os.getpid()}: one process only may open a store" in refused.stdout
    asyncio.run(store.close())
    assert second_process(path).returncode == 0


async def test_a_second_store_in_one_process_is_refused_and_a_failed_opening_lets_go(path: Path) -> None:
    store = opened(path)
    with pytest.raises(StoreOwned) as caught:
        opened(path)
    assert (caught.value.path, caught.value.pid) == (path, os.getpid())
    await store.commit(Unit(operations=(Put("events", event_row(1, b"act")),)))
    await store.close()
    with pytest.raises(StoreFailed):
        opened(path, bytes(32))
    await opened(path).close()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"nowhere/node\.db cannot be opened: No such file or directory"):
        opened(tmp_path / "nowhere" / "node.db")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"a letter" * 1000)
    with pytest.raises(StoreFailed, match="file is not a database"):
        opened(path)
    assert path.read_bytes() == b"a letter" * 1000


async def test_nobody_else_may_read_the_files(path: Path) -> None:
    store = opened(path)
    await store.commit(Unit((Claim("a"),)))
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}
    assert len(list(path.parent.iterdir())) == 4
    await store.close()


# Failed transactions


async def test_a_full_disk_fails_the_batch_and_the_store_goes_on(
    path: Path, connections: list[sqlite3.Connection]
) -> None:
    store = opened(path)
    writer = connections[-1]
    await store.commit(Unit((Claim("before"),), (), (b"before",)))
    [(pages,)] = writer.execute("PRAGMA page_count")
    writer.execute(f"PRAGMA max_page_count={pages + 5}")
    big = [Unit((Claim(f"k{n}"),), (Put("events", event_row(n, bytes(9000))),), (b"e",)) for n in range(1, 9)]
    failed = await asyncio.gather(*map(store.commit, big), return_exceptions=True)
    assert any(isinstance(error, StoreFull) for error in failed)
    with pytest.raises(StoreFull, match="free disk space"):
        await store.commit_all(big)
    assert [claim.key for claim in await store.live_claims("", 0, 10)] == ["before"]
    assert await store.events("c") == []
    writer.execute("PRAGMA max_page_count=100000")
    assert await store.commit_all(big) == [None] * 8
    assert len(await store.events("c")) == 8
    assert await store.evidence(0, 9) == [b"before", *[b"e"] * 8]
    await store.close()


async def test_a_locked_file_fails_the_batch_and_the_store_goes_on(
    path: Path, connections: list[sqlite3.Connection]
) -> None:
    store = opened(path)
    writer = connections[-1]
    writer.execute("PRAGMA busy_timeout=20")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailed, match="database is locked"):
        await store.commit(Unit((Claim("a"),)))
    with pytest.raises(StoreFailed, match="database is locked"):
        await store.lease_serials("intake", 1)
    assert await store.claim("a") is None
    other.close()
    await store.commit(Unit((Claim("a"),)))
    assert await store.claim("a") == Claim("a")
    await store.close()

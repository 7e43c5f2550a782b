"""The store on one SQLite file, for one node."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from tongban.federation.store.cipher import Cipher
from tongban.federation.store.direct import Direct
from tongban.federation.store.engines import reading, writing
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.failures import failure
from tongban.federation.store.migrations import migrate
from tongban.federation.store.ownership import Ownership
from tongban.federation.store.readers import THREADS, Readers
from tongban.federation.store.reads import Reads
from tongban.federation.store.recorder import Clock, LeafHash, OnAppend, Recorder
from tongban.federation.store.units import Lost, Unit
from tongban.federation.store.writer import Writer


def _microseconds() -> int:
    return time.time_ns() // 1000


class SqliteStore(Reads):
    """A `Store` on one file, which belongs to one process while it is open."""

    def __init__(self, path: Path, key: bytes, leaf_hash: LeafHash, on_append: OnAppend | None, now: Clock) -> None:
        cipher = Cipher(key)
        with ExitStack() as held:
            held.callback(Ownership(path).release)
            path.touch(mode=0o600)
            engine = writing(path)
            migrate(engine)
            connection = held.enter_context(engine.connect())
            cipher.check(connection)
            recorder = Recorder(connection, insert, cipher, leaf_hash, on_append, now)
            recorder.prune_when_due()
            readers = Readers(reading(path, THREADS), cipher)
            held.callback(readers.close)
            direct = Direct(path, cipher)
            held.callback(direct.close)
            super().__init__(readers, direct, leaf_hash, now)
            self._writer = Writer(recorder)
            held.callback(self._writer.close)
            self._held = held.pop_all()

    @classmethod
    def open(
        cls,
        path: Path,
        key: bytes,
        *,
        leaf_hash: LeafHash,
        on_append: OnAppend | None = None,
        now: Clock = _microseconds,
    ) -> Self:
        """Open the store at ``path``, or make it; its schema is brought up to date.

        ``key`` (32 bytes) encrypts personal data at rest. ``leaf_hash`` gives the evidence log's leaf for a
        record; ``on_append`` is called in the writer thread after each commit with the new leaves, in order,
        before any caller goes on. ``now`` gives microseconds since the epoch, for claims that expire.

        Raises StoreOwned if the file is open already, StoreFailed if it cannot be opened or is no store, if a
        newer version wrote it, or if ``key`` is not its key.
        """
        path = path.resolve()
        try:
            return cls(path, key, leaf_hash, on_append, now)
        except OSError as error:
            raise StoreFailed(f"{path} cannot be opened: {error.strerror}") from error
        except SQLAlchemyError as error:
            raise failure(error) from error

    async def commit_all(self, units: Sequence[Unit]) -> list[Lost | None]:
        """Record units in one transaction."""
        return await self._writer.commit_all(units)

    async def commit(self, unit: Unit) -> None:
        """Record one unit."""
        (lost,) = await self._writer.commit_all((unit,))
        if lost is not None:
            raise lost

    async def lease_serials(self, name: str, count: int) -> range:
        """Take the next numbers of a serial."""
        if count < 1:
            raise ValueError(f"{count} numbers cannot be leased; at least 1 can")
        return await self._writer.lease(name, count)

    async def close(self) -> None:
        """Record what was handed over, then let go of the file."""
        await asyncio.to_thread(self._writer.close)
        self._direct.close()  # On the thread that uses it: SQLite ends the process that closes what it reads.
        await asyncio.to_thread(self._held.close)

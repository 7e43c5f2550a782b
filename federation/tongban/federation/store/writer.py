"""The writer thread: takes the units of all callers and records what waits in one transaction."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any

from tongban.federation.store.errors import StoreFailed, UnitInvalid
from tongban.federation.store.failures import failure
from tongban.federation.store.recorder import Recorder
from tongban.federation.store.units import Lost, Unit

_UNITS_PER_TRANSACTION = 512


@dataclass(frozen=True, slots=True)
class _Commit:
    future: asyncio.Future[Any]
    units: Sequence[Unit]


@dataclass(frozen=True, slots=True)
class _Lease:
    future: asyncio.Future[Any]
    name: str
    count: int


_Answer = tuple[asyncio.Future[Any], Any]


class Writer:
    """Owns a recorder, in a thread of its own, from here on; any number of loops may hand over to it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._inbox: SimpleQueue[_Commit | _Lease | None] = SimpleQueue()
        self._closed = False
        # A daemon, so that a process that forgets to close can end; what is not committed is rolled back.
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def commit_all(self, units: Sequence[Unit]) -> list[Lost | None]:
        """Record ``units`` in one transaction, with what others hand over meanwhile."""
        outcomes: list[Lost | None] = await self._hand_over(_Commit(self._future(), units))
        return outcomes

    async def lease(self, name: str, count: int) -> range:
        """Take the next ``count`` numbers of a serial."""
        numbers: range = await self._hand_over(_Lease(self._future(), name, count))
        return numbers

    def close(self) -> None:
        """Record what was handed over, then end the thread; blocks until it has ended."""
        if not self._closed:
            self._closed = True
            self._inbox.put(None)
            self._thread.join()

    def _future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def _hand_over(self, job: _Commit | _Lease) -> asyncio.Future[Any]:
        if self._closed:
            raise StoreFailed("the store is closed")
        self._inbox.put(job)
        return job.future

    def _run(self) -> None:
        while jobs := self._waiting():
            answers = self._commit([job for job in jobs if isinstance(job, _Commit)])
            answers += [self._lease(job) for job in jobs if isinstance(job, _Lease)]
            _wake(answers)
            self._prune()

    def _waiting(self) -> list[_Commit | _Lease]:
        """Return what waits, blocking for the first; nothing once the store closes."""
        jobs: list[_Commit | _Lease] = []
        units = 0
        while (job := self._inbox.get()) is not None:
            jobs.append(job)
            units += len(job.units) if isinstance(job, _Commit) else 0
            if units >= _UNITS_PER_TRANSACTION or self._inbox.empty():
                return jobs
        if jobs:
            self._inbox.put(None)
        return jobs

    def _commit(self, jobs: Sequence[_Commit]) -> list[_Answer]:
        if not jobs:
            return []
        try:
            outcomes = iter(self._recorder.record([unit for job in jobs for unit in job.units]))
        except Exception as error:
            return self._failed(jobs, error)
        return [(job.future, list(islice(outcomes, len(job.units)))) for job in jobs]

    def _failed(self, jobs: Sequence[_Commit], error: Exception) -> list[_Answer]:
        if len(jobs) > 1 and isinstance(failure(error), UnitInvalid):
            # One caller's mistake must not hurt the others: each alone.
            return [answer for job in jobs for answer in self._commit([job])]
        return [(job.future, failure(error)) for job in jobs]

    def _lease(self, job: _Lease) -> _Answer:
        try:
            return job.future, self._recorder.lease(job.name, job.count)
        except Exception as error:
            return job.future, failure(error)

    def _prune(self) -> None:
        try:
            self._recorder.prune_when_due()
        except Exception as error:
            logging.getLogger(__name__).warning("expired claims were not taken away: %s", failure(error))


def _wake(answers: Sequence[_Answer]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        by_loop.setdefault(answer[0].get_loop(), []).append(answer)
    for loop, own in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, own)


def _resolve(answers: Sequence[_Answer]) -> None:
    for future, answer in answers:
        if future.done():  # the caller was cancelled
            continue
        if isinstance(answer, StoreFailed):
            future.set_exception(answer)
        else:
            future.set_result(answer)

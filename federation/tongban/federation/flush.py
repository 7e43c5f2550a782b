"""The one flush: gather what waits, seal it with one signature, write it in one transaction, wake its callers once.

A lone step never waits. From four under way a flush gathers until nobody has joined for a moment, and what comes
while one is written goes with the next: that saves a signature and a commit for each step, and takes no longer, since
who would wait is the one that still works (docs/design.md).
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from tongban.api.common.v1.common_pb2 import Seal
from tongban.core.sealing import Leaf, seal_all
from tongban.core.signing import Signer
from tongban.federation.calls import Step
from tongban.federation.store.errors import StoreFailed, UnitInvalid
from tongban.federation.store.interface import Store
from tongban.federation.store.units import Unit

log = logging.getLogger(__name__)

GATHER_FROM = 4
QUIET_SECONDS = 0.0005
"""So long nobody must have joined; the loop's timers make up to a millisecond of it."""

LONGEST_SECONDS = 0.01
MOST_AT_ONCE = 512

_Waiting = tuple[Step, "asyncio.Future[Sequence[Seal]]", Callable[[], None]]


class Flush:
    """Seals and writes steps of all callers together."""

    def __init__(self, signer: Signer, store: Store, stands: Callable[[Unit], None] = lambda unit: None) -> None:
        """Prepare; `stands` is told each unit once it is durable."""
        self._signer = signer
        self._store = store
        self._stands = stands
        self._waiting: list[_Waiting] = []
        self._under_way = 0
        self._since = self._latest = 0.0
        """When the first and the last of those that wait came, by the loop's clock."""
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def put(self, step: Step, after: Callable[[], None] = lambda: None) -> Sequence[Seal]:
        """Seal and write one step, with whatever else waits; return its first seals once it is durable.

        `after` is called once it is durable, also if the caller has left meanwhile.

        Raises:
            Lost: one of its claims stands already; nothing of it was written.
            StoreFailed: it could not be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[Seal]] = loop.create_future()
        self._latest = loop.time()
        self._since = self._since if self._waiting else self._latest
        self._waiting.append((step, future, after))
        self._under_way += 1
        self._arm()
        try:
            return await future
        finally:
            self._under_way -= 1

    async def seal(self, leaf: Leaf) -> Seal:
        """Seal one thing and write nothing."""
        return (await self.put(Step([leaf])))[0]

    def _arm(self) -> None:
        """See that what waits is flushed when its time has come; while a flush is under way, that is after it."""
        if self._flushing is not None or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if self._under_way < GATHER_FROM or len(self._waiting) >= MOST_AT_ONCE:
            self._disarm()
            self._timer = loop.call_soon(self._start)
        elif self._timer is None:
            self._timer = loop.call_at(self._due(), self._start_if_quiet)

    def _due(self) -> float:
        return min(self._latest + QUIET_SECONDS, self._since + LONGEST_SECONDS)

    def _start_if_quiet(self) -> None:
        loop, due = asyncio.get_running_loop(), self._due()
        if loop.time() < due:
            self._timer = loop.call_at(due, self._start_if_quiet)
        else:
            self._start()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        self._disarm()
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        self._flushing = asyncio.create_task(self._flush(batch))
        self._flushing.add_done_callback(self._ended)

    def _ended(self, flushing: "asyncio.Task[None]") -> None:
        self._flushing = None
        self._arm()

    async def _flush(self, batch: list[_Waiting]) -> None:
        try:
            await self._seal_and_write(batch)
        except BaseException as error:
            for _, future, _ in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise

    async def _seal_and_write(self, batch: list[_Waiting]) -> None:
        steps = [step for step, _, _ in batch]
        seals = await self._seals(steps)
        units = await self._units(steps, seals)
        written = {index: unit for index, unit in enumerate(units) if isinstance(unit, Unit) and unit != Unit()}
        failures = await self._commit(list(written.values())) if written else []
        failed = dict(zip(written, failures, strict=True))
        for index, (_, future, after) in enumerate(batch):
            unit = units[index]
            failure = failed.get(index) if isinstance(unit, Unit) else unit
            if isinstance(unit, Unit) and failure is None:
                _do(partial(self._stands, unit))
                _do(after)
            if not future.done():
                _settle(future, failure, seals[index])

    async def _commit(self, units: Sequence[Unit]) -> Sequence[Exception | None]:
        """Write units together; if one of them can never be written, each alone, so that only its caller is hurt."""
        try:
            return await self._store.commit_all(units)
        except StoreFailed as error:
            if len(units) == 1 or not isinstance(error, UnitInvalid):
                return [error] * len(units)
            return [(await self._commit([unit]))[0] for unit in units]

    async def _units(self, steps: Collection[Step], seals: Sequence[Sequence[Seal]]) -> list[Unit | Exception]:
        """Return what each step writes, or why it cannot; further steps are sealed together as well."""
        parts = [_part(step, own) for step, own in zip(steps, seals, strict=True)]
        further = {index: part for index, part in enumerate(parts) if isinstance(part, Step)}
        units = await self._units(further.values(), await self._seals(further.values())) if further else []
        later = dict(zip(further, units, strict=True))
        return [later[index] if isinstance(part, Step) else part for index, part in enumerate(parts)]

    async def _seals(self, steps: Collection[Step]) -> list[Sequence[Seal]]:
        leaves = [leaf for step in steps for leaf in step.leaves]
        seals = iter(await seal_all(self._signer, leaves) if leaves else [])
        return [[next(seals) for _ in step.leaves] for step in steps]


def _part(step: Step, seals: Sequence[Seal]) -> Unit | Step | Exception:
    """Return what a step writes, its further step, or why it can do neither: that is its own caller's failure."""
    try:
        return step.unit(seals)
    except Exception as error:
        return error


def _do(after: Callable[[], None]) -> None:
    """Do what follows from a step that stands; that it fails is nobody else's failure."""
    try:
        after()
    except Exception:
        log.exception("what follows from a recorded step failed")


def _settle(future: "asyncio.Future[Sequence[Seal]]", failed: Exception | None, seals: Sequence[Seal]) -> None:
    if failed is None:
        future.set_result(seals)
    else:
        future.set_exception(failed)

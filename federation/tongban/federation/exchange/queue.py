"""Delivers what waits in the outbox, to each peer in its own time and in order for each case, until it is answered.

A peer that cannot be reached costs an attempt now and then, no writes; when it shows itself, delivery goes on at
once.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.times import micros
from tongban.federation.calls import Step, writes
from tongban.federation.exchange.own_questions import OwnQuestions
from tongban.federation.resources import OUTBOX, Resources, case_topic
from tongban.federation.store.rows import OutboxRow
from tongban.federation.store.units import Delete, Put, Unit

log = logging.getLogger(__name__)

_AT_ONCE = 64
_HOPELESS = (codes.CASE_STEP, codes.REQUEST_REUSED)
"""Refusals that nothing at the peer can undo; all others, as a missing agreement row, are tried again."""

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3600.0
"""Seconds between attempts to deliver what a peer goes on refusing."""

_LOOK_SECONDS = 1.0


class Queue:
    """Delivers messages to peers."""

    def __init__(self, resources: Resources, questions: OwnQuestions) -> None:
        self._resources = resources
        self._questions = questions
        self._couriers: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """See that every peer for which something waits has a courier, until cancelled."""
        new_peer = self._resources.wakes.listen(OUTBOX)
        try:
            while True:
                new_peer.clear()
                peers = set(self._resources.keeper.view.members) | {self._resources.member}
                peers |= {count.peer for count in await self._resources.store.outbox_counts()}
                for peer in peers - set(self._couriers):
                    self._couriers[peer] = asyncio.create_task(self._courier(peer), name=f"courier to {peer}")
                await new_peer.wait()
        finally:
            for courier in self._couriers.values():
                courier.cancel()
            await asyncio.gather(*self._couriers.values(), return_exceptions=True)
            self._couriers.clear()

    async def _courier(self, peer: str) -> None:
        wakes, topic = self._resources.wakes, f"{OUTBOX}/{peer}"
        waiting, failures = wakes.listen(topic), 0
        while True:
            waiting.clear()
            try:
                delivered = await self._deliver_due(peer)
                failures = 0 if delivered else failures
            except Refusal:
                failures += 1
            except Exception:
                log.exception("courier to %s", peer)
                failures += 1
            else:
                if delivered:
                    continue
            await _wait(waiting, self._pause(failures))

    async def _deliver_due(self, peer: str) -> bool:
        """Deliver what is due; return whether there was anything.

        Raises:
            Refusal: PEER_UNAVAILABLE or the like; the messages stay as they are.
        """
        due = await self._resources.store.outbox_due(peer, micros(self._resources.clock()), _AT_ONCE)
        results = await asyncio.gather(*(self._deliver(row) for row in due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return bool(due)

    async def _deliver(self, row: OutboxRow) -> None:
        context = CallContext.FromString(row.context)
        try:
            await self._questions.ask(
                row.peer, row.method, context, row.body, message_id=row.message_id, then=self._then(row)
            )
        except Refusal as refusal:
            if _unreachable(refusal):
                raise
            log.warning("%s refused %s: %s", row.peer, row.message_id, refusal)
        self._resources.wakes.wake(case_topic(row.case_id))

    def _then(self, row: OutboxRow) -> Callable[[Refusal | None], Step]:
        """Return what follows from the answer to a message: it is gone, tried again later, or refused for good."""

        def step(refusal: Refusal | None) -> Step:
            if refusal is None:
                return writes(Unit(operations=(Delete("outbox", {"message_id": row.message_id}),)))
            if _unreachable(refusal):
                return Step()
            return writes(Unit(operations=(Put("outbox", self._changed(row, refusal)),)))

        return step

    def _changed(self, row: OutboxRow, refusal: Refusal) -> dict[str, object]:
        now = self._resources.clock()
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(row.attempt + 1, 16))
        later = micros(now + timedelta(seconds=pause))
        final = refusal.code in _HOPELESS or micros(now) > row.valid_until
        error = f"{refusal.code.name}: {refusal.message}"[:500]
        state = "refused" if final else "queued"
        new = replace(row, attempt=row.attempt + 1, not_before=later, state=state, error=error)
        return {name: getattr(new, name) for name in OutboxRow.__slots__}

    def _pause(self, failures: int) -> float:
        if failures == 0:
            return _LOOK_SECONDS
        return float(min(self._resources.settings.limits.retry_seconds, _FIRST_PAUSE * 2 ** min(failures, 16)))


def _unreachable(refusal: Refusal) -> bool:
    return refusal.code in (codes.PEER_UNAVAILABLE, codes.DEADLINE, codes.STOPPING)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

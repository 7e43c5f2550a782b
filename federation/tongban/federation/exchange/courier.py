"""Delivers what waits for one peer, in order for each case, until it is answered.

A peer that cannot be reached costs an attempt now and then, no writes; when it shows itself, delivery goes on at
once.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.times import micros
from tongban.federation.calls import Step, writes
from tongban.federation.cases.rows import DELIVER_ACT
from tongban.federation.exchange.asking import UNREACHABLE
from tongban.federation.exchange.own_questions import OwnQuestions
from tongban.federation.resources import OUTBOX, PEER_SEEN, Resources, case_topic
from tongban.federation.store.rows import OutboxRow
from tongban.federation.store.units import Delete, Put, Unit

log = logging.getLogger(__name__)

_NOT_NOW = (*UNREACHABLE, codes.QUOTA_EXCEEDED)
"""Refusals that say nothing about the message: it stays as it is."""

_HOPELESS = (codes.CASE_STEP, codes.REQUEST_REUSED)
"""Refusals that nothing at the peer can undo; all others, as a missing agreement row, are tried again."""

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3600.0
"""Seconds between attempts to deliver what a peer goes on refusing."""

_LOOK_SECONDS = 1.0


class Courier:
    """Carries messages to one peer."""

    def __init__(self, peer: str, resources: Resources, questions: OwnQuestions) -> None:
        self._peer = peer
        self._resources = resources
        self._questions = questions
        self._topics = f"{OUTBOX}/{peer}", f"{PEER_SEEN}/{resources.asking.routes.next(peer)}"
        self._something, self._seen = resources.wakes.listen(*self._topics), resources.wakes.listen(self._topics[1])
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._failures = 0
        self._resume_at = 0.0
        """Until then, by the loop's clock, nothing more is begun."""

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self._something.clear()
                self._go_on_if_seen()
                if self._pause_left() <= 0:
                    await self._begin_due()
                await _wait(self._something, self._pause_left() or _LOOK_SECONDS)
        finally:
            for topic in self._topics:
                self._resources.wakes.forget(topic, self._something)
            self._resources.wakes.forget(self._topics[1], self._seen)
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _go_on_if_seen(self) -> None:
        if self._seen.is_set():
            self._seen.clear()
            self._succeeded()

    async def _begin_due(self) -> None:
        """Begin what is due and not under way: what one message waits for holds up none of another case.

        As many are under way as the carrier's terms allow; more are taken when half of them have their answers.
        """
        most = self._resources.asking.terms(self._peer, DELIVER_ACT).messages
        if len(self._under_way) > most // 2:
            return
        now = micros(self._resources.clock())
        try:
            due = await self._resources.store.outbox_due(self._peer, now, most - len(self._under_way), self._under_way)
        except Exception:
            log.exception("courier to %s", self._peer)
            self._failed()
            return
        for row in due:
            self._under_way[row.message_id] = asyncio.create_task(self._attempt(row))

    async def _attempt(self, row: OutboxRow) -> None:
        try:
            await self._deliver(row)
        except Refusal as refusal:
            self._failed(refusal.retry_seconds)
        except Exception:
            log.exception("courier to %s: message %s", self._peer, row.message_id)
            self._failed()
        else:
            self._succeeded()
        finally:
            del self._under_way[row.message_id]
            self._something.set()

    async def _deliver(self, row: OutboxRow) -> None:
        """Ask the peer once, whatever it says.

        Raises:
            Refusal: it cannot be asked now.
        """
        context = CallContext.FromString(row.context)
        try:
            await self._questions.ask(
                row.peer, row.method, context, row.body, message_id=row.message_id, then=self._then(row)
            )
        except Refusal as refusal:
            if refusal.code in _NOT_NOW:
                raise
            log.warning("message %s to %s: %s", row.message_id, row.peer, refusal)
        else:
            self._resources.outbox.gone(row.peer)
        self._resources.wakes.wake(case_topic(row.case_id))

    def _then(self, row: OutboxRow) -> Callable[[Refusal | None], Step]:
        """Return what follows from the answer to a message: it is gone, tried again later, or refused for good."""

        def step(refusal: Refusal | None) -> Step:
            if refusal is None:
                return writes(Unit(operations=(Delete("outbox", {"message_id": row.message_id}),)))
            if refusal.code in _NOT_NOW:
                return Step()
            return writes(Unit(operations=(Put("outbox", self._changed(row, refusal)),)))

        return step

    def _changed(self, row: OutboxRow, refusal: Refusal) -> dict[str, object]:
        now = self._resources.clock()
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(row.attempt + 1, 16))
        later = micros(now + timedelta(seconds=pause))
        hopeless = refusal.code in _HOPELESS and refusal.member == row.peer  # A relay cannot say so for it.
        final = hopeless or micros(now) > row.valid_until
        error = f"{refusal.code.name}: {refusal.message}"[:500]
        state = "refused" if final else "queued"
        new = replace(row, attempt=row.attempt + 1, not_before=later, state=state, error=error)
        return {name: getattr(new, name) for name in OutboxRow.__slots__}

    def _succeeded(self) -> None:
        self._failures, self._resume_at = 0, 0.0

    def _failed(self, told: float = 0.0) -> None:
        """Pause before anything more is begun; what fails meanwhile, having begun before, lengthens no pause.

        The pause is at least as long as the peer told.
        """
        if self._pause_left() <= 0:
            self._failures += 1
            longest = self._resources.settings.limits.retry_seconds
            pause = float(min(longest, max(told, _FIRST_PAUSE * 2 ** min(self._failures, 16))))
            self._resume_at = asyncio.get_running_loop().time() + pause

    def _pause_left(self) -> float:
        return max(0.0, self._resume_at - asyncio.get_running_loop().time())


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()

"""Asks the handlers of items: each case that arrived, and each that was supplemented, until an answer stands.

A handler is asked at least once for each step, with the same key; its answer enters the case once.
"""

import asyncio
import logging
from datetime import timedelta

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.api.common.v1.common_pb2 import Party as Told
from tongban.core import codes, items
from tongban.core.errors import Refusal
from tongban.core.times import micros
from tongban.federation.calls import writes
from tongban.federation.cases.answers import Answers
from tongban.federation.cases.book import CaseBook, Held
from tongban.federation.cases.handling import Handling
from tongban.federation.cases.ordering import CaseOrder
from tongban.federation.materials.fetching import MaterialFetcher
from tongban.federation.materials.kept import Materials
from tongban.federation.resources import OUTBOX, PEER_SEEN, WORK, Resources, case_topic
from tongban.federation.store.rows import WorkRow
from tongban.federation.store.units import Delete, Lost, Put, Unit

log = logging.getLogger(__name__)

_AT_ONCE = 64
_MOST_UNDER_WAY = 1000
_LOOK_SECONDS = 1.0
_LONGEST_PAUSE = 3600.0
"""Before a material is fetched again that is not what its case names; each attempt leaves evidence on both sides."""


class Worker:
    """Works through the cases that wait for their item's handler."""

    def __init__(
        self,
        resources: Resources,
        book: CaseBook,
        handling: Handling,
        answers: Answers,
        materials: Materials,
        fetcher: MaterialFetcher,
    ) -> None:
        self._resources = resources
        self._book = book
        self._handling = handling
        self._answers = answers
        self._materials = materials
        self._fetcher = fetcher
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        waiting, seen = self._resources.wakes.listen(WORK), self._resources.wakes.listen(PEER_SEEN)
        try:
            while True:
                waiting.clear()
                await self._begin_due(self._horizon(seen))
                await _wait(waiting, _LOOK_SECONDS)
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _horizon(self, seen: asyncio.Event) -> int:
        """Return until when work is due; when a peer shows itself, what waited for its materials waits no longer."""
        ahead = self._resources.settings.limits.retry_seconds if seen.is_set() else 0.0
        seen.clear()
        return micros(self._resources.clock() + timedelta(seconds=ahead))

    async def _begin_due(self, horizon: int) -> None:
        """Begin what is due and not under way; a handler that is slow holds up nobody else's cases."""
        enough = _AT_ONCE + len(self._under_way)
        for row in await self._resources.store.work_due(horizon, enough):
            if row.case_id not in self._under_way and len(self._under_way) < _MOST_UNDER_WAY:
                self._under_way[row.case_id] = asyncio.create_task(self._attempt(row))

    async def _attempt(self, row: WorkRow) -> None:
        try:
            await self._try(row)
            self._resources.wakes.wake(WORK)
        except Exception:  # As while the disk is full: the case is due still, and is not to be tried without a pause.
            log.exception("case %s: its attempt could not be recorded", row.case_id)
            await asyncio.sleep(_LOOK_SECONDS)
        finally:
            del self._under_way[row.case_id]

    async def _try(self, row: WorkRow) -> None:
        try:
            await self._do(row)
        except Lost:
            return  # An officer or another node was faster; what is left to do is read afresh.
        except Refusal as refusal:
            log.warning("case %s waits for its handler: %s", row.case_id, refusal)
            code = f"{refusal.code.name} {refusal.reference}".rstrip()
            await self._later(row, f"{refusal.message} ({code})", self._longest_pause(refusal))
        except Exception as error:
            log.exception("case %s: the answer of its handler could not be recorded", row.case_id)
            await self._later(row, type(error).__name__, self._resources.settings.limits.retry_seconds)

    async def _do(self, row: WorkRow) -> None:
        held = await self._book.held(row.case_id)
        done = writes(Unit(operations=(Delete("work", {"case_id": row.case_id, "sequence": row.sequence}),)))
        if held is None or held.ordered is None or held.ordered.state != CASE_STATE_ARRIVED:
            await self._resources.flush.put(done)
            return
        answer = await self._ask_handler(held, row)
        order = CaseOrder(held.ordered, self._resources.member, self._resources.clock())
        try:
            await self._answers.put(order, answer, self._handling.item(held), "")
        except (AttributeError, TypeError, ValueError) as error:  # An answer is a plugin's: its parts may be anything.
            raise self._resources.runner.failed(self._handler(held), error) from None
        step = done
        if order.changed:
            step = order.finish(held.row.item_name, held.row.window).step.then(done)
        await self._resources.flush.put(step)
        self._resources.waker(f"{OUTBOX}/{held.view.intake}", case_topic(row.case_id))()

    async def _ask_handler(self, held: Held, row: WorkRow) -> items.Answer:
        await self._fetcher.fetch(held.view)
        case = self._case(held, row)
        answer: items.Answer = await self._resources.runner.run(self._handler(held), case, gives=items.Answer)
        return answer

    def _handler(self, held: Held) -> items.Handler:
        code = held.view.received.item_code
        if code not in self._resources.registry.items:
            raise Refusal(codes.ITEM_UNKNOWN, {"item": code})
        return self._resources.registry.items[code].answer

    def _case(self, held: Held, row: WorkRow) -> items.Case:
        view = held.view
        return items.Case(
            case_id=view.case_id,
            key=f"{view.case_id}/{row.sequence}",
            item_code=view.received.item_code,
            intake=view.intake,
            applicant=party(view.received.applicant),
            agent=party(Told(person=view.received.agent)) if view.received.HasField("agent") else None,
            form=dict(view.form),
            materials=tuple(
                items.Material(
                    m.code, m.name, m.digest, m.size, m.media_type, self._materials.path(view.intake, m.digest)
                )
                for m in view.materials.values()
            ),
            correction_asked=view.correction_asked,
        )

    def _longest_pause(self, refusal: Refusal) -> float:
        return _LONGEST_PAUSE if refusal.code is codes.RECORD_INVALID else self._resources.settings.limits.retry_seconds

    async def _later(self, row: WorkRow, error: str, longest: float) -> None:
        pause = min(longest, 0.5 * 2 ** min(row.attempt, 16))
        not_before = micros(self._resources.clock() + timedelta(seconds=pause))
        changed = {"not_before": not_before, "attempt": row.attempt + 1, "error": error[:500]}
        put = Put("work", {"case_id": row.case_id, "sequence": row.sequence, **changed})
        await self._resources.flush.put(writes(Unit(operations=(put,))))


def party(told: Told) -> items.Party:
    """Return a party as handlers and sources see it."""
    if told.HasField("organisation"):
        return items.Party(told.organisation.name, told.organisation.credit_code, is_organisation=True)
    return items.Party(told.person.name, told.person.resident_id)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

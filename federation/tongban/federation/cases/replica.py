"""The intake member's copy of a case: events of the handling member, each believed only as the next of its case."""

from tongban.api.cases.v1.acts_pb2 import Act, Event, SignedEvent
from tongban.api.exchange.v1.exchange_pb2 import DeliverEventRequest, DeliverEventResponse
from tongban.core import codes
from tongban.core.case import fold, record
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Outcome, writes
from tongban.federation.cases import commands, rows
from tongban.federation.cases.book import CaseBook, Held
from tongban.federation.resources import Resources, case_topic
from tongban.federation.store.units import Delete, Unit


class Replica:
    """Takes events in."""

    def __init__(self, resources: Resources, book: CaseBook) -> None:
        self._resources = resources
        self._book = book

    async def deliver_event(self, caller: Caller, call: Call) -> Outcome:
        """Take in the next event of a case that this member took in; a repeated one is no news."""
        signed = decoded(DeliverEventRequest, call.body).event
        event = decoded(Event, signed.event)
        held = await self._book.held(event.case_id)
        if held is None:
            raise Refusal(codes.CASE_UNKNOWN, {"number": event.case_id})
        if caller.member != held.view.handling:
            raise _invalid(event, f"only {held.view.handling} puts acts of this case in order")
        claim = rows.event_claim(event.case_id, event.sequence, signed.event)
        answer = DeliverEventResponse().SerializeToString()
        if await commands.recorded(self._resources.store, claim.key, claim.digest) is not None:
            return Outcome(answer)
        event, act = record.believed_event(self._resources.keeper.view, signed, held.ordered)
        self._check_own(event, act, signed, held)
        view = fold.add_event(held.ordered, event, signed.event, act)
        shown = fold.add_pending(view, held.pending)[0] or view
        kept = rows.event_row(event.case_id, event.sequence, signed)
        shown_row = rows.case_row(shown, held.row.item_name, held.row.window)
        unit = Unit((claim,), (kept, shown_row, *self._done(act))).merged(held.answers_correction())
        return Outcome(answer, step=writes(unit), after=self._resources.waker(case_topic(event.case_id)))

    def _check_own(self, event: Event, act: Act, signed: SignedEvent, held: Held) -> None:
        """Refuse an own act that is not the one on its way; what begins a case is always one's own."""
        if held.ordered is not None and act.author != self._resources.member:
            return
        if signed.act.act not in [one.act for one in held.pending]:
            raise _invalid(event, f"event {event.sequence} brings an act that {self._resources.member} did not make")

    def _done(self, act: Act) -> list[Delete]:
        """Return what takes away an own act that is in order now."""
        if act.author != self._resources.member:
            return []
        return [Delete("acts", {"case_id": act.case_id, "author": act.author, "n": act.number})]


def _invalid(event: Event, rule: str) -> Refusal:
    return Refusal(codes.RECORD_INVALID, {"what": "the event", "case_id": event.case_id}, rule=rule)

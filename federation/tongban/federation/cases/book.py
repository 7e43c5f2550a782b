"""The cases that this node holds, read from its store."""

from dataclasses import dataclass

from tongban.api.cases.v1.acts_pb2 import SignedAct, SignedEvent
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, CASE_STATE_CORRECTION, CaseSummary
from tongban.api.common.v1.common_pb2 import Seal
from tongban.core import codes
from tongban.core.case import fold
from tongban.core.case.fold import CaseView
from tongban.core.errors import Refusal
from tongban.federation.cases import rows
from tongban.federation.store.interface import Store
from tongban.federation.store.rows import ActRow, CaseRow, EventRow, OutboxRow, WorkRow
from tongban.federation.store.units import Unit


@dataclass(frozen=True, slots=True)
class Held:
    """One case as this node holds it."""

    row: CaseRow
    events: list[SignedEvent]
    pending: list[SignedAct]
    """The intake's own acts that are still on their way, as far as the case's state allows them."""
    ordered: CaseView | None
    """What the events tell."""
    view: CaseView
    """What events and pending acts tell."""

    def answers_correction(self) -> Unit:
        """Return the claim of what follows upon an open correction: a supplement, or an event without one.

        Both write how the case stands; without it, the one that decided from an older state could be the last.
        """
        if self.view.state != CASE_STATE_CORRECTION or self.ordered is None:
            return Unit()
        return Unit(claims=(rows.correction_claim(self.view.case_id, self.ordered.sequence),))


class CaseBook:
    """Reads cases."""

    def __init__(self, store: Store, member: str) -> None:
        self._store = store
        self._member = member

    async def find(self, number: str) -> Held:
        """Return a case by its case id, intake number or case number; numbers of others never hide own ones.

        Raises:
            Refusal: CASE_UNKNOWN.
        """
        row = await self._store.case(number) or await self._store.case_by_number(number, self._member)
        held = await self._held(row) if row else None
        if held is None:
            raise Refusal(codes.CASE_UNKNOWN, {"number": number})
        return held

    async def held(self, case_id: str) -> Held | None:
        """Return a case by its case id, if this node holds it."""
        row = await self._store.case(case_id)
        return await self._held(row) if row else None

    async def summary(self, held: Held) -> CaseSummary:
        """Return a case at a glance, with what hinders it."""
        outbox = await self._store.outbox_of_case(held.row.case_id)
        if held.view.closed:  # An act that is left over changes nothing any more, whether it is taken or refused.
            outbox = [row for row in outbox if row.method != rows.DELIVER_ACT]
        arrived = held.view.state == CASE_STATE_ARRIVED  # In no other state is a handler asked.
        work = await self._store.work_of_case(held.row.case_id) if arrived else []
        return fold.summary(held.view, held.row.item_name, hindrance(outbox, work))

    async def _held(self, row: CaseRow) -> Held | None:
        waiting = await self._store.acts(row.case_id)  # First: an act that is put in order meanwhile is then in both.
        events = [signed_event(one) for one in await self._store.events(row.case_id)]
        ordered = fold.fold(events)
        view, pending = fold.add_pending(ordered, [signed_act(one) for one in waiting])
        return Held(row, events, pending, ordered, view) if view else None


def signed_event(row: EventRow) -> SignedEvent:
    """Return an event as it travels."""
    act = SignedAct(act=row.act, seal=Seal.FromString(row.act_seal))
    return SignedEvent(event=row.event, seal=Seal.FromString(row.event_seal), act=act)


def signed_act(row: ActRow) -> SignedAct:
    """Return an act as it travels."""
    return SignedAct(act=row.act, seal=Seal.FromString(row.seal))


def hindrance(outbox: list[OutboxRow], work: list[WorkRow]) -> str:
    """Return why a case does not move, in words; empty if nothing hinders it."""
    refused = [row for row in outbox if row.state == "refused"]
    if refused:
        return f"{refused[0].peer} refused {refused[0].message_id}: {refused[0].error}"
    failing = [row for row in work if row.attempt]
    if failing:
        return f"the item's handler failed {failing[0].attempt} times and will be asked again: {failing[0].error}"
    if outbox and outbox[0].error:
        return f"{outbox[0].peer} does not take it yet: {outbox[0].error}"
    if outbox:
        return f"waits for the node of {outbox[0].peer} ({len(outbox)} to deliver)"
    return ""

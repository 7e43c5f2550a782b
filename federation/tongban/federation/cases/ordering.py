"""The handling member puts acts in order: each becomes an event, sealed, kept, and on its way to the intake member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban.api.cases.v1.acts_pb2 import Act, Event, SignedAct, SignedEvent
from tongban.api.common.v1.common_pb2 import Seal
from tongban.core import codes, rules
from tongban.core.case import fold, record
from tongban.core.case.fold import CaseView
from tongban.core.errors import Refusal
from tongban.core.sealing import Leaf
from tongban.core.times import micros, timestamp
from tongban.federation.calls import Step
from tongban.federation.cases import rows
from tongban.federation.store.units import Delete, Operation, Unit


@dataclass(frozen=True, slots=True)
class NewAct:
    """An act that comes next; one of the intake member is sealed already."""

    act: Act
    data: bytes
    seal: Seal | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    new: NewAct
    event: Event
    data: bytes

    def leaves(self) -> list[Leaf]:
        event = record.event_leaf(self.data)
        return [event] if self.new.seal else [record.act_leaf(self.new.data), event]

    def signed(self, seals: "Sequence[Seal]") -> SignedEvent:
        act = SignedAct(act=self.new.data, seal=self.new.seal or seals[0])
        return SignedEvent(event=self.data, seal=seals[-1], act=act)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A case after new acts, and the step that makes them stand."""

    view: CaseView
    first: int
    """Place of the first new event."""
    step: Step


MOST_ACT = 61_440
"""Most bytes of an act: it must fit into a message to the other member."""


def new_act(act: Act) -> NewAct:
    """Return an own act that can be sealed: it keeps the contract's rules and fits into a message.

    Raises:
        Refusal: INVALID_FIELD, TOO_LARGE.
    """
    rules.validate(act)
    data = act.SerializeToString()
    if len(data) > MOST_ACT:
        raise Refusal(codes.TOO_LARGE, {"what": "the act", "size": str(len(data)), "limit": str(MOST_ACT)})
    return NewAct(act, data)


def own_act(view: CaseView, author: str, officer: str, now: datetime, **content: Any) -> NewAct:
    """Return an own act that comes next in a case."""
    number = view.next_number(author)
    time = timestamp(now)
    return new_act(Act(case_id=view.case_id, author=author, number=number, time=time, officer=officer, **content))


class CaseOrder:
    """Puts new acts behind a case, one after the other."""

    def __init__(self, view: CaseView | None, member: str, now: datetime) -> None:
        self._view = view
        self._member = member
        self._now = now
        self._placed: list[_Placed] = []

    @property
    def view(self) -> CaseView:
        """The case with what was added; it has begun."""
        if self._view is None:
            raise ValueError("the case has no act yet")
        return self._view

    @property
    def changed(self) -> bool:
        """Whether there is any new act."""
        return bool(self._placed)

    def add(self, new: NewAct) -> None:
        """Put one act next.

        Raises:
            Refusal: the act cannot come next (`tongban.core.case.record.check_act`).
        """
        record.check_act(new.act, self._view)
        event = record.next_event(self._view, new.act, new.data, timestamp(self._now))
        data = event.SerializeToString()
        self._placed.append(_Placed(new, event, data))
        self._view = fold.add_event(self._view, event, data, new.act)

    def add_own(self, officer: str, **content: Any) -> None:
        """Put an own act next."""
        self.add(own_act(self.view, self._member, officer, self._now, **content))

    def finish(self, item_name: str, window: str) -> Ordered:
        """Return the case as it is now, and the step that writes it down and sends it to the intake member."""
        view = self.view
        leaves = [leaf for placed in self._placed for leaf in placed.leaves()]

        def unit_of(seals: Sequence[Seal]) -> Unit:
            rest: list[Seal] = list(seals)
            operations: list[Operation] = [rows.case_row(view, item_name, window)]
            for placed in self._placed:
                own, rest = rest[: len(placed.leaves())], rest[len(placed.leaves()) :]
                operations += self._operations(placed, placed.signed(own), view)
            return Unit(claims=tuple(self._claims()), operations=tuple(operations))

        return Ordered(view, self._placed[0].event.sequence, Step(leaves, unit_of))

    def _claims(self) -> Sequence[Any]:
        return [rows.event_claim(p.event.case_id, p.event.sequence, p.data) for p in self._placed]

    def _operations(self, placed: _Placed, signed: SignedEvent, view: CaseView) -> list[Operation]:
        case_id, sequence, act = placed.event.case_id, placed.event.sequence, placed.new.act
        operations: list[Operation] = [rows.event_row(case_id, sequence, signed)]
        if view.intake != self._member:
            operations.append(rows.event_message(view.intake, case_id, sequence, signed, micros(self._now)))
        elif act.author == self._member and placed.new.seal:
            operations.append(Delete("acts", {"case_id": case_id, "author": act.author, "n": act.number}))
        return operations

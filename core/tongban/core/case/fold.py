"""What a case is: a pure fold over its acts, in the order in which the handling member put them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import (
    Act,
    CaseMaterial,
    CorrectionRequested,
    Deadline,
    Event,
    Received,
    SignedAct,
    SignedEvent,
)
from tongban.api.common.v1.common_pb2 import Paper
from tongban.core.case import machine
from tongban.core.case.machine import State


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case at one moment."""

    case_id: str
    intake: str
    handling: str
    received: Received
    """How it was taken in."""
    state: State
    form: Mapping[str, str]
    materials: Mapping[str, CaseMaterial]
    """By code of the requirement; a supplement replaces."""
    updated_at: Timestamp
    case_number: str = ""
    correction: CorrectionRequested | None = None
    """The open correction, if there is one."""
    correction_asked: bool = False
    """Whether there ever was one."""
    deadline: Deadline | None = None
    """Promised last day to decide."""
    result: Paper | None = None
    """The paper that ended the case."""
    reason: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    """Number of the last act, by author."""
    sequence: int = 0
    """Place of the last event."""
    last_event: bytes = b""
    """SHA-256 of the last event's bytes; empty before the first."""

    @property
    def closed(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in machine.FINAL

    def next_number(self, author: str) -> int:
        """Return the number of this author's next act."""
        return self.numbers.get(author, 0) + 1


def begin(act: Act) -> CaseView:
    """Return the case that an intake begins."""
    received = act.received
    return CaseView(
        case_id=act.case_id,
        intake=act.author,
        handling=received.handling,
        received=received,
        state=machine.state_after(act),
        form=dict(received.form),
        materials={material.code: material for material in received.materials},
        updated_at=act.time,
        numbers={act.author: act.number},
    )


def add(view: CaseView | None, act: Act) -> CaseView:
    """Return the case after one more act; the act was checked before."""
    if view is None:
        return begin(act)
    changes = _CHANGES[act.WhichOneof("content") or "arrived"](view, act)
    numbers = {**view.numbers, act.author: act.number}
    return replace(view, state=machine.state_after(act), updated_at=act.time, numbers=numbers, **changes)


def add_event(view: CaseView | None, event: Event, event_bytes: bytes, act: Act) -> CaseView:
    """Return the case after one more event; the event was checked before."""
    return replace(add(view, act), sequence=event.sequence, last_event=sha256(event_bytes).digest())


def fold(signed_events: Iterable[SignedEvent]) -> CaseView | None:
    """Return the case after all these events, or None if there are none."""
    view = None
    for signed in signed_events:
        view = add_event(view, Event.FromString(signed.event), signed.event, Act.FromString(signed.act.act))
    return view


def add_pending(view: CaseView | None, waiting: Iterable[SignedAct]) -> tuple[CaseView | None, list[SignedAct]]:
    """Return the case with those of the intake's own acts that are still on their way and that its state allows.

    One that it does not allow, as a supplement once acceptance is refused, will never stand: it tells nothing.
    """
    allowed = []
    for signed in waiting:
        act = Act.FromString(signed.act)
        state, last = (view.state, view.numbers.get(act.author, 0)) if view else (pb.CASE_STATE_UNSPECIFIED, 0)
        if act.number > last and state in machine.step_of(act).possible_in:
            view = add(view, act)
            allowed.append(signed)
    return view, allowed


def summary(view: CaseView, item_name: str, hindrance: str = "") -> pb.CaseSummary:
    """Return the case at a glance, as the contract tells it."""
    return pb.CaseSummary(
        case_id=view.case_id,
        intake_number=view.received.intake_number,
        case_number=view.case_number,
        intake=view.intake,
        handling=view.handling,
        item_code=view.received.item_code,
        item_name=item_name,
        state=view.state,
        updated_at=view.updated_at,
        correction=view.correction,
        deadline=view.deadline,
        hindrance=hindrance,
    )


def _supplemented(view: CaseView, act: Act) -> dict[str, Any]:
    new = {material.code: material for material in act.supplemented.materials}
    form = {**view.form, **act.supplemented.form}
    return {"correction": None, "form": form, "materials": {**view.materials, **new}}


def _accepted(view: CaseView, act: Act) -> dict[str, Any]:
    deadline = act.accepted.deadline if act.accepted.HasField("deadline") else None
    return {"case_number": act.accepted.case_number, "deadline": deadline}


_CHANGES: Mapping[str, Callable[[CaseView, Act], dict[str, Any]]] = {
    "arrived": lambda view, act: {},
    "supplemented": _supplemented,
    "correction_requested": lambda view, act: {"correction": act.correction_requested, "correction_asked": True},
    "accepted": _accepted,
    "not_accepted": lambda view, act: {
        "correction": None,
        "result": act.not_accepted.notice,
        "reason": act.not_accepted.reason,
    },
    "decided": lambda view, act: {"result": act.decided.result, "reason": act.decided.reason},
}

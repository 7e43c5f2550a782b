"""The record of a case: sealing acts and events, and believing only those that are what their authors sealed."""

from collections.abc import Iterable
from hashlib import sha256

from google.protobuf.timestamp_pb2 import Timestamp

from tongban.api.cases.v1.acts_pb2 import Act, Event, SignedAct, SignedEvent
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_UNSPECIFIED
from tongban.core import codes, sealing
from tongban.core.case import machine
from tongban.core.case.fold import CaseView, add_event
from tongban.core.case.machine import Role, Step
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.sealing import Keys, Leaf


def act_leaf(act: bytes) -> Leaf:
    """Return an act's bytes as its author seals them."""
    return Leaf(sealing.ACT, act)


def event_leaf(event: bytes) -> Leaf:
    """Return an event's bytes as the handling member seals them."""
    return Leaf(sealing.EVENT, event)


def next_event(view: CaseView | None, act: Act, act_bytes: bytes, time: Timestamp) -> Event:
    """Return the event that puts an act next in its case."""
    return Event(
        case_id=act.case_id,
        sequence=view.sequence + 1 if view else 1,
        previous=view.last_event if view else b"",
        act_digest=sha256(act_bytes).digest(),
        time=time,
    )


def believed_act(keys: Keys, signed: SignedAct) -> Act:
    """Return an act that its author sealed.

    Raises:
        Refusal: MALFORMED, INVALID_FIELD or MESSAGE_ALTERED.
    """
    act = decoded(Act, signed.act)
    if not sealing.member_sealed(keys, act.author, signed.seal, act_leaf(signed.act)):
        raise Refusal(codes.MESSAGE_ALTERED, {"member": act.author, "what": "the act's seal does not fit"})
    return act


def believed_event(keys: Keys, signed: SignedEvent, view: CaseView | None) -> tuple[Event, Act]:
    """Return the event that follows a case, and its act, if both are what their authors sealed and the step is allowed.

    Raises:
        Refusal: MESSAGE_ALTERED, ACT_OUT_OF_ORDER, RECORD_INVALID, CASE_STEP and those of `believed_act`.
    """
    act = believed_act(keys, signed.act)
    event = decoded(Event, signed.event)
    handling = _handling(event, act, view)
    if not sealing.member_sealed(keys, handling, signed.seal, event_leaf(signed.event)):
        raise Refusal(codes.MESSAGE_ALTERED, {"member": handling, "what": "the event's seal does not fit"})
    _check_link(event, view)
    _check_brought(event, signed.act, act)
    check_act(act, view)
    return event, act


def verify(keys: Keys, signed_events: Iterable[SignedEvent]) -> CaseView | None:
    """Return the case that these events tell, having checked every seal, number and step.

    Raises:
        Refusal: as `believed_event`.
    """
    view = None
    for signed in signed_events:
        event, act = believed_event(keys, signed, view)
        view = add_event(view, event, signed.event, act)
    return view


def check_act(act: Act, view: CaseView | None) -> None:
    """Refuse an act that cannot come next: other case or author, a gap in its numbers, a step that the state forbids.

    Raises:
        Refusal: RECORD_INVALID, ACT_OUT_OF_ORDER, CASE_STEP.
    """
    step = machine.step_of(act)
    if view is not None:
        _check_belongs(act, step, view)
    expected = view.next_number(act.author) if view else 1
    _check_no_gap("act", act.case_id, act.number, expected)
    if act.number < expected:
        raise _invalid(act.case_id, f"act {act.number} of {act.author} is in the case already")
    machine.check(step, view.state if view else CASE_STATE_UNSPECIFIED)


def _check_belongs(act: Act, step: Step, view: CaseView) -> None:
    if act.case_id != view.case_id:
        raise _invalid(view.case_id, f"the act is one of case {act.case_id}")
    author = view.intake if step.by is Role.INTAKE else view.handling
    if act.author != author:
        raise _invalid(act.case_id, f"{step.name} is an act of {author}, and {act.author} made it")


def _handling(event: Event, act: Act, view: CaseView | None) -> str:
    """Return who puts the acts of a case in order; the act that begins the case says it."""
    if view is not None:
        return view.handling
    _check_link(event, None)
    check_act(act, None)
    return act.received.handling


def _check_link(event: Event, view: CaseView | None) -> None:
    expected, previous = (view.sequence + 1, view.last_event) if view else (1, b"")
    _check_no_gap("event", event.case_id, event.sequence, expected)
    if event.sequence < expected or event.previous != previous:
        raise _invalid(event.case_id, f"event {event.sequence} does not follow the event before it")


def _check_brought(event: Event, signed: SignedAct, act: Act) -> None:
    if event.case_id != act.case_id or event.act_digest != sha256(signed.act).digest():
        raise _invalid(event.case_id, f"event {event.sequence} names another act than the one it brings")


def _check_no_gap(what: str, case_id: str, number: int, expected: int) -> None:
    if number > expected:
        facts = {"what": what, "number": str(number), "case_id": case_id, "expected": str(expected)}
        raise Refusal(codes.ACT_OUT_OF_ORDER, facts)


def _invalid(case_id: str, rule: str) -> Refusal:
    return Refusal(codes.RECORD_INVALID, {"case_id": case_id}, rule=rule)

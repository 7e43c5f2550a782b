"""The record of a case: sealing acts and events, and believing only those that are what their authors sealed."""

from collections.abc import Iterable
from hashlib import sha256

from google.protobuf.timestamp_pb2 import Timestamp

from tongban.api.cases.v1.acts_pb2 import Act, Event, SignedAct, SignedEvent
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_UNSPECIFIED
from tongban.core import codes, sealing
from tongban.core.case import machine
from tongban.core.case.fold import CaseView, add_event
from tongban.core.case.machine import Role
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
    handling = view.handling if view else act.received.handling
    if not sealing.member_sealed(keys, handling, signed.seal, event_leaf(signed.event)):
        raise Refusal(codes.MESSAGE_ALTERED, {"member": handling, "what": "the event's seal does not fit"})
    _check_link(event, signed, view)
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
    """Refuse an act that cannot come next: wrong author, a gap in its numbers, a step that the state does not allow.

    Raises:
        Refusal: RECORD_INVALID, ACT_OUT_OF_ORDER, CASE_STEP.
    """
    step = machine.step_of(act)
    author = _author_for(step.by, act, view)
    if act.author != author:
        raise _invalid("the act", act.case_id, f"{step.name} is an act of {author}")
    expected = view.next_number(act.author) if view else 1
    if act.number > expected:
        facts = {"what": "act", "number": str(act.number), "case_id": act.case_id, "expected": str(expected)}
        raise Refusal(codes.ACT_OUT_OF_ORDER, facts)
    if act.number < expected:
        raise _invalid("the act", act.case_id, f"number {act.number} of {act.author} is in the case already")
    machine.check(step, view.state if view else CASE_STATE_UNSPECIFIED)


def _author_for(role: Role, act: Act, view: CaseView | None) -> str:
    if view is None:
        return act.author if role is Role.INTAKE else act.received.handling
    return view.intake if role is Role.INTAKE else view.handling


def _check_link(event: Event, signed: SignedEvent, view: CaseView | None) -> None:
    expected = view.sequence + 1 if view else 1
    if event.sequence > expected:
        facts = {"what": "event", "number": str(event.sequence), "case_id": event.case_id, "expected": str(expected)}
        raise Refusal(codes.ACT_OUT_OF_ORDER, facts)
    if event.sequence < expected or event.previous != (view.last_event if view else b""):
        raise _invalid("the event", event.case_id, "it does not follow the event before it")
    if event.act_digest != sha256(signed.act.act).digest():
        raise _invalid("the event", event.case_id, "it names another act than the one it brings")


def _invalid(what: str, case_id: str, rule: str) -> Refusal:
    return Refusal(codes.RECORD_INVALID, {"what": what, "case_id": case_id}, rule=rule)

"""The record of a case is believed only as it was told: sealed by the right members, in order, nothing left out."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tongban.api.cases.v1.acts_pb2 import Act, Event, SignedEvent
from tongban.core import codes
from tongban.core.case import record
from tongban.core.case.fold import CaseView
from tongban.core.errors import Refusal
from tongban.core.sealing import KeyRing

from .story import (
    CASE,
    HANDLING,
    INTAKE,
    KEYS,
    OTHER,
    OTHER_CASE,
    act_of,
    after,
    case_after,
    event_of,
    put,
    sign_act,
    sign_event,
    told,
)

STEPS = [
    "received",
    "arrived",
    "correction_requested",
    "supplemented",
    "correction_requested",
    "supplemented",
    "accepted",
    "approved",
]
STORY = told(*STEPS)
BEFORE = after(STORY[:3])
"""The case before the first supplement."""
NEXT = STORY[3]


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def refusal_of_next(signed: SignedEvent, view: CaseView | None = BEFORE) -> Refusal:
    return refused(lambda: record.believed_event(KEYS, signed, view))


def fails(events: Sequence[SignedEvent]) -> Refusal:
    return refused(lambda: record.verify(KEYS, events))


def altered(data: bytes) -> list[bytes]:
    """Return the data with one bit turned in each of its bytes."""
    return [bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]]) for place in range(len(data))]


def test_a_whole_case_is_verified() -> None:
    view = record.verify(KEYS, STORY)
    assert view == after(STORY)
    assert view is not None
    assert (view.sequence, view.numbers) == (8, {INTAKE: 3, HANDLING: 5})


def test_a_case_without_events_is_none() -> None:
    assert record.verify(KEYS, []) is None


@pytest.mark.parametrize("size", range(1, len(STORY) + 1))
def test_the_beginning_of_a_case_is_verified(size: int) -> None:
    assert record.verify(KEYS, STORY[:size]) == after(STORY[:size])


def test_the_next_event_names_its_place_its_act_and_the_event_before() -> None:
    event, act = record.believed_event(KEYS, NEXT, BEFORE)
    assert BEFORE is not None
    assert (event.case_id, event.sequence, event.previous) == (CASE, 4, BEFORE.last_event)
    assert event == event_of(BEFORE, NEXT.act)
    assert act == act_of("supplemented", 2)
    assert event_of(None, STORY[0].act).previous == b""


def test_an_altered_act_is_refused() -> None:
    for data in altered(NEXT.act.act):
        forged = SignedEvent(event=NEXT.event, seal=NEXT.seal)
        forged.act.CopyFrom(NEXT.act)
        forged.act.act = data
        refusal = refusal_of_next(forged)
        assert refusal.code in {codes.MESSAGE_ALTERED, codes.MALFORMED, codes.INVALID_FIELD}


def test_an_altered_event_is_refused() -> None:
    for data in altered(NEXT.event):
        refusal = refusal_of_next(SignedEvent(event=data, seal=NEXT.seal, act=NEXT.act))
        assert refusal.code in {codes.MESSAGE_ALTERED, codes.MALFORMED, codes.INVALID_FIELD}


def test_a_refusal_says_whose_seal_does_not_fit() -> None:
    act = act_of("supplemented", 2)
    act.officer = "somebody"
    of_act = refusal_of_next(sign_event(event_of(BEFORE, NEXT.act), sign_act(act, HANDLING)))
    assert of_act.facts == {"member": INTAKE, "what": "the act's seal does not fit"}
    of_event = refusal_of_next(sign_event(NEXT.event, NEXT.act, INTAKE))
    assert of_event.facts == {"member": HANDLING, "what": "the event's seal does not fit"}


@pytest.mark.parametrize("member", [INTAKE, OTHER])
def test_nobody_but_the_handling_member_puts_acts_in_order(member: str) -> None:
    assert refusal_of_next(sign_event(NEXT.event, NEXT.act, member)).code is codes.MESSAGE_ALTERED
    assert refusal_of_next(sign_event(STORY[0].event, STORY[0].act, member), None).code is codes.MESSAGE_ALTERED


def test_seals_of_act_and_event_cannot_be_exchanged() -> None:
    own = STORY[1]
    swapped = SignedEvent(event=own.event, seal=own.act.seal, act=own.act)
    assert refusal_of_next(swapped, after(STORY[:1])).code is codes.MESSAGE_ALTERED


def test_a_key_that_the_directory_does_not_list_proves_nothing() -> None:
    for member in (INTAKE, HANDLING):
        fewer = KeyRing({place: key for place, key in KEYS.keys.items() if place[0] != member})
        refusal = refused(lambda keys=fewer: record.verify(keys, STORY))  # type: ignore[misc]
        assert (refusal.code, refusal.facts["member"]) == (codes.MESSAGE_ALTERED, member)


@pytest.mark.parametrize(
    ("step", "author"),
    [("supplemented", HANDLING), ("supplemented", OTHER), ("not_accepted", INTAKE), ("not_accepted", OTHER)],
)
def test_a_step_is_not_taken_for_somebody_else(step: str, author: str) -> None:
    assert BEFORE is not None
    refusal = refusal_of_next(put(BEFORE, act_of(step, BEFORE.next_number(author), author)))
    assert refusal.code is codes.RECORD_INVALID
    assert refusal.rule.startswith(f"{step} is an act of ")


def test_a_step_that_the_state_does_not_allow_is_refused() -> None:
    refusal = refusal_of_next(put(BEFORE, act_of("accepted", 3)))
    assert (refusal.code, refusal.facts["state"]) == (codes.CASE_STEP, "correction")


@pytest.mark.parametrize(("number", "code"), [(1, codes.RECORD_INVALID), (3, codes.ACT_OUT_OF_ORDER)])
def test_the_numbers_of_an_author_have_no_gap_and_no_repeat(number: int, code: codes.Code) -> None:
    assert refusal_of_next(put(BEFORE, act_of("supplemented", number))).code is code


def test_an_act_that_waits_for_an_earlier_one_may_come_again() -> None:
    refusal = refusal_of_next(put(BEFORE, act_of("supplemented", 4)))
    assert refusal.facts == {"what": "act", "number": "4", "case_id": CASE, "expected": "2"}
    assert refusal.code.retryable


@pytest.mark.parametrize("place", range(len(STORY)))
def test_an_event_after_a_missing_one_may_come_again(place: int) -> None:
    for missing in range(place):
        refusal = refusal_of_next(STORY[place], after(STORY[:missing]))
        assert refusal.code is codes.ACT_OUT_OF_ORDER, f"{place} after {missing}"
        assert (refusal.facts["what"], refusal.facts["expected"]) == ("event", str(missing + 1))


@pytest.mark.parametrize("place", range(len(STORY)))
def test_a_repeated_event_is_refused(place: int) -> None:
    for held in range(place + 1, len(STORY) + 1):
        refusal = refusal_of_next(STORY[place], after(STORY[:held]))
        assert refusal.code is codes.RECORD_INVALID


def test_an_event_follows_the_one_before_it_and_no_other() -> None:
    event = Event.FromString(NEXT.event)
    for previous in (Event.FromString(STORY[1].event).previous, b"\1" * 32, b""):
        event.previous = previous
        refusal = refusal_of_next(sign_event(event, NEXT.act))
        assert (refusal.code, refusal.rule) == (codes.RECORD_INVALID, "event 4 does not follow the event before it")
    first = Event.FromString(STORY[0].event)
    first.previous = b"\1" * 32
    assert refusal_of_next(sign_event(first, STORY[0].act), None).code is codes.RECORD_INVALID


def test_an_event_brings_the_act_that_it_names() -> None:
    another = sign_act(act_of("not_accepted", 3), HANDLING)
    refusal = refusal_of_next(sign_event(NEXT.event, another))
    assert (refusal.code, refusal.rule) == (codes.RECORD_INVALID, "event 4 names another act than the one it brings")


def test_an_act_of_another_case_never_comes_into_this_one() -> None:
    """Its author sealed it, its number fits, the state allows it; it was said of something else."""
    foreign = act_of("supplemented", 2, case=OTHER_CASE)
    assert refusal_of_next(put(BEFORE, foreign)).code is codes.RECORD_INVALID
    signed = sign_act(foreign, INTAKE)
    event = event_of(BEFORE, signed)
    event.case_id = CASE
    assert refusal_of_next(sign_event(event, signed)).code is codes.RECORD_INVALID
    refusal = refused(lambda: record.check_act(foreign, BEFORE))
    assert (refusal.code, refusal.facts["case_id"]) == (codes.RECORD_INVALID, CASE)


def test_an_event_of_another_case_never_comes_into_this_one() -> None:
    event = Event.FromString(NEXT.event)
    event.case_id = OTHER_CASE
    assert refusal_of_next(sign_event(event, NEXT.act)).code is codes.RECORD_INVALID
    first = Event.FromString(STORY[0].event)
    first.case_id = OTHER_CASE
    assert refusal_of_next(sign_event(first, STORY[0].act), None).code is codes.RECORD_INVALID


def test_two_cases_cannot_be_told_as_one() -> None:
    assert fails([STORY[0], *_story_of(OTHER_CASE)[1:]])
    assert fails([*STORY[:3], *_story_of(OTHER_CASE)[3:]])


def _story_of(case: str) -> list[SignedEvent]:
    events: list[SignedEvent] = []
    for signed in STORY:
        act = Act.FromString(signed.act.act)
        act.case_id = case
        events.append(put(after(events), act))
    return events


@pytest.mark.parametrize("step", ["arrived", "accepted", "not_accepted", "approved"])
def test_a_case_begins_with_its_intake(step: str) -> None:
    """The refusal names a rule; it does not blame a member that nobody knows yet."""
    refusal = fails([put(None, act_of(step, 1))])
    assert (refusal.code, refusal.facts["state"]) == (codes.CASE_STEP, "unspecified")


def test_an_intake_act_cannot_be_left_out() -> None:
    """The handling member would rather have the second supplement than the first: the numbers tell."""
    leaves_out = put(BEFORE, act_of("supplemented", 3))
    refusal = fails([*STORY[:3], leaves_out])
    assert refusal.facts == {"what": "act", "number": "3", "case_id": CASE, "expected": "2"}


def test_an_intake_act_cannot_be_replaced_by_its_author_later() -> None:
    other = act_of("supplemented", 2)
    other.supplemented.form["phone"] = "2"
    replaced = put(BEFORE, other)
    assert fails([*STORY[:3], replaced, *STORY[4:]]).code is codes.RECORD_INVALID


@given(st.data())
@settings(deadline=None)
def test_no_event_can_be_taken_out_moved_or_doubled(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(STORY) - 2))
    other = data.draw(st.integers(0, len(STORY) - 1).filter(lambda one: one != place))
    assert fails([*STORY[:place], *STORY[place + 1 :]])
    assert fails([*STORY[: place + 1], *STORY[place:]])
    moved = list(STORY)
    moved[place], moved[other] = moved[other], moved[place]
    assert fails(moved)


def test_bytes_that_are_no_act_or_no_event_are_refused() -> None:
    assert refusal_of_next(sign_event(NEXT.event, sign_act(b"\xff", INTAKE))).code is codes.MALFORMED
    assert refusal_of_next(sign_event(b"\xff", NEXT.act)).code is codes.MALFORMED
    empty = act_of("supplemented", 2)
    empty.ClearField("content")
    refusal = refusal_of_next(put(BEFORE, empty))
    assert (refusal.code, refusal.field) == (codes.INVALID_FIELD, "content")


def test_a_member_may_handle_what_it_took_in_itself() -> None:
    """Both roles are one author then, with one row of numbers."""
    received = act_of("received", 1)
    received.received.handling = INTAKE
    events = [put(None, received, INTAKE)]
    for number, step in enumerate(STEPS[1:], 2):
        events.append(put(after(events), act_of(step, number, INTAKE), INTAKE))
    view = record.verify(KEYS, events)
    assert view is not None
    assert (view.closed, view.numbers) == (True, {INTAKE: 8})


def test_what_is_refused_leaves_the_case_as_it_was() -> None:
    before = case_after(*STEPS[:3])
    for step in ("accepted", "arrived", "approved", "received"):
        assert refusal_of_next(put(before, act_of(step, 9)), before)
    assert before == case_after(*STEPS[:3])

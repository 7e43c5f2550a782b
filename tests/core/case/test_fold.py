"""What a case is after its acts: one whole story, and any sequence of acts at all."""

from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import CorrectionRequested, Decided, SignedEvent
from tongban.core.case import fold, machine, record
from tongban.core.case.fold import CaseView
from tongban.core.errors import Refusal
from tongban.core.times import moment

from .story import (
    CASE,
    HANDLING,
    INTAKE,
    KEYS,
    OTHER,
    OTHER_CASE,
    STEPS,
    act_of,
    after,
    case_after,
    put,
    sign_act,
    told,
)
from .test_machine import BY, LEADS_TO

ALL = ["received", "arrived", "correction_requested", "supplemented", "accepted", "approved"]


def test_a_whole_story() -> None:
    events = told(*ALL)
    views = [fold.fold(events[:place]) for place in range(len(events) + 1)]
    assert views[0] is None
    received, arrived, corrected, supplemented, accepted, approved = (view for view in views if view is not None)

    assert (received.case_id, received.intake, received.handling) == (CASE, INTAKE, HANDLING)
    assert received.received == STEPS["received"]
    assert received.form == {"new_address": "启东市某路1号", "phone": "0"}
    assert {code: one.name for code, one in received.materials.items()} == {"application": "first.pdf"}
    assert (received.correction, received.correction_asked) == (None, False)

    assert arrived.state == pb.CASE_STATE_ARRIVED
    assert corrected.correction == STEPS["correction_requested"]
    assert corrected.correction_asked

    assert supplemented.correction is None
    assert supplemented.correction_asked
    assert supplemented.form == {"new_address": "启东市某路1号", "phone": "1"}
    names = {code: one.name for code, one in supplemented.materials.items()}
    assert names == {"application": "second.pdf", "resolution": "first.pdf"}

    assert (accepted.case_number, accepted.closed) == ("BJ-1", False)
    assert accepted.deadline is not None
    assert accepted.deadline.day == "2026-11-02"

    decided = STEPS["approved"]
    assert isinstance(decided, Decided)
    assert (approved.state, approved.result, approved.closed) == (pb.CASE_STATE_APPROVED, decided.result, True)
    assert approved.case_number == "BJ-1"
    assert approved.numbers == {INTAKE: 2, HANDLING: 4}
    assert (approved.next_number(INTAKE), approved.next_number(OTHER)) == (3, 1)
    assert (approved.sequence, approved.last_event) == (6, sha256(events[-1].event).digest())
    assert moment(approved.updated_at) == datetime(2026, 10, 1, 9, tzinfo=UTC) + timedelta(minutes=4)


def test_what_an_intake_begins_is_in_no_order_yet() -> None:
    view = fold.begin(act_of("received", 1))
    assert (view.sequence, view.last_event, view.state) == (0, b"", pb.CASE_STATE_RECEIVED)
    assert (view.next_number(INTAKE), view.next_number(HANDLING)) == (2, 1)


def test_a_rejection_has_its_reason_and_its_paper() -> None:
    view = case_after("received", "arrived", "accepted", "rejected")
    assert (view.state, view.reason, view.closed) == (pb.CASE_STATE_REJECTED, "不符合法定条件", True)
    assert view.result is not None
    assert view.result.title == "不予许可决定书"


def test_not_accepting_ends_an_open_correction() -> None:
    view = case_after("received", "arrived", "correction_requested", "not_accepted")
    assert (view.state, view.correction, view.closed) == (pb.CASE_STATE_NOT_ACCEPTED, None, True)
    assert view.reason == "申请事项依法不需要取得行政许可"
    assert view.result is not None
    assert view.result.title == "不予受理通知书"


def test_an_act_on_its_way_counts_as_long_as_the_state_allows_it() -> None:
    supplement = sign_act(act_of("supplemented", 2), INTAKE)
    open_ = case_after("received", "arrived", "correction_requested")
    view, allowed = fold.add_pending(open_, [supplement])
    assert view is not None
    assert (view.state, allowed) == (pb.CASE_STATE_ARRIVED, [supplement])
    closed = case_after("received", "arrived", "correction_requested", "not_accepted")
    assert fold.add_pending(closed, [supplement]) == (closed, [])
    assert fold.add_pending(view, [supplement]) == (view, [])


def test_an_instant_item_has_no_promised_day() -> None:
    begun = case_after("received", "arrived")
    act = act_of("accepted", 2)
    act.accepted.ClearField("deadline")
    assert fold.add(begun, act).deadline is None


def test_the_case_at_a_glance() -> None:
    view = case_after(*ALL[:3])
    told_summary = fold.summary(view, "变更登记", "the node of 320681 does not answer")
    correction = STEPS["correction_requested"]
    assert isinstance(correction, CorrectionRequested)
    assert told_summary == pb.CaseSummary(
        case_id=CASE,
        intake_number="SJ-310151-20261001-0001",
        intake=INTAKE,
        handling=HANDLING,
        item_code="00013112700402",
        item_name="变更登记",
        state=pb.CASE_STATE_CORRECTION,
        updated_at=view.updated_at,
        correction=correction,
        hindrance="the node of 320681 does not answer",
    )
    closed = fold.summary(case_after(*ALL), "变更登记")
    assert (closed.case_number, closed.deadline.day, closed.HasField("correction")) == ("BJ-1", "2026-11-02", False)


def test_a_view_of_a_case_does_not_change_when_the_case_goes_on() -> None:
    before = case_after(*ALL[:3])
    fold.add(before, act_of("supplemented", 2))
    assert before == case_after(*ALL[:3])
    with pytest.raises(FrozenInstanceError):
        before.state = pb.CASE_STATE_APPROVED  # type: ignore[misc]


@dataclass(frozen=True)
class Attempt:
    """An act that somebody tries, right or wrong."""

    step: str
    author: str
    skipped: int
    """How far its number is from the next one."""
    case: str


def _right(step: str) -> Attempt:
    return Attempt(step, {"intake": INTAKE, "handling": HANDLING}[BY[step]], 0, CASE)


attempts = st.one_of(
    st.sampled_from(list(BY)).map(_right),
    st.builds(
        Attempt,
        st.sampled_from(list(BY)),
        st.sampled_from([INTAKE, HANDLING, OTHER]),
        st.sampled_from([-1, 0, 0, 1]),
        st.sampled_from([CASE, CASE, CASE, OTHER_CASE]),
    ),
)


def allowed(attempt: Attempt, view: CaseView | None) -> bool:
    """Say whether the table allows an attempt; a second and simpler way to say what the product checks."""
    if view is None:
        return attempt.step == "received" and attempt.skipped == 0
    possible = LEADS_TO[attempt.step, machine.state_name(view.state)] != "-"
    author = view.intake if BY[attempt.step] == "intake" else view.handling
    return possible and attempt.author == author and attempt.skipped == 0 and attempt.case == view.case_id


@given(st.lists(attempts, max_size=25))
@settings(deadline=None)
def test_any_sequence_of_acts_stays_in_the_table(tries: list[Attempt]) -> None:
    events: list[SignedEvent] = []
    view: CaseView | None = None
    for attempt in tries:
        next_number = view.next_number(attempt.author) if view else 1
        act = act_of(attempt.step, next_number + attempt.skipped, attempt.author, attempt.case)
        handling = view.handling if view else HANDLING
        signed = put(view, act, handling)
        before = view, record.verify(KEYS, events)
        try:
            event, believed = record.believed_event(KEYS, signed, view)
        except Refusal:
            assert not allowed(attempt, view), attempt
            assert (view, record.verify(KEYS, events)) == before
            continue
        assert allowed(attempt, view), attempt
        old = machine.state_name(view.state) if view else ""
        view = fold.add_event(view, event, signed.event, believed)
        events.append(signed)
        assert machine.state_name(view.state) == (LEADS_TO[attempt.step, old] if old else "received")
    assert view == record.verify(KEYS, events) == fold.fold(events) == after(events)
    if view is not None:
        assert view.sequence == len(events) == sum(view.numbers.values())

"""The judge lets a real run pass, and catches each promise that is broken in a changed copy of it."""

from dataclasses import replace

import pytest

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse, GetStatusResponse
from tongban.api.cases.v1.acts_pb2 import SignedAct, SignedEvent
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ACCEPTED, GetCaseResponse
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, Evidence

from . import mutants as m
from . import of_cases, of_commands, of_nodes
from .judge import INVARIANTS, Invariant, judge
from .kill_rig import Run
from .mutants import BOTH, EventsChange, Mutant
from .recorded import Recorded, load


def _accepted_only(case: GetCaseResponse) -> None:
    case.summary.state = CASE_STATE_ACCEPTED


def _pending(case: GetCaseResponse) -> None:
    case.pending.append(SignedAct())


def _hindered(case: GetCaseResponse) -> None:
    case.summary.hindrance = "1 messages wait"


def _renamed(case: GetCaseResponse) -> GetCaseResponse:
    copy = GetCaseResponse.FromString(case.SerializeToString())
    copy.summary.case_id = f"{case.summary.case_id[:-1]}?"
    return copy


def _altered(events: list[SignedEvent]) -> list[SignedEvent]:
    event = events[-1]
    event.seal.signature = event.seal.signature[:-1] + bytes([event.seal.signature[-1] ^ 1])
    return events


def _twice(step: int) -> EventsChange:
    return lambda events: [*events[: step + 1], *events[step:]]


def _no_checkpoints(part: ExportEvidenceResponse) -> None:
    del part.checkpoints[:]


def _flipped(log: bytes, place: int) -> bytes:
    return log[:place] + bytes([log[place] ^ 1]) + log[place + 1 :]


def _answered_act(one: Evidence) -> bool:
    return one.side == SIDE_ANSWERED and one.method == of_nodes.DELIVER_ACT


def _submission(one: Evidence) -> bool:
    return one.method == of_nodes.METHODS["submit"]


def _queued(status: GetStatusResponse) -> None:
    status.peers[0].queued = 1


def _refused(status: GetStatusResponse) -> None:
    status.peers[0].refused = 1


def _failing(status: GetStatusResponse) -> None:
    status.handlers_failing = 1


def _problem(status: GetStatusResponse) -> None:
    status.problems.append("the disk is full")


def _other_paper(recorded: Recorded) -> Recorded:
    one, other = (m.entry("submit", story)(recorded) for story in ("1-1", "2-1"))
    paper = m.paper_with(one.answer["paper"], other.answer["paper"])
    return m.changed("submit", paper=paper)(recorded)


MUTANTS: dict[str, tuple[Invariant, Mutant]] = {
    "a command has no answer": (of_commands.answered, m.unanswered("approve")),
    "a story has no end": (of_commands.told_to_the_end, m.unanswered("result")),
    "nobody asked anything": (of_commands.told_to_the_end, lambda recorded: replace(recorded, entries=())),
    "a repeat has another answer": (of_commands.answered, m.again("submit", case_id="another")),
    "a repeat is refused": (of_commands.answered, m.refused("supplement", "CASE_STEP")),
    "the intake lost a case": (of_commands.acknowledged, m.in_cases(lambda cases: cases[1:], "intake")),
    "the handling side lost a case": (of_commands.acknowledged, m.in_cases(lambda cases: cases[1:], "handling")),
    "an intake number is another": (of_commands.acknowledged, m.changed("submit", intake_number="1")),
    "a case number is another": (of_commands.acknowledged, m.changed("accept", case_number="1")),
    "a supplement is lost": (of_commands.acknowledged, m.in_events(m.without_step("supplemented"), *BOTH)),
    "an approval is lost": (of_commands.acknowledged, m.in_events(m.without_step("decided"), *BOTH)),
    "a case that nobody asked for": (
        of_commands.one_case_for_each_request,
        m.in_cases(lambda cases: (*cases, _renamed(cases[0])), "handling"),
    ),
    "a second case for a request": (of_commands.one_case_for_each_request, m.unanswered("submit")),
    "a number given twice": (
        of_commands.one_case_for_each_request,
        m.in_cases(lambda cases: (*cases, cases[0]), "intake"),
    ),
    "one case for two requests": (of_commands.one_case_for_each_request, m.same_case_for_another),
    "a case went back": (of_commands.shown_stays, m.again("case", events="1")),
    "a receipt with another text": (of_commands.papers_verify, _other_paper),
    "a case is not closed": (of_cases.closed, m.in_case(_accepted_only, "intake")),
    "an act is on its way": (of_cases.closed, m.in_case(_pending, "intake")),
    "a case is hindered": (of_cases.closed, m.in_case(_hindered, "handling")),
    "an event did not come": (of_cases.same_events, m.in_events(lambda events: events[:-1], "intake")),
    "an event with another seal": (of_cases.same_events, m.in_events(_altered, "handling")),
    "a seal does not fit": (of_cases.in_order, m.in_events(_altered, *BOTH)),
    "accepted before it arrived": (
        of_cases.in_order,
        m.in_events(lambda events: [events[0], events[4], *events[1:4], events[5]], *BOTH),
    ),
    "a supplement twice": (of_cases.acts_once, m.in_events(_twice(3), *BOTH)),
    "a gap in the acts": (of_cases.acts_once, m.in_events(m.without_step("correction_requested"), *BOTH)),
    "accepted twice": (of_cases.decided_once, m.in_events(_twice(4), "handling")),
    "decided twice": (of_cases.decided_once, m.in_events(_twice(5), "intake")),
    "never decided": (of_cases.decided_once, m.in_events(m.without_step("decided"), *BOTH)),
    "a byte of a log is another": (of_nodes.logs_verify, m.in_log(lambda log: _flipped(log, len(log) // 2), "intake")),
    "a log is cut off": (of_nodes.logs_verify, m.in_log(lambda log: log[: len(log) // 2], "handling")),
    "a record is left out": (of_nodes.logs_verify, m.without_records(_submission, "intake")),
    "records under no checkpoint": (
        of_nodes.logs_verify,
        m.in_log(lambda log: m.rewritten(log, _no_checkpoints), "handling"),
    ),
    "answered before it was recorded": (of_nodes.answers_match, m.without_records(_answered_act, "handling")),
    "a delivered act is lost": (of_nodes.delivered_is_there, m.in_cases(lambda cases: cases[1:], "handling")),
    "a delivered event is lost": (of_nodes.delivered_is_there, m.in_events(lambda events: events[:-1], "intake")),
    "a receipt without evidence": (of_nodes.answers_are_recorded, m.without_records(_submission, "intake")),
    "a message waits": (of_nodes.nothing_waits, m.in_status(_queued, "intake")),
    "a message was refused": (of_nodes.nothing_waits, m.in_status(_refused, "handling")),
    "a handler fails": (of_nodes.nothing_waits, m.in_status(_failing, "handling")),
    "a node has a problem": (of_nodes.nothing_waits, m.in_status(_problem, "intake")),
}


@pytest.fixture(scope="module")
def recorded(short_run: Run) -> Recorded:
    return load(short_run.record)


def test_a_real_run_is_let_pass(recorded: Recorded) -> None:
    verdict = judge(recorded)
    assert verdict.good, str(verdict)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_promise_is_caught(recorded: Recorded, name: str) -> None:
    invariant, mutant = MUTANTS[name]
    verdict = judge(mutant(recorded))
    broken = next(title for title, one in INVARIANTS.items() if one is invariant)
    assert verdict.broken[broken], str(verdict)


def test_a_bit_that_changed_anywhere_in_a_log_is_caught(recorded: Recorded) -> None:
    for place in range(0, len(recorded.intake.log), len(recorded.intake.log) // 50):
        verdict = judge(m.in_log(lambda log, place=place: _flipped(log, place), "intake")(recorded))  # type: ignore[misc]
        assert not verdict.good, place


def test_every_invariant_has_a_mutant() -> None:
    assert {invariant for invariant, _ in MUTANTS.values()} == set(INVARIANTS.values())

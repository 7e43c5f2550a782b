"""Invariants of the cases that both nodes hold in the end."""

from collections import Counter
from collections.abc import Iterator

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CaseState
from tongban.core.case import record
from tongban.core.errors import Refusal

from .recorded import Recorded, acts

STEPS = ("received", "arrived", "correction_requested", "supplemented", "accepted", "decided")
"""What happens in every story, in this order."""

DECISIONS = ("correction_requested", "accepted", "decided")


def closed(recorded: Recorded) -> Iterator[str]:
    """Every case is closed, and nothing of it is still on its way."""
    for node in recorded.nodes:
        for case in node.cases:
            place = f"{case.summary.case_id} at {node.member}"
            if case.summary.state != CASE_STATE_APPROVED:
                yield f"{place} is {CaseState.Name(case.summary.state)}"
            if case.pending or case.summary.hindrance:
                yield f"{place} has {len(case.pending)} acts on their way; hindrance: {case.summary.hindrance!r}"


def same_events(recorded: Recorded) -> Iterator[str]:
    """Both nodes hold the same events, to the byte."""
    held = [{case.summary.case_id: list(case.events) for case in node.cases} for node in recorded.nodes]
    for case_id in sorted(held[0].keys() | held[1].keys()):
        if held[0].get(case_id) != held[1].get(case_id):
            yield f"{case_id} has other events at {recorded.intake.member} than at {recorded.handling.member}"


def in_order(recorded: Recorded) -> Iterator[str]:
    """Seals, numbers and order of steps are right, by the directory's keys."""
    for node in recorded.nodes:
        for case in node.cases:
            try:
                record.verify(recorded.keys, case.events)
            except Refusal as refusal:
                yield f"{case.summary.case_id} at {node.member}: {refusal}"


def acts_once(recorded: Recorded) -> Iterator[str]:
    """Each act of each author is there once, without a gap, and the story has no other steps."""
    for node in recorded.nodes:
        for case in node.cases:
            found, place = acts(case.events), f"{case.summary.case_id} at {node.member}"
            for author in (recorded.intake.member, recorded.handling.member):
                numbers = [act.number for act in found if act.author == author]
                if numbers != list(range(1, len(numbers) + 1)):
                    yield f"{place} has the acts {numbers} of {author}"
            steps = tuple(act.WhichOneof("content") for act in found)
            if steps != STEPS:
                yield f"{place} has the steps {', '.join(map(str, steps))}"


def decided_once(recorded: Recorded) -> Iterator[str]:
    """Each decision is there once."""
    for node in recorded.nodes:
        for case in node.cases:
            steps = Counter(str(act.WhichOneof("content")) for act in acts(case.events))
            for step in DECISIONS:
                if steps[step] != 1:
                    yield f"{case.summary.case_id} at {node.member} has {steps[step]} times {step}"

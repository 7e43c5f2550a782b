"""Ways to change what a run left behind, so that it tells of nodes that broke a promise."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import replace
from io import BytesIO

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse, GetStatusResponse
from tongban.api.cases.v1.acts_pb2 import SignedEvent
from tongban.api.cases.v1.cases_pb2 import GetCaseResponse
from tongban.api.common.v1.common_pb2 import Paper
from tongban.api.evidence.v1.evidence_pb2 import Evidence
from tongban.core.evidence import read, write

from .history import REFUSED, UNKNOWN, Entry
from .recorded import NodeRecord, Recorded, acts

Mutant = Callable[[Recorded], Recorded]
EventsChange = Callable[[list[SignedEvent]], Iterable[SignedEvent]]

BOTH = ("intake", "handling")


def entry(operation: str, story: str = "1-1") -> Callable[[Recorded], Entry]:
    """Find the answered operation of a story; the last, if there are several."""
    return lambda recorded: [one for one in recorded.acknowledged(operation) if one.who == story][-1]


def changed(operation: str, **answer: str) -> Mutant:
    """Have something else told in the answer of an operation."""

    def mutant(recorded: Recorded) -> Recorded:
        old = entry(operation)(recorded)
        entries = [one if one != old else replace(one, answer={**one.answer, **answer}) for one in recorded.entries]
        return replace(recorded, entries=tuple(entries))

    return mutant


def unanswered(operation: str) -> Mutant:
    """Have an operation end without an answer."""

    def mutant(recorded: Recorded) -> Recorded:
        old = entry(operation)(recorded)
        entries = [one if one != old else replace(one, outcome=UNKNOWN, answer={}) for one in recorded.entries]
        return replace(recorded, entries=tuple(entries))

    return mutant


def again(operation: str, **answer: str) -> Mutant:
    """Have an operation done once more, with another answer."""

    def mutant(recorded: Recorded) -> Recorded:
        old = entry(operation)(recorded)
        return replace(recorded, entries=(*recorded.entries, replace(old, answer={**old.answer, **answer})))

    return mutant


def refused(operation: str, code: str) -> Mutant:
    """Have an operation done once more, and refused."""

    def mutant(recorded: Recorded) -> Recorded:
        repeat = replace(entry(operation)(recorded), outcome=REFUSED, code=code, answer={})
        return replace(recorded, entries=(*recorded.entries, repeat))

    return mutant


def same_case_for_another(recorded: Recorded) -> Recorded:
    """Have another request to take a case in answered with the same case."""
    return replace(recorded, entries=(*recorded.entries, replace(entry("submit")(recorded), request_id="1-1-another")))


def paper_with(paper: str, other: str) -> str:
    """Return a paper with the text of another one, under its own signature."""
    forged, text = (Paper.FromString(base64.b64decode(one)) for one in (paper, other))
    forged.content = text.content
    return base64.b64encode(forged.SerializeToString()).decode()


def in_case(change: Callable[[GetCaseResponse], None], *sides: str) -> Mutant:
    """Change the case of the first story, at these sides."""

    def mutant(recorded: Recorded) -> Recorded:
        case_id = entry("submit")(recorded).answer["case_id"]
        for side in sides:
            cases = tuple(_copy(one, change, case_id) for one in _node(recorded, side).cases)
            recorded = _with(recorded, side, replace(_node(recorded, side), cases=cases))
        return recorded

    return mutant


def in_events(change: EventsChange, *sides: str) -> Mutant:
    """Change the events of the first story's case, at these sides."""

    def changed(case: GetCaseResponse) -> None:
        events = list(change(list(case.events)))
        del case.events[:]
        case.events.extend(events)

    return in_case(changed, *sides)


def without_step(step: str) -> EventsChange:
    """Leave out the event of a step."""
    return lambda events: [one for one in events if acts([one])[0].WhichOneof("content") != step]


def in_cases(change: Callable[[tuple[GetCaseResponse, ...]], tuple[GetCaseResponse, ...]], side: str) -> Mutant:
    """Change which cases a side holds."""

    def mutant(recorded: Recorded) -> Recorded:
        node = _node(recorded, side)
        return _with(recorded, side, replace(node, cases=change(node.cases)))

    return mutant


def in_status(change: Callable[[GetStatusResponse], None], side: str) -> Mutant:
    """Change how a node is in the end."""

    def mutant(recorded: Recorded) -> Recorded:
        node = _node(recorded, side)
        status = GetStatusResponse.FromString(node.status.SerializeToString())
        change(status)
        return _with(recorded, side, replace(node, status=status))

    return mutant


def in_log(change: Callable[[bytes], bytes], side: str) -> Mutant:
    """Change the bytes of a log."""

    def mutant(recorded: Recorded) -> Recorded:
        node = _node(recorded, side)
        return _with(recorded, side, replace(node, log=change(node.log)))

    return mutant


def without_records(unwanted: Callable[[Evidence], bool], side: str) -> Mutant:
    """Leave records out of a log."""

    def change(part: ExportEvidenceResponse) -> None:
        kept = [one for one in part.records if not unwanted(Evidence.FromString(one.record))]
        del part.records[:]
        part.records.extend(kept)

    return in_log(lambda log: rewritten(log, change), side)


def rewritten(log: bytes, change: Callable[[ExportEvidenceResponse], None]) -> bytes:
    """Return a log with each part changed, whole as a file."""
    parts = list(read(BytesIO(log)))
    for part in parts:
        change(part)
    file = BytesIO()
    write(file, parts)
    return file.getvalue()


def _node(recorded: Recorded, side: str) -> NodeRecord:
    return recorded.intake if side == "intake" else recorded.handling


def _with(recorded: Recorded, side: str, node: NodeRecord) -> Recorded:
    return replace(recorded, intake=node) if side == "intake" else replace(recorded, handling=node)


def _copy(case: GetCaseResponse, change: Callable[[GetCaseResponse], None], case_id: str) -> GetCaseResponse:
    copy = GetCaseResponse.FromString(case.SerializeToString())
    if case.summary.case_id == case_id:
        change(copy)
    return copy

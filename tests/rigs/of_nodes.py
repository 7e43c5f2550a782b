"""Invariants of the nodes in the end: their evidence logs, held against each other and the history, and what waits."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

from tongban.api.cases.v1.acts_pb2 import Event
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, Evidence
from tongban.core.evidence import EvidenceUnreadable, read, verify_file

from .recorded import NodeRecord, Recorded, acts

API = "/tongban.api."
DELIVER_ACT = f"{API}exchange.v1.CaseExchangeService/DeliverAct"
DELIVER_EVENT = f"{API}exchange.v1.CaseExchangeService/DeliverEvent"

METHODS = {
    "verify": f"{API}identity.v1.IdentityService/VerifyIdentity",
    "upload": f"{API}materials.v1.MaterialService/UploadMaterial",
    "submit": f"{API}cases.v1.CaseService/SubmitCase",
    "supplement": f"{API}cases.v1.CaseService/SupplementCase",
    "accept": f"{API}cases.v1.CaseService/DecideCase",
    "approve": f"{API}cases.v1.CaseService/DecideCase",
    "case": f"{API}cases.v1.CaseService/GetCase",
    "fetch": f"{API}materials.v1.MaterialService/FetchMaterial",
    "result": f"{API}cases.v1.CaseService/GetResult",
}
"""Which method answers each operation of the history."""


def logs_verify(recorded: Recorded) -> Iterator[str]:
    """Both evidence logs verify by the directory's keys, to their last record and seal."""
    for node in recorded.nodes:
        findings = verify_file(BytesIO(node.log), recorded.keys)
        yield from (f"{node.member}: {one.place}: {one.what}" for one in findings.problems)
        if (findings.member, findings.unchecked_seals) != (node.member, 0) or findings.covered < findings.records:
            yield f"{node.member}: the log of {findings.member}: {'; '.join(findings.notes())}"


def answers_match(recorded: Recorded) -> Iterator[str]:
    """What one side holds as answered the other side has answered: same question, same answer, to the byte."""
    gave = {node.member: {_exchange(one) for one in _records(node, SIDE_ANSWERED)} for node in recorded.nodes}
    for node in recorded.nodes:
        for one in _records(node, SIDE_ASKED):
            if one.HasField("answer") and _exchange(one) not in gave.get(one.answering, set()):
                yield f"{node.member} holds an answer to {one.id}, of which {one.answering} knows nothing"


def delivered_is_there(recorded: Recorded) -> Iterator[str]:
    """What was delivered, by the log of the side that delivered it, is there."""
    there = {(DELIVER_ACT, name) for name in _acts_at(recorded.handling)}
    there |= {(DELIVER_EVENT, name) for name in _events_at(recorded.intake)}
    for node in recorded.nodes:
        for one in _records(node, SIDE_ASKED):
            if one.method in (DELIVER_ACT, DELIVER_EVENT) and not one.error_code and (one.method, one.id) not in there:
                yield f"{one.answering} took {one.id} from {node.member}, and does not have it"


def answers_are_recorded(recorded: Recorded) -> Iterator[str]:
    """No answer left without evidence: a log has at least as many answers as clients got."""
    for node in recorded.nodes:
        written = Counter(one.method for one in _records(node) if not one.error_code and one.side != SIDE_ANSWERED)
        got = Counter(METHODS[one.operation] for one in recorded.acknowledged(*METHODS) if one.node == node.member)
        for method, count in got.items():
            if written[method] < count:
                yield f"{node.member} gave {count} answers to {method} and has written {written[method]}"


def nothing_waits(recorded: Recorded) -> Iterator[str]:
    """Nothing waits for the other node or for a handler, and the node knows of no problem."""
    for node in recorded.nodes:
        for peer in node.status.peers:
            if peer.queued or peer.refused:
                yield f"{node.member}: {peer.queued} messages wait for {peer.member}, {peer.refused} were refused"
        yield from (f"{node.member}: {problem}" for problem in node.status.problems)
        if node.status.handlers_failing:
            yield f"{node.member}: {node.status.handlers_failing} cases wait for their handler"


def _records(node: NodeRecord, side: int | None = None) -> Iterator[Evidence]:
    """Yield the records of a log, as far as it can be read: that it cannot, another invariant tells."""
    with suppress(EvidenceUnreadable):
        for part in read(BytesIO(node.log)):
            for one in part.records:
                evidence = Evidence.FromString(one.record)
                if side is None or evidence.side == side:
                    yield evidence


def _exchange(one: Evidence) -> tuple[bytes, bytes]:
    return one.question.header, one.answer.header


def _acts_at(node: NodeRecord) -> Iterator[str]:
    for case in node.cases:
        yield from (f"{act.case_id}/{act.author}/{act.number}" for act in acts(case.events))


def _events_at(node: NodeRecord) -> Iterator[str]:
    for case in node.cases:
        for signed in case.events:
            event = Event.FromString(signed.event)
            yield f"{event.case_id}/event/{event.sequence}"

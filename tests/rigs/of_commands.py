"""Invariants of what windows asked and were told."""

import base64
from collections import defaultdict
from collections.abc import Iterator

from tongban.api.cases.v1.acts_pb2 import Act
from tongban.api.common.v1.common_pb2 import Paper
from tongban.core.signing import signature_is_right

from .history import OK, REFUSED, Entry
from .recorded import NodeRecord, Recorded, acts

ACTS_OF = {"supplement": "supplemented", "accept": "accepted", "approve": "decided"}
"""What a command puts into its case."""


def told_to_the_end(recorded: Recorded) -> Iterator[str]:
    """Every story is told to its end: both windows got the result."""
    begun = {entry.who for entry in recorded.entries if entry.operation in ("verify", "upload", "submit")}
    if not begun:
        yield "there is no story"
    for node in recorded.nodes:
        ended = {entry.who for entry in recorded.acknowledged("result") if entry.node == node.member}
        yield from (f"{node.member} never gave {story} its result" for story in sorted(begun - ended))


def answered(recorded: Recorded) -> Iterator[str]:
    """Every command is answered, never refused, and each repeat gets the same answer."""
    for request_id, tries in _by_request(recorded).items():
        told = [dict(entry.answer) for entry in tries if entry.outcome == OK]
        name = f"{tries[0].operation} {request_id}"
        if not told:
            yield f"{name} was never answered"
        if any(one != told[0] for one in told):
            yield f"{name} was answered in different ways"
        yield from (f"{name} was refused: {entry.code}" for entry in tries if entry.outcome == REFUSED)


def acknowledged(recorded: Recorded) -> Iterator[str]:
    """What was acknowledged is there, at both nodes."""
    for node in recorded.nodes:
        for entry in recorded.acknowledged("submit"):
            yield from _submission(entry, node)
        for entry in recorded.acknowledged(*ACTS_OF):
            yield from _act(entry, node)


def one_case_for_each_request(recorded: Recorded) -> Iterator[str]:
    """One case for each request to take one in."""
    cases = {entry.request_id: entry.answer["case_id"] for entry in recorded.acknowledged("submit")}
    if len(set(cases.values())) != len(cases):
        yield "two requests got the same case"
    for node in recorded.nodes:
        held = [case.summary for case in node.cases]
        for case_id in {one.case_id for one in held} - set(cases.values()):
            yield f"{node.member} holds {case_id}, for which nobody asked"
        for kind, numbers in (
            ("intake", [one.intake_number for one in held]),
            ("case", [one.case_number for one in held]),
        ):
            if len(set(numbers)) != len(numbers):
                yield f"{node.member} gave a {kind} number twice"


def shown_stays(recorded: Recorded) -> Iterator[str]:
    """What a window was shown stays: a case never has fewer events than an earlier answer told."""
    most: dict[tuple[str, str], int] = defaultdict(int)
    for entry in recorded.acknowledged("case"):
        key, events = (entry.node, entry.case_id), int(entry.answer["events"])
        if events < most[key]:
            yield f"{entry.node} showed {most[key]} events of {entry.case_id}, then {events}, {entry.end:.2f} s"
        most[key] = max(most[key], events)


def papers_verify(recorded: Recorded) -> Iterator[str]:
    """Papers verify by their issuer's key."""
    for entry in recorded.acknowledged("submit", "result"):
        paper = Paper.FromString(base64.b64decode(entry.answer["paper"]))
        key = recorded.keys.key(paper.issuer, paper.key_id)
        if key is None or not signature_is_right(key, paper.signature, paper.content):
            yield f"{paper.title} of {entry.who}, from {entry.node}"


def _by_request(recorded: Recorded) -> dict[str, list[Entry]]:
    tries: dict[str, list[Entry]] = defaultdict(list)
    for entry in recorded.entries:
        if entry.request_id:
            tries[entry.request_id].append(entry)
    return tries


def _submission(entry: Entry, node: NodeRecord) -> Iterator[str]:
    case = node.case(entry.answer["case_id"])
    received = acts(case.events)[0].received if case and case.events else None
    if received is None:
        yield f"{node.member} does not hold {entry.answer['case_id']}, which {entry.who} was told"
    elif (received.form["new_address"], received.intake_number) != (entry.who, entry.answer["intake_number"]):
        yield f"{node.member} holds another case as {entry.answer['case_id']} than {entry.who} handed in"


def _act(entry: Entry, node: NodeRecord) -> Iterator[str]:
    case, content = node.case(entry.case_id), ACTS_OF[entry.operation]
    found = [act for act in acts(case.events) if act.WhichOneof("content") == content] if case else []
    if not found:
        yield f"{node.member} does not hold the {entry.operation} of {entry.case_id}"
    elif entry.answer["case_number"] != _case_number(found[0], entry):
        yield f"{node.member} holds another {entry.operation} of {entry.case_id} than was told"


def _case_number(act: Act, entry: Entry) -> str:
    return act.accepted.case_number if entry.operation == "accept" else entry.answer["case_number"]

"""The record step: what happened, as the node's evidence log keeps it. Metadata and digests; no personal data."""

from datetime import datetime
from hashlib import sha256

from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, SIDE_LOCAL, Evidence
from tongban.api.exchange.v1.exchange_pb2 import Header, SealedMessage
from tongban.core.times import timestamp
from tongban.federation.calls import Call, Caller, Exchanged, Outcome, Question


def local(call: Call, caller: Caller, outcome: Outcome, member: str, row: str, now: datetime) -> Evidence:
    """Return the record of a call that this node answered for one of its own windows or operators."""
    return Evidence(
        time=timestamp(now),
        side=SIDE_LOCAL,
        method=call.method,
        asking=member,
        answering=member,
        window=caller.window,
        context=call.context,
        question_digest=sha256(call.body).digest(),
        answer_digest=sha256(outcome.body).digest(),
        agreement_row=row or _missing_row(outcome),
        status=_status(outcome),
        error_code=outcome.refusal.code.name if outcome.refusal else "",
    )


def asked(exchanged: Exchanged, outcome: Outcome, now: datetime) -> Evidence:
    """Return the record of a question to a peer, whatever came of it."""
    record = _of_header(exchanged.header, exchanged.question, exchanged.answer, outcome, now)
    record.side = SIDE_ASKED
    return record


def answered(asked: Question, answer: SealedMessage, outcome: Outcome, row: str, now: datetime) -> Evidence:
    """Return the record of a peer's question that this node answered or refused."""
    record = _of_header(asked.header, asked.message, answer, outcome, now)
    record.side, record.agreement_row = SIDE_ANSWERED, row or record.agreement_row
    return record


def _of_header(
    header: Header, question: SealedMessage, answer: SealedMessage | None, outcome: Outcome, now: datetime
) -> Evidence:
    return Evidence(
        time=timestamp(now),
        id=header.id,
        method=header.method,
        asking=header.sender,
        answering=header.receiver,
        window=header.window,
        context=header.context,
        question_digest=header.body_digest,
        answer_digest=Header.FromString(answer.header).body_digest if answer else b"",
        agreement_row=_missing_row(outcome),
        question=_without_body(question),
        answer=_without_body(answer) if answer else None,
        status=_status(outcome),
        error_code=outcome.refusal.code.name if outcome.refusal else "",
    )


def _status(outcome: Outcome) -> int:
    return outcome.refusal.code.status if outcome.refusal else 0


def _missing_row(outcome: Outcome) -> str:
    return outcome.refusal.facts.get("row", "") if outcome.refusal else ""


def _without_body(message: SealedMessage) -> SealedMessage:
    return SealedMessage(header=message.header, seal=message.seal)

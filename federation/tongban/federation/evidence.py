"""The record step: what happened, as the node's evidence log keeps it. Metadata and digests; no personal data."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from tongban.api.evidence.v1.evidence_pb2 import (
    SIDE_ANSWERED,
    SIDE_ASKED,
    SIDE_LOCAL,
    SIDE_RELAYED,
    STAGE_OPENED,
    Evidence,
    Stage,
)
from tongban.api.exchange.v1.exchange_pb2 import Header, SealedMessage
from tongban.core.times import timestamp
from tongban.federation.calls import Call, Caller, Exchanged, Outcome, Question
from tongban.federation.exchange.bodies import Held
from tongban.federation.policies import is_lookup
from tongban.federation.tally import Tally

_MOST_UNPROVED = 4096
"""Most bytes of the header of a question that nobody proved, for a record to keep it."""


def local(call: Call, caller: Caller, outcome: Outcome, member: str, row: str, now: datetime) -> Evidence:
    """Return the record of a call that this node answered for one of its own windows or operators.

    A look-up at another member stands here if nothing of it left.
    """
    return Evidence(
        time=timestamp(now),
        side=SIDE_LOCAL,
        method=call.method,
        asking=member,
        answering=(call.context.to if is_lookup(call.method) else "") or member,
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
    record = _of_exchange(exchanged, outcome, now)
    record.side = SIDE_ASKED
    return record


def relayed(exchanged: Exchanged, now: datetime) -> Evidence:
    """Return the record of a question that this node passed on, and of its answer: the relay knows its status only."""
    record = _of_exchange(exchanged, Outcome(), now)
    record.side, record.status = SIDE_RELAYED, exchanged.status
    return record


def answered(
    asked: Question, answer: SealedMessage | None, held: Held | None, outcome: Outcome, row: str, now: datetime
) -> Evidence:
    """Return the record of a peer's question that this node answered, or refused to answer or to pass on."""
    exchanged = outcome.exchanged or Exchanged(asked.message, asked.header, hops=asked.hops)
    question_held = asked.opened.held if asked.opened else None
    own = replace(exchanged, answer=answer, question_held=question_held, answer_held=held)
    record = _of_exchange(own, outcome, now)
    here = Header.FromString(answer.header).sender if answer else asked.header.receiver
    record.side = SIDE_ANSWERED if here == asked.header.receiver else SIDE_RELAYED
    record.agreement_row = row or record.agreement_row
    return record


def make_unproved(record: Evidence, certified: str) -> None:
    """Have a record name whoever handed a question in, or nobody: who asked it and why is not proved."""
    record.asking = certified
    for field in ("window", "context", "hops"):
        record.ClearField(field)
    if len(record.question.header) > _MOST_UNPROVED:
        record.ClearField("question")


def of_stream(
    record: Evidence, stage: "Stage.ValueType", requests: Tally, answers: Tally, end: SealedMessage | None = None
) -> Evidence:
    """Return a record as one of a stream: at its opening, or with what had passed at its end."""
    record.stage = stage
    if stage != STAGE_OPENED:
        record.requests.CopyFrom(requests.told())
        record.answers.CopyFrom(answers.told())
    if end is not None:
        record.answer.CopyFrom(end)
    return record


def _of_exchange(exchanged: Exchanged, outcome: Outcome, now: datetime) -> Evidence:
    header, answer = exchanged.header, exchanged.answer
    question_held, answer_held = exchanged.question_held, exchanged.answer_held
    answer_digest = Header.FromString(answer.header).body_digest if answer else b""
    return Evidence(
        time=timestamp(now),
        id=header.id,
        method=header.method,
        asking=header.sender,
        answering=header.receiver,
        window=header.window,
        context=header.context,
        question_digest=question_held.digest if question_held else header.body_digest,
        question_salt=question_held.salt if question_held else b"",
        answer_digest=answer_held.digest if answer_held else answer_digest,
        answer_salt=answer_held.salt if answer_held else b"",
        hops=exchanged.hops,
        through=exchanged.through,
        agreement_row=_missing_row(outcome),
        question=_without_body(exchanged.question),
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

"""Streams that this node answers, recorded: durable before the first byte passes, and at their end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from hashlib import sha256
from uuid import uuid4

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.evidence.v1.evidence_pb2 import (
    STAGE_ENDED,
    STAGE_OPENED,
    STAGE_UNFINISHED,
    Stage,
)
from tongban.api.exchange.v1.exchange_pb2 import SealedEnd, SealedMessage, StreamEnd, StreamResponse
from tongban.core import codes
from tongban.core.errors import Refusal, status_of
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.calls import Call, Caller, Outcome, Question, Reply, Step, writes
from tongban.federation.exchange import messages
from tongban.federation.exchange.recent import Recent
from tongban.federation.flush import Flush
from tongban.federation.refusing import refusal_for, store_failures_told
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Unit
from tongban.federation.tally import Tally


class Streams:
    """Opens streams and sees them to their end."""

    def __init__(self, member: str, flush: Flush, recent: Recent, clock: Clock) -> None:
        self._member = member
        self._flush = flush
        self._recent = recent
        self._clock = clock

    async def open(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> Reply:
        """Make the opening durable and return the answers, as a window or, in parts, a peer takes them."""
        assert outcome.stream is not None  # noqa: S101 - for the type
        one = _Stream(call, caller, row, outcome)
        claims = self._recent.claim(call.question.header) if call.question else ()
        opening = writes(Unit(claims=claims, evidence=(self._record(one, STAGE_OPENED),)))
        await self._flush.put(outcome.step.then(opening), outcome.after)
        answers = self._counted(one, outcome.stream)
        return Reply(stream=self._in_parts(one, call.question, answers) if call.question else answers)

    async def _counted(self, one: "_Stream", answers: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the answers to a window's call, and record how they ended."""
        try:
            async with aclosing(answers):
                async for answer in answers:
                    one.answers.add(answer)
                    yield answer
        except (asyncio.CancelledError, GeneratorExit):
            await self._broken(one)
            raise
        except Exception as error:
            one.refusal = refusal_for(error, self._member).at(self._member)
        if one.call.question is None:
            with store_failures_told(self._member):
                await self._flush.put(writes(Unit(evidence=(self._record(one, STAGE_ENDED),))))
        if one.refusal is not None:
            raise one.refusal

    async def _in_parts(
        self, one: "_Stream", asked: Question, answers: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """Yield the parts of the answer to a peer, the sealed end last."""
        try:
            async with aclosing(answers):
                async for answer in answers:
                    yield StreamResponse(message=answer).SerializeToString()
        except Refusal as refusal:
            if refusal.code is codes.CALLER_LEFT:
                await self._broken(one)
                raise
        yield StreamResponse(end=await self._sealed_end(one, asked)).SerializeToString()

    async def _sealed_end(self, one: "_Stream", asked: Question) -> SealedEnd:
        """Seal how a stream ended and record it, at once."""
        status = status_of(one.refusal).SerializeToString() if one.refusal else b""
        digest = sha256(status).digest() if status else b""
        end = StreamEnd(requests=one.requests.told(), answers=one.answers.told(), status_digest=digest)
        code = one.refusal.code.status if one.refusal else 0
        answer = messages.answer(
            asked.message,
            asked.header,
            self._member,
            end.SerializeToString(),
            code,
            self._clock(),
            trailing=one.call.trailing,
        )

        def unit_of(seals: Sequence[Seal]) -> Unit:
            return Unit(evidence=(self._record(one, STAGE_ENDED, answer.sealed(seals[0])),))

        with store_failures_told(self._member):
            seals = await self._flush.put(Step([answer.leaf], unit_of))
        return SealedEnd(message=answer.sealed(seals[0]), status=status)

    async def _broken(self, one: "_Stream") -> None:
        one.refusal = one.call.cut()
        with suppress(StoreFailed):
            await self._flush.put(writes(Unit(evidence=(self._record(one, STAGE_UNFINISHED),))))

    def _record(self, one: "_Stream", stage: "Stage.ValueType", answer: SealedMessage | None = None) -> bytes:
        outcome, now = Outcome(refusal=one.refusal), self._clock()
        if one.call.question is None:
            record = evidence.local(one.call, one.caller, outcome, self._member, one.row, now)
            record.id = one.id
        else:
            record = evidence.answered(one.call.question, answer, None, outcome, one.row, now)
        return evidence.of_stream(record, stage, one.requests, one.answers, answer).SerializeToString()


class _Stream:
    """One stream under way."""

    def __init__(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> None:
        self.id = uuid4().hex
        """Joins opening and end of a stream that has no message."""
        self.call = call
        self.caller = caller
        self.row = row
        self.requests = outcome.requests
        self.answers = Tally()
        self.refusal: Refusal | None = None

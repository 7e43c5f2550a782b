"""Asking a peer on a stream of its own: opened by a sealed question, believed for its sealed end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from math import isfinite
from typing import Protocol
from uuid import uuid4

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.evidence.v1.evidence_pb2 import STAGE_ENDED, STAGE_OPENED, STAGE_UNFINISHED, Stage
from tongban.api.exchange.v1.exchange_pb2 import (
    Header,
    Opening,
    SealedEnd,
    SealedMessage,
    StreamEnd,
    StreamRequest,
    StreamResponse,
)
from tongban.core import codes
from tongban.core.arity import Arity
from tongban.core.errors import Refusal
from tongban.core.sealing import Keys
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.calls import Call, Caller, Exchanged, Outcome, Step, writes
from tongban.federation.exchange import messages
from tongban.federation.exchange.asking import told
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.routes import Routes
from tongban.federation.exchange.sent import Sent
from tongban.federation.flush import Flush
from tongban.federation.refusing import refusal_for, store_failures_told
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Unit
from tongban.federation.tally import Tally
from tongban.federation.trust.keeper import Keeper


class StreamCarrier(Protocol):
    """Brings the parts of a stream to a peer and back, no faster than they are taken."""

    def stream(self, peer: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the peer's parts. Once it is closed, the peer is told that nobody waits any more.

        Raises:
            PeerUnavailable: the peer cannot be reached, or the way to it broke.
            Refusal: the peer's door refused; STREAM_IMPOSSIBLE: this way carries no streams.
        """
        ...


class StreamAsking:
    """The side of a stream that asks."""

    def __init__(
        self,
        member: str,
        flush: Flush,
        keeper: Keeper,
        clock: Clock,
        valid: timedelta,
        routes: Routes,
        carrier: StreamCarrier,
    ) -> None:
        self._member = member
        self._routes = routes
        self._flush = flush
        self._keeper = keeper
        self._clock = clock
        self._valid = valid
        self._carrier = carrier

    async def open(self, caller: Caller, call: Call, peer: str, arity: Arity) -> Outcome:
        """Seal the question and record that it is asked; the answers come as they are taken.

        Raises:
            Refusal: TOO_LARGE; STREAM_IMPOSSIBLE if what is said to the peer is encrypted or passed on by a relay.
        """
        if self._routes.next(peer) != peer or peer in self._routes.encrypted:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": f"the way to {peer}, by a relay or encrypted,"})
        header = Header(id=uuid4().hex, sender=self._member, receiver=peer, method=call.method, window=caller.window)
        unsealed = messages.question(header, call.context, call.body, self._clock(), self._valid)

        def asked(seals: Sequence[Seal]) -> "_Asked":
            return _Asked(call, arity, Exchanged(unsealed.sealed(seals[0]), unsealed.header))

        def unit_of(seals: Sequence[Seal]) -> Unit:
            return self._unit(asked(seals), STAGE_OPENED)

        one = asked(await self._flush.put(Step([unsealed.leaf], unit_of)))
        return Outcome(stream=self._recorded(one), exchanged=one.exchanged)

    async def _recorded(self, one: "_Asked") -> AsyncGenerator[bytes, None]:
        """Yield the answers, and record how they ended."""
        try:
            async with aclosing(self._answers(one)) as answers:
                async for answer in answers:
                    yield answer
        except (asyncio.CancelledError, GeneratorExit):
            one.refusal = one.call.cut()
            with suppress(StoreFailed):
                await self._flush.put(writes(self._unit(one, STAGE_UNFINISHED)))
            raise
        except Exception as error:
            one.refusal = self._refusal(one, error)
        stage = STAGE_ENDED if one.proved else STAGE_UNFINISHED
        with store_failures_told(self._member):
            await self._flush.put(writes(self._unit(one, stage)))
        if one.refusal is not None:
            raise one.refusal

    async def _answers(self, one: "_Asked") -> AsyncGenerator[bytes, None]:
        """Yield what the peer answers, until its sealed end fits what came."""
        peer = one.exchanged.header.receiver
        async with aclosing(self._carrier.stream(peer, one.parts())) as parts:
            async for part in parts:
                self._keeper.view.member(peer, self._clock())
                response = messages.decoded_of(peer, StreamResponse, part)
                match response.WhichOneof("part"):
                    case "message":
                        one.take(response.message)
                        yield response.message
                    case "taken":
                        one.sent.taken(response.taken)
                    case "end":
                        one.end(response.end, self._keeper.view)
                        return
                    case _:
                        one.end_refused(response.refused, self._keeper.view)
                        return
        raise Refusal(codes.STREAM_UNFINISHED, {"member": peer})

    def _refusal(self, one: "_Asked", error: Exception) -> Refusal:
        peer = one.exchanged.header.receiver
        if isinstance(error, PeerUnavailable):
            code = codes.STREAM_UNFINISHED if one.answers.messages else codes.PEER_UNAVAILABLE
            return Refusal(code, {"member": peer}, member=self._member)
        return refusal_for(error, self._member).at(self._member)

    def _unit(self, one: "_Asked", stage: "Stage.ValueType") -> Unit:
        record = evidence.asked(one.exchanged, Outcome(refusal=one.refusal), self._clock())
        evidence.of_stream(record, stage, one.sent, one.answers, one.exchanged.answer)
        return Unit(evidence=(record.SerializeToString(),))


class _Asked:
    """One stream, as its asker sees it."""

    def __init__(self, call: Call, arity: Arity, exchanged: Exchanged) -> None:
        self.call = call
        self._arity = arity
        self.exchanged = exchanged
        self.sent = Sent(exchanged.header.receiver)
        self.answers = Tally()
        self.refusal: Refusal | None = None
        self.proved = False
        """Whether a sealed end, or a sealed refusal, proves what passed."""

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield what the peer gets: the opening, requests, and that no more come."""
        milliseconds = max(1, int(self.call.seconds * 1000)) if isfinite(self.call.seconds) else 0
        opening = Opening(message=self.exchanged.question, timeout_ms=milliseconds)
        yield StreamRequest(opening=opening).SerializeToString()
        if self.call.stream is not None:
            async with aclosing(self.sent.each(self.call.stream)) as requests:
                async for request in requests:
                    yield StreamRequest(message=request).SerializeToString()
        yield StreamRequest(closed=True).SerializeToString()

    def take(self, answer: bytes) -> None:
        """Take an answer.

        Raises:
            Refusal: STREAM_ALTERED if the method has one, and it came.
        """
        self.answers.add(answer)
        if not self._arity.answers_stream and self.answers.messages > 1:
            raise self._stream_altered("it answers more than once")

    def end(self, end: SealedEnd, keys: Keys) -> None:
        """Take the sealed end.

        Raises:
            Refusal: MESSAGE_ALTERED, STREAM_ALTERED; the peer's own.
        """
        header = messages.check_answer(keys, self.exchanged.question, end.message)
        summary = messages.decoded_of(header.sender, StreamEnd, end.message.body)
        self._take(header, end.message)
        if altered := self._altered(header, summary, end.status):
            raise self._stream_altered(altered)
        self.proved = True
        if header.status:
            raise told(self.exchanged.header, header, end.status)

    def end_refused(self, refused: SealedMessage, keys: Keys) -> None:
        """Take the refusal of the opening.

        Raises:
            Refusal: MESSAGE_ALTERED, STREAM_ALTERED; the peer's own.
        """
        header = messages.check_answer(keys, self.exchanged.question, refused)
        self._take(header, SealedMessage(header=refused.header, seal=refused.seal))
        if self.answers.messages or not header.status:
            raise self._stream_altered("it refuses what it has answered")
        self.proved = True
        raise told(self.exchanged.header, header, refused.body)

    def _take(self, header: Header, answer: SealedMessage) -> None:
        self.call.trailing[:] = messages.trailing_of(header)
        self.exchanged = replace(self.exchanged, answer=answer, status=header.status)

    def _stream_altered(self, what: str) -> Refusal:
        return Refusal(codes.STREAM_ALTERED, {"member": self.exchanged.header.receiver, "what": what})

    def _altered(self, header: Header, summary: StreamEnd, status: bytes) -> str:
        """Tell what differs between the sealed end and what was seen; nothing if all fits."""
        if summary.answers != self.answers.told():
            return "the answers"
        if not self.sent.fits(summary.requests):
            return "the requests"
        if not (header.status or self._arity.answers_stream or self.answers.messages):
            return "it ends without its answer"
        digest = sha256(status).digest() if status else b""
        return "" if digest == summary.status_digest and bool(status) == bool(header.status) else "the status"

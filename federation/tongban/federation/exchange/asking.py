"""Asking peers: a question is sealed, carried, and waits for the answer that fits it."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import Header, Hop, SealedMessage
from tongban.api.exchange.v1.exchange_pb2 import Question as Carried
from tongban.core import codes
from tongban.core.encryption import DecryptionKeys
from tongban.core.errors import Refusal, refusal_of
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.calls import Exchanged, Outcome, Question, writes
from tongban.federation.exchange import bodies, messages
from tongban.federation.exchange.carrier import Carrier, PeerUnavailable, Terms
from tongban.federation.exchange.routes import Routes
from tongban.federation.flush import Flush
from tongban.federation.policies import once, recorded
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Unit
from tongban.federation.trust.keeper import Keeper

UNREACHABLE = (codes.PEER_UNAVAILABLE, codes.PEER_BUSY, codes.DEADLINE, codes.STOPPING)
"""Refusals that say nothing about the question: the peer was not there, or not in time."""


class NotAnswered(Exception):
    """A question that left has no answer that can be believed; `refusal` says why."""

    def __init__(self, exchanged: Exchanged, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.exchanged = exchanged
        self.refusal = refusal


@dataclass(slots=True)
class _Pending:
    """A question whose answer somebody waits for."""

    id: str
    peer: str
    """Member to which it was handed: only what comes from there is looked at."""
    answer: "asyncio.Future[SealedMessage]"
    left: bool = False
    """Whether the carrier has it; what has not left cannot be lost."""


class Asking:
    """The side of the exchange that asks."""

    def __init__(
        self,
        member: str,
        flush: Flush,
        keeper: Keeper,
        clock: Clock,
        valid: timedelta,
        decryption: DecryptionKeys,
        routes: Routes,
    ) -> None:
        self._member = member
        self._flush = flush
        self._keeper = keeper
        self._clock = clock
        self._valid = valid
        self._decryption = decryption
        self.routes = routes
        self._pending: dict[bytes, _Pending] = {}
        """By SHA-256 of the question's header, which names the attempt."""
        self.carrier: Carrier

    async def ask(
        self,
        peer: str,
        method: str,
        context: CallContext,
        body: bytes,
        seconds: float,
        *,
        window: str = "",
        message_id: str = "",
    ) -> tuple[Exchanged, bytes]:
        """Ask a peer and return the exchange and the answer's body.

        Raises:
            Refusal: PEER_UNAVAILABLE or PEER_BUSY before anything left, CARRIER_SLOW, TOO_LARGE,
                ENCRYPTION_KEY_MISSING.
            NotAnswered: the question left, and the answer was a refusal, did not come in time, or cannot be believed.
        """
        hop = self.routes.next(peer)
        terms = self.terms(peer, method)
        valid = self._valid if once(method) else max(self._valid, terms.valid)
        id_ = message_id or token_hex(16)
        header = Header(id=id_, sender=self._member, receiver=peer, method=method, window=window)
        key = self._keeper.view.encryption_key(peer) if peer in self.routes.encrypted else None
        unsealed = messages.question(header, context, body, self._clock(), valid, key)
        sealed = unsealed.sealed(await self._flush.seal(unsealed.leaf))
        asked = Exchanged(sealed, header, question_held=unsealed.held, through="" if hop == peer else hop)
        answer = await self._carry(hop, asked, max(seconds, terms.patience))
        exchanged, answered = self._believed(asked, answer)
        return self._opened(exchanged, answered, answer.body)

    async def pass_on(self, asked: Question, hops: Sequence[Hop], seconds: float) -> Exchanged:
        """Hand on what another member asks a peer, and return the exchange with the answer, which nobody opens here.

        Raises:
            Refusal: PEER_UNAVAILABLE before anything left, CARRIER_SLOW.
            NotAnswered: no answer came in time, or it cannot be believed.
        """
        hop = self.routes.next(asked.header.receiver)
        terms = self.terms(asked.header.receiver, asked.header.method)
        through = "" if hop == asked.header.receiver else hop
        exchanged = Exchanged(asked.message, asked.header, hops=tuple(hops), through=through)
        return self._believed(exchanged, await self._carry(hop, exchanged, max(seconds, terms.patience)))[0]

    def answered(self, peer: str, answers: Sequence[SealedMessage]) -> None:
        """Take a peer's answers from the carrier; those that nobody waits for there are dropped."""
        for answer in answers:
            id_, question = _id_and_question(answer)
            pending = self._pending.get(question)
            fits = pending is not None and (pending.peer, pending.id) == (peer, id_)
            if pending is not None and fits and not pending.answer.done():
                pending.answer.set_result(answer)

    def lost(self, peer: str, attempts: Collection[str] | None = None) -> None:
        """Take from the carrier that these questions to a peer, or all that are under way, will not be answered."""
        for digest, pending in list(self._pending.items()):
            meant = pending.left if attempts is None else digest.hex() in attempts
            if pending.peer == peer and meant and not pending.answer.done():
                pending.answer.set_exception(PeerUnavailable())

    def terms(self, peer: str, method: str) -> Terms:
        """Return on what terms a question comes to a peer and its answer back, all the way.

        Raises:
            Refusal: CARRIER_SLOW, it is answered only once, and by this way nobody can wait for it.
        """
        hop, onward = self.routes.next(peer), self.routes.relays.get(peer)
        terms = self.carrier.terms(hop)
        if once(method) and not terms.at_once:
            raise Refusal(codes.CARRIER_SLOW, {"member": hop})
        if onward is None or once(method):
            return terms
        return replace(
            terms,
            at_once=terms.at_once and not onward.patience,
            valid=max(terms.valid, onward.valid),
            patience=max(terms.patience, onward.patience),
        )

    async def _carry(self, hop: str, asked: Exchanged, seconds: float) -> SealedMessage:
        """Return the answer to a question. One that is asked again meanwhile, as by a repeat on its way, shares it."""
        digest = sha256(asked.question.header).digest()
        pending, first = self._pending.get(digest), None
        if pending is None:
            first = _Pending(asked.header.id, hop, asyncio.get_running_loop().create_future())
            pending = self._pending[digest] = first
        try:
            async with asyncio.timeout(seconds):
                if first is not None:
                    await self._send(hop, asked, seconds)
                    first.left = True
                return await asyncio.shield(pending.answer)
        except (PeerUnavailable, TimeoutError) as error:
            refusal = _refusal(hop, error, seconds)
            raise NotAnswered(replace(asked, status=refusal.code.status), refusal) from None
        except asyncio.CancelledError:
            if pending.left and not asked.hops:  # What was passed on for others, the node records.
                await self._record(asked, Refusal(codes.CALLER_LEFT))
            raise
        finally:
            if first is not None:
                self._end(hop, digest, first)

    def _end(self, hop: str, digest: bytes, pending: _Pending) -> None:
        """Forget a question; whoever else waits for its answer, if it has none, is told as if its link had broken."""
        del self._pending[digest]
        if not pending.answer.done():
            pending.answer.set_exception(PeerUnavailable())
        if pending.answer.exception() is not None:
            self.carrier.cancel(hop, [digest.hex()])

    async def _record(self, exchanged: Exchanged, refusal: Refusal) -> None:
        """Record an exchange whose asker has left, which nobody else can."""
        if not recorded(exchanged.header.method):
            return
        record = evidence.asked(exchanged, Outcome(refusal=refusal), self._clock())
        with suppress(StoreFailed):
            await self._flush.put(writes(Unit(evidence=(record.SerializeToString(),))))

    async def _send(self, hop: str, asked: Exchanged, seconds: float) -> None:
        milliseconds = max(1, min(600_000, int(seconds * 1000)))
        question = Carried(message=asked.question, timeout_ms=milliseconds, hops=asked.hops)
        try:
            await self.carrier.send(hop, [question])
        except PeerUnavailable as error:
            seconds_left = error.retry_seconds
            raise Refusal(codes.PEER_UNAVAILABLE, {"member": hop}, retry_seconds=seconds_left) from None

    def _believed(self, asked: Exchanged, answer: SealedMessage) -> tuple[Exchanged, Header]:
        """Return the exchange with its answer, which may be a refusal, and the answer's header.

        Raises:
            NotAnswered: it is not an answer to this question.
        """
        try:
            header = messages.check_answer(self._keeper.view, asked.question, answer, relayed=bool(asked.through))
        except Refusal as refusal:
            raise NotAnswered(replace(asked, answer=answer, status=refusal.code.status), refusal) from None
        trailing = messages.trailing_of(header) if header.trailing else ()
        return replace(asked, answer=answer, status=header.status, trailing=trailing), header

    def _opened(self, exchanged: Exchanged, header: Header, body: bytes) -> tuple[Exchanged, bytes]:
        """Return an exchange and what was answered.

        Raises:
            NotAnswered: it was a refusal, or it cannot be opened.
        """
        try:
            if header.HasField("encryption"):
                body, held = bodies.opened(header, body, self._decryption)
                exchanged = replace(exchanged, answer_held=held)
            elif exchanged.question_held is not None and not header.status:
                raise Refusal(codes.MESSAGE_ALTERED, {"member": header.sender, "what": "the answer is not encrypted"})
        except Refusal as refusal:
            raise NotAnswered(replace(exchanged, status=refusal.code.status), refusal) from None
        if header.status:
            raise NotAnswered(exchanged, told(exchanged.header, header, body))
        return exchanged, body


def told(asked: Header, answered: Header, body: bytes) -> Refusal:
    """Return what was refused; what a relay says is its own and never the peer's."""
    try:
        refusal = refusal_of(Status.FromString(body))
    except DecodeError:
        what = "what it refuses with is no status of a node"
        refusal = Refusal(codes.MESSAGE_ALTERED, {"member": answered.sender, "what": what})
    return refusal if answered.sender == asked.receiver else replace(refusal, member=answered.sender)


def _refusal(peer: str, error: Exception, seconds: float) -> Refusal:
    if isinstance(error, TimeoutError):
        return Refusal(codes.DEADLINE, {"seconds": f"{seconds:g}"})
    return Refusal(codes.PEER_UNAVAILABLE, {"member": peer})


def _id_and_question(answer: SealedMessage) -> tuple[str, bytes]:
    """Return what an answer says it answers; whether it may say so is checked when it is believed."""
    try:
        header = Header.FromString(answer.header)
    except DecodeError:
        return "", b""
    return header.id, header.question_digest

"""Asking peers: a question is sealed, carried, and waits for the answer that fits it."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import Header, SealedMessage
from tongban.api.exchange.v1.exchange_pb2 import Question as Carried
from tongban.core import codes
from tongban.core.errors import Refusal, refusal_of
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.calls import Exchanged, Outcome, writes
from tongban.federation.exchange import messages
from tongban.federation.flush import Flush
from tongban.federation.policies import once, recorded
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Unit
from tongban.federation.trust.keeper import Keeper

UNREACHABLE = (codes.PEER_UNAVAILABLE, codes.PEER_BUSY, codes.DEADLINE, codes.STOPPING)
"""Refusals that say nothing about the question: the peer was not there, or not in time."""


class PeerUnavailable(Exception):
    """The carrier cannot bring anything to this peer now; when it may be tried again is in seconds, 0: not known."""

    def __init__(self, retry_seconds: float = 0.0) -> None:
        super().__init__()
        self.retry_seconds = retry_seconds


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a carrier serves one peer."""

    at_once: bool = True
    """Whether an answer can come while somebody waits for it."""
    valid: timedelta = timedelta()
    """How long a message has to be valid to arrive, if that is longer than the node's settings say."""
    patience: float = 0.0
    """Seconds to wait for an answer before asking again, if that is longer than the asker would wait."""


class Carrier(Protocol):
    """Brings questions to peers. Answers come back through `Asking.answered`, broken links through `Asking.lost`."""

    def terms(self, peer: str) -> Terms:
        """Return on what terms this carrier serves a peer."""
        ...

    async def send(self, peer: str, questions: Sequence[Carried]) -> None:
        """Hand over questions; return when they are on their way.

        Raises:
            PeerUnavailable: they cannot leave.
            Refusal: PEER_BUSY, too many wait already.
        """
        ...

    def cancel(self, peer: str, ids: Sequence[str]) -> None:
        """Tell the peer, if it can be reached, that nobody waits for these answers any more."""
        ...


class NotAnswered(Exception):
    """A question that left has no answer that can be believed; `refusal` says why."""

    def __init__(self, exchanged: Exchanged, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.exchanged = exchanged
        self.refusal = refusal


@dataclass(slots=True)
class _Pending:
    """A question whose answer somebody waits for."""

    peer: str
    question: bytes
    """SHA-256 of its header: only the answer to this attempt, from this peer, is looked at."""
    answer: "asyncio.Future[SealedMessage]"
    left: bool = False
    """Whether the carrier has it; what has not left cannot be lost."""


class Asking:
    """The side of the exchange that asks."""

    def __init__(self, member: str, flush: Flush, keeper: Keeper, clock: Clock, valid: timedelta) -> None:
        self._member = member
        self._flush = flush
        self._keeper = keeper
        self._clock = clock
        self._valid = valid
        self._pending: dict[str, _Pending] = {}
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
            Refusal: PEER_UNAVAILABLE or PEER_BUSY before anything left, CARRIER_SLOW, TOO_LARGE.
            NotAnswered: the question left, and the answer was a refusal, did not come in time, or cannot be believed.
        """
        terms = self.carrier.terms(peer)
        if once(method) and not terms.at_once:
            raise Refusal(codes.CARRIER_SLOW, {"member": peer})
        valid = self._valid if once(method) else max(self._valid, terms.valid)
        id_ = message_id or uuid4().hex
        header = Header(id=id_, sender=self._member, receiver=peer, method=method, window=window)
        unsealed = messages.question(header, context, body, self._clock(), valid)
        sealed = unsealed.sealed(await self._flush.seal(unsealed.leaf))
        answer = await self._carry(peer, sealed, unsealed.header, max(seconds, terms.patience))
        return self._believed(sealed, unsealed.header, answer)

    def answered(self, peer: str, answers: Sequence[SealedMessage]) -> None:
        """Take a peer's answers from the carrier; those that nobody waits for there are dropped."""
        for answer in answers:
            id_, question = _id_and_question(answer)
            pending = self._pending.get(id_)
            fits = pending is not None and (pending.peer, pending.question) == (peer, question)
            if pending is not None and fits and not pending.answer.done():
                pending.answer.set_result(answer)

    def lost(self, peer: str, ids: Collection[str] | None = None) -> None:
        """Take from the carrier that these questions to a peer, or all that are under way, will not be answered."""
        for id_, pending in list(self._pending.items()):
            meant = pending.left if ids is None else id_ in ids
            if pending.peer == peer and meant and not pending.answer.done():
                pending.answer.set_exception(PeerUnavailable())

    async def _carry(self, peer: str, sealed: SealedMessage, header: Header, seconds: float) -> SealedMessage:
        digest = sha256(sealed.header).digest()
        pending = self._pending[header.id] = _Pending(peer, digest, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(seconds):
                await self._send(peer, sealed, seconds)
                pending.left = True
                return await pending.answer
        except (PeerUnavailable, TimeoutError) as error:
            refusal = _refusal(peer, error, seconds)
            self.carrier.cancel(peer, [header.id])
            raise NotAnswered(Exchanged(sealed, header, status=refusal.code.status), refusal) from None
        except asyncio.CancelledError:
            self.carrier.cancel(peer, [header.id])
            if pending.left:
                await self._record(Exchanged(sealed, header), Refusal(codes.CALLER_LEFT))
            raise
        finally:
            self._pending.pop(header.id, None)

    async def _record(self, exchanged: Exchanged, refusal: Refusal) -> None:
        """Record an exchange whose asker has left, which nobody else can."""
        if not recorded(exchanged.header.method):
            return
        record = evidence.asked(exchanged, Outcome(refusal=refusal), self._clock())
        with suppress(StoreFailed):
            await self._flush.put(writes(Unit(evidence=(record.SerializeToString(),))))

    async def _send(self, peer: str, sealed: SealedMessage, seconds: float) -> None:
        question = Carried(message=sealed, timeout_ms=max(1, min(600_000, int(seconds * 1000))))
        try:
            await self.carrier.send(peer, [question])
        except PeerUnavailable as error:
            seconds_left = error.retry_seconds
            raise Refusal(codes.PEER_UNAVAILABLE, {"member": peer}, retry_seconds=seconds_left) from None

    def _believed(self, sealed: SealedMessage, asked: Header, answer: SealedMessage) -> tuple[Exchanged, bytes]:
        try:
            header = messages.check_answer(self._keeper.view, sealed, answer)
        except Refusal as refusal:
            raise NotAnswered(Exchanged(sealed, asked, answer, refusal.code.status), refusal) from None
        exchanged = Exchanged(sealed, asked, answer, header.status)
        if header.status:
            raise NotAnswered(exchanged, _told(asked.receiver, answer.body))
        return exchanged, answer.body


def _told(peer: str, body: bytes) -> Refusal:
    try:
        return refusal_of(Status.FromString(body))
    except DecodeError:
        return Refusal(codes.MESSAGE_ALTERED, {"member": peer, "what": "what it refuses with is no status"})


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

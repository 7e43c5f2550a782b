"""A peer that speaks for itself: questions made by hand, sealed with a member's own key, given straight to a node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import Header, Question, SealedMessage
from tongban.core.encryption import DecryptionKeys
from tongban.core.errors import refusal_of
from tongban.core.sealing import seal_all
from tongban.core.signing import Signer
from tongban.core.times import moment
from tongban.federation.calls import SEAL_ALONE
from tongban.federation.carriers.memory import Station
from tongban.federation.exchange import answering, bodies, messages
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import Terms


@dataclass(frozen=True)
class Answered:
    """What a node answered, and the error code if it refused."""

    body: bytes
    code: str


@dataclass(frozen=True)
class Peer:
    """Asks one node in a member's name."""

    station: Station
    member: str
    signer: Signer
    certified: str | None = None
    """Member whose certificate the connection shows; the peer's own if none is given, and empty where none is shown."""
    keys: DecryptionKeys | None = None
    """What opens answers that are encrypted for it."""

    async def ask(self, method: str, body: Message | bytes, **header: Any) -> Answered:
        """Ask a question; fields of its header can be others than the right ones."""
        return await self.hand(await self.question(method, body, **header))

    async def question(self, method: str, body: Message | bytes, **changes: Any) -> Question:
        """Return a question, sealed; its context, validity, key and header can be others than the plain ones."""
        data = body if isinstance(body, bytes) else body.SerializeToString()
        right = {"id": uuid4().hex, "sender": self.member, "receiver": self.station.resources.member, "method": method}
        context, valid = changes.pop("context", CallContext()), changes.pop("valid", timedelta(minutes=1))
        key = changes.pop("key", None)
        header, now = Header(**{**right, **changes}), self.station.resources.clock()
        unsealed = messages.question(header, context, data, now, valid, key)
        (seal,) = await seal_all(self.signer, [unsealed.leaf])
        return Question(message=unsealed.sealed(seal), timeout_ms=5_000)

    async def hand(self, question: Question) -> Answered:
        """Give a question to the node as a carrier does."""
        certified = self.member if self.certified is None else self.certified
        answer = await answering.answer(self.station.house.node.ask, question, certified or SEAL_ALONE)
        assert answer is not None
        header = Header.FromString(answer.header)
        body = answer.body
        if self.keys is not None and header.HasField("encryption"):
            body, _ = bodies.opened(header, body, self.keys)
        code = refusal_of(Status.FromString(body)).code.name if header.status else ""
        return Answered(body, code)


@dataclass(frozen=True)
class Liar:
    """A carrier to a peer that answers each question with an answer of its own making, sealed with its own key."""

    asking: Asking
    signer: Signer
    body: bytes
    header: Mapping[str, Any]
    """Fields of the answer's header that are other than the right ones."""

    def terms(self, peer: str) -> Terms:
        return Terms()

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        for question in questions:
            asked = Header.FromString(question.message.header)
            right = messages.answer(question.message, asked, peer, self.body, 0, moment(asked.sent_at)).header
            right.MergeFrom(Header(**self.header))
            data = right.SerializeToString()
            (seal,) = await seal_all(self.signer, [messages.header_leaf(data)])
            self.asking.answered(peer, [SealedMessage(header=data, seal=seal, body=self.body)])

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        pass

"""Questions and answers as messages: made, and believed. Pure, but for the keys that the caller passes in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from google.protobuf.message import Message

from tongban.api.common.v1.common_pb2 import CallContext, Seal
from tongban.api.documents.v1.documents_pb2 import PublicKey
from tongban.api.exchange.v1.exchange_pb2 import Header, Metadata, Question, SealedMessage
from tongban.core import codes, sealing
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.hops import wrong_hop
from tongban.core.sealing import Keys, Leaf
from tongban.core.services import Entry, check_metadata
from tongban.core.times import moment, timestamp
from tongban.federation.exchange import bodies
from tongban.federation.exchange.bodies import Held
from tongban.federation.policies import once

M = TypeVar("M", bound=Message)

MOST_BODY = 4 << 20
"""Most bytes of a body in a message."""

MOST_HEADER = 32 << 10
"""Most bytes of a header, with what newer versions may have put into it: records keep headers whole."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far clocks of two nodes may be apart."""

MOST_VALIDITY = timedelta(minutes=10)
"""For how long a message can be valid that is answered once; so long its id is remembered."""

MOST_VALIDITY_AGAIN = timedelta(days=30)
"""For how long one can be valid that may come again: it travels by carriers that take days."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A message that waits for its seal."""

    header: Header
    data: bytes
    """The header, serialised: this is what is sealed."""
    body: bytes
    """As it travels."""
    held: Held | None = None
    """What it holds, if it is encrypted."""

    @property
    def leaf(self) -> Leaf:
        """What is sealed."""
        return header_leaf(self.data)

    def sealed(self, seal: Seal) -> SealedMessage:
        """Return the message as it travels."""
        return SealedMessage(header=self.data, seal=seal, body=self.body)


def header_leaf(header: bytes) -> Leaf:
    """Return a header's bytes as they are sealed."""
    return Leaf(sealing.MESSAGE, header)


def question(
    header: Header,
    context: CallContext,
    body: bytes,
    sent: datetime,
    valid: timedelta,
    key: PublicKey | None = None,
) -> Unsealed:
    """Return a question to a peer, encrypted if a key is given: who asks whom for what stands in the header already.

    Raises:
        Refusal: TOO_LARGE.
    """
    check_size("the request", body)
    header.context.CopyFrom(context)
    header.sent_at.CopyFrom(timestamp(sent))
    header.expires_at.CopyFrom(timestamp(sent + valid))
    return _unsealed(header, body, key)


def _unsealed(header: Header, body: bytes, key: PublicKey | None) -> Unsealed:
    body, held = bodies.encrypted(header, body, key) if key else (body, None)
    header.body_digest = sha256(body).digest()
    return Unsealed(header, header.SerializeToString(), body, held)


def check_size(what: str, body: bytes) -> None:
    """Refuse a body that no message can hold.

    Raises:
        Refusal: TOO_LARGE.
    """
    if len(body) > MOST_BODY:
        raise Refusal(codes.TOO_LARGE, {"what": what, "size": str(len(body)), "limit": str(MOST_BODY)})


def answer(
    asked: SealedMessage,
    header: Header,
    member: str,
    body: bytes,
    status: int,
    sent: datetime,
    key: PublicKey | None = None,
    trailing: Sequence[Entry] = (),
) -> Unsealed:
    """Return the answer of this member to a question, bound to it by its header's hash; encrypted if a key is given."""
    reply = Header(
        id=header.id,
        sender=member,
        receiver=header.sender,
        method=header.method,
        sent_at=timestamp(sent),
        expires_at=header.expires_at,
        question_digest=sha256(asked.header).digest(),
        status=status,
        trailing=[Metadata(key=one, value=_as_bytes(value)) for one, value in trailing],
    )
    return _unsealed(reply, body, key)


def trailing_of(header: Header) -> list[Entry]:
    """Return an answer's trailing metadata; none if it is none that gRPC can carry."""
    try:
        entries = [(one.key, one.value if one.key.endswith("-bin") else one.value.decode()) for one in header.trailing]
        check_metadata(entries)
    except ValueError:
        return []
    return entries


def _as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def header_of(message: SealedMessage) -> Header:
    """Return the header of a message from outside.

    Raises:
        Refusal: MALFORMED, INVALID_FIELD.
    """
    if len(message.header) > MOST_HEADER:
        raise Refusal(codes.MALFORMED, {"type": "Header"})
    return decoded(Header, message.header)


def decoded_of(member: str, message_type: type[M], data: bytes) -> M:
    """Return what a member was asked for and sent, as the message that it has to be.

    Raises:
        Refusal: MESSAGE_ALTERED.
    """
    try:
        return decoded(message_type, data)
    except Refusal as refusal:
        raise _altered(member, f"{message_type.DESCRIPTOR.name} is none: {refusal.message}") from None


def check_seal(keys: Keys, message: SealedMessage, header: Header) -> None:
    """Refuse a message that is not what its sender sealed.

    Raises:
        Refusal: MESSAGE_ALTERED.
    """
    if not sealing.member_sealed(keys, header.sender, message.seal, header_leaf(message.header)):
        raise _altered(header.sender, "no key that the directory lists for it fits the seal")
    if sha256(message.body).digest() != header.body_digest:
        raise _altered(header.sender, "the body does not have the digest that the header names")


def sealed_by_members(keys: Keys, question: Question) -> bool:
    """Say whether the seals of a question and of its hops are those of members that the directory lists."""
    message = question.message
    try:
        check_seal(keys, message, header_of(message))
    except Refusal:
        return False
    return wrong_hop(keys, message.header, question.hops) is None


def check_passable(header: Header, member: str) -> None:
    """Refuse to read a message that is meant for another member: only what is encrypted can be passed on.

    Raises:
        Refusal: MESSAGE_MISADDRESSED.
    """
    if not header.HasField("encryption"):
        raise Refusal(codes.MESSAGE_MISADDRESSED, {"receiver": header.receiver}, member=member)


def check_time(header: Header, now: datetime) -> None:
    """Refuse a message that has expired, or that comes from the future.

    Raises:
        Refusal: MESSAGE_EXPIRED.
    """
    sent, expires = moment(header.sent_at), moment(header.expires_at)
    longest = MOST_VALIDITY if once(header.method) else MOST_VALIDITY_AGAIN
    if not sent - CLOCK_SKEW <= now < expires + CLOCK_SKEW or expires - sent > longest:
        moments = {"sent": sent, "expires": expires, "now": now}
        raise Refusal(codes.MESSAGE_EXPIRED, {name: at.isoformat(timespec="seconds") for name, at in moments.items()})


def check_answer(keys: Keys, asked: SealedMessage, message: SealedMessage, *, relayed: bool = False) -> Header:
    """Return the header of the answer to a question that was asked; a relay that was asked to pass it on may refuse.

    Raises:
        Refusal: MESSAGE_ALTERED.
    """
    mine = Header.FromString(asked.header)
    try:
        header = header_of(message)
    except Refusal as refusal:
        raise _altered(mine.receiver, f"its header is none: {refusal.message}") from None
    by_relay = relayed and header.status != 0
    if header.receiver != mine.sender or (header.sender != mine.receiver and not by_relay):
        raise _altered(mine.receiver, "it comes from another member than was asked")
    check_seal(keys, message, header)
    if header.question_digest != sha256(asked.header).digest():
        raise _altered(mine.receiver, "it answers another question")
    return header


def _altered(member: str, what: str) -> Refusal:
    return Refusal(codes.MESSAGE_ALTERED, {"member": member, "what": what})

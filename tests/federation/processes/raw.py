"""Clients that say at a node's doors whatever they like, as nobody's library does."""

import asyncio
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question, SealedMessage
from tongban.core import Refusal
from tongban.core.errors import refusal_of
from tongban.core.sealing import seal_all
from tongban.core.signing import LocalSigner
from tongban.core.testing.federation import Place
from tongban.core.times import wall_clock
from tongban.federation.exchange import messages

LINK = "/tongban.api.exchange.v1.ExchangeService/Link"

_SECONDS = 10.0
_DETAILS = "grpc-status-details-bin"


def refusal_in(error: grpc.RpcError | grpc.aio.AioRpcError) -> Refusal:
    """Return the refusal that a node told."""
    trailers = dict(iter(cast(Sequence[tuple[str, bytes]], error.trailing_metadata() or ())))
    assert _DETAILS in trailers, f"{error.code()}: {error.details()}"
    return refusal_of(Status.FromString(trailers[_DETAILS]))


class RawWindow:
    """A client of the windows door that sends any bytes."""

    def __init__(self, place: Place) -> None:
        credentials = grpc.ssl_channel_credentials(place.certificate.read_bytes())
        self.channel = grpc.secure_channel(place.windows, credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()

    def ask(self, method: str, body: bytes, *, token: str | None = None, context: bytes = b"") -> bytes:
        """Call a method and return the answer's bytes; raises the refusal that the node told."""
        metadata: tuple[tuple[str, str | bytes], ...] = (("tongban-context-bin", context),)
        metadata += (("authorization", token),) if token is not None else ()
        try:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(method)
            return call(body, timeout=_SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            raise refusal_in(error) from None

    def stream(self, method: str, requests: Sequence[Message], token: str) -> bytes:
        """Stream messages to a method and return the answer's bytes; raises the refusal that the node told."""
        try:
            call: grpc.StreamUnaryMultiCallable[bytes, bytes] = self.channel.stream_unary(method)
            sent = (request.SerializeToString() for request in requests)
            return call(sent, timeout=_SECONDS, metadata=(("authorization", token),))
        except grpc.RpcError as error:
            raise refusal_in(error) from None


@dataclass
class RawPeer:
    """A client of a node's peer door, with the keys of another node; it can seal whatever it likes."""

    own: Place
    peer: Place
    keys: Path | None = None
    """Folder with the keys that it uses instead of its own."""
    channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self.keys = self.keys or self.own.home / "keys"
        key, certificate = ((self.keys / name).read_bytes() for name in ("node.key", "node.crt"))
        credentials = grpc.ssl_channel_credentials(self.peer.certificate.read_bytes(), key, certificate)
        name = f"node.{self.peer.member}.tongban"
        options = [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.secure_channel(self.peer.peers, credentials, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()

    def question(
        self,
        method: str,
        request: Message | bytes,
        purpose: str,
        changes: Header | None = None,
        sent: datetime | None = None,
    ) -> SealedMessage:
        """Return a question as this member seals it; changes are fields of its header."""
        header = Header(id=uuid4().hex, sender=self.own.member, receiver=self.peer.member, method=method)
        header.MergeFrom(changes or Header())
        context = CallContext(purpose=purpose)
        body = request if isinstance(request, bytes) else request.SerializeToString()
        unsealed = messages.question(header, context, body, sent or wall_clock(), timedelta(seconds=60))
        assert self.keys is not None
        [seal] = asyncio.run(seal_all(LocalSigner.load(self.keys / "organisation.key"), [unsealed.leaf]))
        return unsealed.sealed(seal)

    def link(self) -> "RawLink":
        """Open a link."""
        return RawLink(self.channel)


class RawLink:
    """A link that sends any bytes as frames."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        call: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(LINK)
        self._stream = call(iter(self._frames.get, None), timeout=_SECONDS)

    def send(self, frame: bytes) -> None:
        """Send a frame."""
        self._frames.put(frame)

    def ask(self, *questions: SealedMessage) -> list[SealedMessage]:
        """Send questions in one frame and return as many answers; raises the refusal that ended the link."""
        carried = [Question(message=one, timeout_ms=5_000) for one in questions]
        self.send(LinkRequest(questions=carried).SerializeToString())
        return list(islice(self.answers(), len(questions)))

    def answers(self) -> Iterator[SealedMessage]:
        """Yield answers; raises the refusal that ended the link."""
        try:
            for frame in self._stream:
                yield from LinkResponse.FromString(frame).answers
        except grpc.RpcError as error:
            raise refusal_in(error) from None

    def close(self) -> None:
        """End the link."""
        self._frames.put(None)
        self._stream.cancel()


def refusal_told(answer: SealedMessage) -> Refusal | None:
    """Return the refusal that an answer is, or None."""
    header = Header.FromString(answer.header)
    return refusal_of(Status.FromString(answer.body)) if header.status else None

"""The links that this node dials: one standing stream for each peer, over which its questions go and answers come."""

import asyncio
import logging
from collections.abc import Sequence

import grpc
from google.rpc.status_pb2 import Status

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, Question
from tongban.core.errors import Refusal, refusal_of
from tongban.core.times import Clock
from tongban.federation.carriers.certificates import Identity, channel_credentials, server_name
from tongban.federation.exchange import frames
from tongban.federation.exchange.asking import Asking, PeerUnavailable, Terms
from tongban.federation.trust.keeper import Keeper

log = logging.getLogger(__name__)

LINK = "/tongban.api.exchange.v1.ExchangeService/Link"
_DETAILS = "grpc-status-details-bin"
_DIAL_SECONDS = 3.0

_OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 4 << 20),
]

_Stream = grpc.aio.StreamStreamCall[bytes, bytes]


class GrpcLinks:
    """Carries questions to peers, each over its own link."""

    def __init__(self, identity: Identity, keeper: Keeper, asking: Asking, clock: Clock) -> None:
        self._identity = identity
        self._keeper = keeper
        self._asking = asking
        self._clock = clock
        self._links: dict[str, _Link] = {}

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        return Terms()

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; raise PeerUnavailable if they cannot leave now."""
        await (await self._standing(peer)).put(questions)

    def cancel(self, peer: str, ids: Sequence[str]) -> None:
        """Tell the peer that nobody waits for these answers any more."""
        if peer in self._links:
            self._links[peer].cancel(ids)

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer."""
        return "grpc"

    def problem(self, peer: str) -> str | None:
        """Return None if the link to a peer stands, else why not; empty if nobody has needed it yet."""
        return self._links[peer].problem if peer in self._links else ""

    async def close(self) -> None:
        """Take down all links."""
        await asyncio.gather(*(link.close() for link in self._links.values()))

    async def _standing(self, peer: str) -> "_Link":
        link = self._links.setdefault(peer, _Link(peer, self._asking))
        try:
            member = self._keeper.view.member(peer, self._clock())
        except Refusal as refusal:
            link.problem = refusal.message
            raise PeerUnavailable from None
        await link.stand(self._identity, member)
        return link


class _Link:
    """The link to one peer."""

    def __init__(self, peer: str, asking: Asking) -> None:
        self.peer = peer
        self.problem: str | None = ""
        self.channel: grpc.aio.Channel
        self._asking = asking
        self._dialling: asyncio.Task[None] | None = None
        self._member: Member | None = None
        self._questions: list[Question] = []
        self._cancelled: list[str] = []
        self._waiting = asyncio.Event()
        self._traffic: asyncio.Task[None] | None = None

    async def stand(self, identity: Identity, member: Member) -> None:
        """Have the link stand, to where the directory says now; whoever asks meanwhile shares one dialling."""
        if self._stands(member):
            return
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.create_task(self._dial(identity, member), name=f"dialling {self.peer}")
        await asyncio.shield(self._dialling)

    async def put(self, questions: Sequence[Question]) -> None:
        """Have questions leave with the next frame."""
        self._questions += questions
        self._waiting.set()

    def cancel(self, ids: Sequence[str]) -> None:
        """Have the peer told that nobody waits for these."""
        self._cancelled += ids
        self._waiting.set()

    async def close(self) -> None:
        """Take the link down for good."""
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.gather(self._dialling, return_exceptions=True)
        await self._take_down()

    def _stands(self, member: Member) -> bool:
        return self._traffic is not None and not self._traffic.done() and self._member == member

    async def _dial(self, identity: Identity, member: Member) -> None:
        await self._take_down()
        if not member.nodes:
            self.problem = f"the directory lists no node of {self.peer}"
            raise PeerUnavailable
        options = [*_OPTIONS, ("grpc.ssl_target_name_override", server_name(member))]
        endpoint = member.nodes[0].endpoint
        self.channel = grpc.aio.secure_channel(endpoint, channel_credentials(identity, member), options)
        try:
            stream = await self._open()
        except (TimeoutError, ConnectionError, grpc.aio.AioRpcError) as error:
            self.problem = f"{endpoint} does not answer as the node of {self.peer} ({_why(error)})"
            raise PeerUnavailable from None
        self.problem, self._member = None, member
        self._traffic = asyncio.create_task(self._run(stream), name=f"link to {self.peer}")

    async def _open(self) -> _Stream:
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                await _connected(self.channel)
                stream: _Stream = self.channel.stream_stream(LINK)()
                await stream.initial_metadata()
                return stream
        except BaseException:
            await self.channel.close()
            raise

    async def _run(self, stream: _Stream) -> None:
        writing = asyncio.create_task(self._write(stream))
        try:
            async for frame in stream:
                self._asking.answered(self.peer, LinkResponse.FromString(frame).answers)
            self.problem = "the peer closed the link"
        except grpc.aio.AioRpcError as error:
            self.problem = f"the link broke ({_why(error)})"
        except Exception:
            log.exception("link to %s", self.peer)
            self.problem = "the link failed here; the node's log says why"
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            self.problem = self.problem or "the link is closed"
            self._questions.clear()
            self._asking.lost(self.peer)

    async def _write(self, stream: _Stream) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._questions or self._cancelled:
                await stream.write(self._frame().SerializeToString())

    def _frame(self) -> LinkRequest:
        """Return what has gathered, as much as a frame holds."""
        questions = frames.taken(self._questions, Question.ByteSize)
        return LinkRequest(questions=questions, cancelled=frames.taken(self._cancelled))

    async def _take_down(self) -> None:
        if self._traffic is None:
            return
        self._traffic.cancel()
        await asyncio.gather(self._traffic, return_exceptions=True)
        self._traffic = None
        await self.channel.close()


async def _connected(channel: grpc.aio.Channel) -> None:
    """Wait for a connection, as long as one may still come of the attempt.

    Raises:
        ConnectionError: nobody listens there, or not the node that the directory lists.
    """
    while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise ConnectionError
        await channel.wait_for_state_change(state)


def _refusal(error: grpc.aio.AioRpcError) -> Refusal | None:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            return refusal_of(Status.FromString(value))
    return None


def _why(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        refusal = _refusal(error)
        return refusal.message if refusal else error.code().name
    return "no connection" if isinstance(error, ConnectionError) else "no connection in time"

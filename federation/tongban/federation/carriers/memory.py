"""A carrier through memory, for tests and simulation: nodes of one process ask and answer as they do over gRPC.

Frames travel as bytes. What becomes of a frame on its way is up to `MemoryNet.way`: there it can be lost, repeated,
delayed or altered.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, Question
from tongban.core.errors import Refusal
from tongban.federation.carriers.certificates import member_of
from tongban.federation.carriers.memory_streams import MemoryStream, StreamWay, whole
from tongban.federation.exchange.answering import AnsweredLink
from tongban.federation.exchange.carrier import PeerUnavailable, Terms
from tongban.federation.exchange.endpoints import EndpointState
from tongban.federation.house import House
from tongban.federation.resources import Resources


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a link on its way."""

    asking: str
    """Member that dialled."""
    answering: str
    """Member that was dialled."""
    data: bytes
    """Serialised LinkRequest; LinkResponse on the way back."""
    back: bool = False


Way = Callable[[Frame], Iterable[tuple[float, Frame]]]
"""Says what arrives of a frame, each with the seconds until then."""


def straight(frame: Frame) -> Iterable[tuple[float, Frame]]:
    """Let a frame arrive once, at once, as it is."""
    return [(0.0, frame)]


@dataclass(frozen=True, slots=True)
class Station:
    """A running node, and the certificate that it shows to others (PEM)."""

    resources: Resources
    house: House
    certificate: bytes

    def knows(self, other: "Station") -> str | None:
        """Return as whom this node knows another by its certificate."""
        return member_of(other.certificate, self.resources.keeper, self.resources.clock)


class MemoryNet:
    """Carries frames between the nodes that have joined it."""

    def __init__(self, way: Way = straight) -> None:
        self.way = way
        self.stream_way: StreamWay = whole
        """What becomes of the parts of streams."""
        self._stations: dict[str, Station] = {}
        self._cut: set[str] = set()
        self._links: dict[tuple[str, str], AnsweredLink] = {}
        """By who dialled and who answers."""
        self._under_way: set[asyncio.Task[None]] = set()
        self._streams: dict[tuple[str, str], set[MemoryStream]] = {}

    def join(self, station: Station) -> None:
        """Have a node reach others, and be reached."""
        self._stations[station.resources.member] = station

    def leave(self, member: str) -> None:
        """Have a node's links gone, and no new ones come."""
        self._break_links(member)
        del self._stations[member]

    def cut(self, member: str) -> None:
        """Have nothing reach a member, nor leave it, until it is healed."""
        self._cut.add(member)
        self._break_links(member)

    def heal(self, member: str) -> None:
        """Have frames reach a member again."""
        self._cut.discard(member)

    def reaches(self, asking: str, answering: str) -> bool:
        """Say whether a link can stand: both nodes are there, and the one that dials trusts the one that answers."""
        here, there = self._stations.get(asking), self._stations.get(answering)
        if here is None or there is None or {asking, answering} & self._cut:
            return False
        return here.knows(there) == answering

    def dial(self, asking: str, answering: str) -> AnsweredLink:
        """Return the link, which stands from now on; raise PeerUnavailable if it cannot."""
        if not self.reaches(asking, answering):
            raise PeerUnavailable
        if (asking, answering) not in self._links:
            self._links[asking, answering] = self._link(asking, answering)
            self._stations[answering].house.seen(self._certified(asking, answering) or "")
        return self._links[asking, answering]

    def post(self, frame: Frame) -> None:
        """Send a frame on its way; like a connection, a link that ends takes along what is still on its way."""
        link = self._links.get((frame.asking, frame.answering))
        for seconds, arriving in self.way(frame):
            task = asyncio.create_task(self._arrive(arriving, seconds, link))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def stream(
        self, asking: str, answering: str, parts: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """Yield what a member answers to the parts of a stream; raise PeerUnavailable, or the refusal of its door."""
        if not self.reaches(asking, answering):
            raise PeerUnavailable
        ask = self._stations[answering].house.node.ask
        stream = MemoryStream(ask, lambda: self._certified(asking, answering), self.stream_way)
        self._streams.setdefault((asking, answering), set()).add(stream)
        try:
            async with aclosing(stream.carry(parts)) as answers:
                async for answer in answers:
                    yield answer
        finally:
            self._streams[asking, answering].discard(stream)

    def _certified(self, asking: str, answering: str) -> str | None:
        return self._stations[answering].knows(self._stations[asking])

    def _link(self, asking: str, answering: str) -> AnsweredLink:
        async def write(data: bytes) -> None:
            self.post(Frame(asking, answering, data, back=True))

        station = self._stations[answering]
        credit = station.resources.settings.limits.link_questions
        return AnsweredLink(station.resources.admission.at_peers_door(station.house.node.ask), write, credit)

    async def _arrive(self, frame: Frame, seconds: float, over: AnsweredLink | None) -> None:
        await asyncio.sleep(seconds)
        if over is not None and over not in self._links.values():
            return
        try:
            if frame.back:
                answers = LinkResponse.FromString(frame.data).answers
                self._stations[frame.asking].resources.asking.answered(frame.answering, answers)
            else:
                link = self.dial(frame.asking, frame.answering)
                await link.take(frame.data, self._certified(frame.asking, frame.answering))
        except (PeerUnavailable, KeyError):
            return  # Whoever it was for is gone.
        except (Refusal, DecodeError):
            self._break(frame.asking, frame.answering)

    def _break_links(self, member: str) -> None:
        for ends in [ends for ends in self._links if member in ends]:
            self._break(*ends)
        for stream in [one for ends, streams in self._streams.items() if member in ends for one in streams]:
            stream.cut()

    def _break(self, asking: str, answering: str) -> None:
        link = self._links.pop((asking, answering), None)
        if link is not None:
            link.stop()
            self._stations[asking].resources.asking.lost(answering)


class MemoryLinks:
    """What leads one node to the others of a net."""

    def __init__(self, net: MemoryNet, member: str) -> None:
        self._net = net
        self._member = member

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        return Terms()

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; raise PeerUnavailable if they cannot leave now."""
        self._net.dial(self._member, peer)
        self._net.post(Frame(self._member, peer, LinkRequest(questions=questions).SerializeToString()))

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Tell the peer that nobody waits for these answers any more."""
        self._net.post(Frame(self._member, peer, LinkRequest(cancelled=attempts).SerializeToString()))

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer."""
        return "memory"

    def endpoints(self, peer: str) -> Sequence[EndpointState]:
        """Return nothing: nothing is dialled."""
        return ()

    async def stream(self, peer: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield what a peer answers on a stream; see `StreamCarrier`."""
        async with aclosing(self._net.stream(self._member, peer, parts)) as answers:
            async for answer in answers:
                yield answer

    def problem(self, peer: str) -> str | None:
        """Return None if the peer can be reached, else why not."""
        return None if self._net.reaches(self._member, peer) else "nothing leads to its node now"

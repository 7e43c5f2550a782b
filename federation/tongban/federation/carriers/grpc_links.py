"""The links that this node dials: to each peer one for questions as they come, and one for those that are large."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation.carriers.certificates import Target, targets_of
from tongban.federation.carriers.grpc_streams import StreamLane
from tongban.federation.carriers.identity import Identity, OwnIdentity
from tongban.federation.carriers.lane import Lane
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import PeerUnavailable, Terms
from tongban.federation.exchange.endpoints import Address, Endpoints, EndpointState
from tongban.federation.exchange.places import LARGE_PLACES, places_of
from tongban.federation.trust.keeper import Keeper

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
"""How often the node's own files, and peers to which a link stands, are looked after."""


class GrpcLinks:
    """Carries questions to peers, each over its own links."""

    def __init__(self, own: OwnIdentity, keeper: Keeper, asking: Asking, clock: Clock, most_waiting: int) -> None:
        self._own = own
        self._keeper = keeper
        self._asking = asking
        self._clock = clock
        self._most_waiting = most_waiting
        self._peers: dict[str, _Peer] = {}

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        return Terms()

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; return when they are on their way.

        Raises:
            PeerUnavailable: they cannot leave.
            Refusal: PEER_BUSY, too many wait already.
        """
        link = self._peer(peer)
        self._look(link)
        for question in questions:
            await link.lane(question).send(question)

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Tell the peer that nobody waits for these answers any more."""
        if peer in self._peers:
            self._peers[peer].cancel(attempts)

    def seen(self, peer: str) -> None:
        """Take that a node of a peer has shown itself: it may be dialled at once, whatever failed before."""
        if peer in self._peers:
            self._peers[peer].endpoints.seen()

    async def stream(self, peer: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield what a peer answers on a stream of its own; see `StreamCarrier`."""
        link = self._peer(peer)
        self._look(link)
        async with aclosing(link.streams.stream(parts)) as answers:
            async for answer in answers:
                yield answer

    def problem(self, peer: str) -> str | None:
        """Return None if the link to a peer stands, else why not; empty if nobody has needed it yet."""
        return self._peers[peer].problem() if peer in self._peers else ""

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer."""
        return "grpc"

    def endpoints(self, peer: str) -> list[EndpointState]:
        """Return how the endpoints of a peer stand; none if nobody has needed them yet."""
        return self._peers[peer].endpoints.states() if peer in self._peers else []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have links follow the directory and the node's own certificate, also while nobody asks; end them all last."""
        looking = asyncio.create_task(self._look_after_all())
        try:
            yield
        finally:
            looking.cancel()
            closing = [peer.close() for peer in self._peers.values()]
            await asyncio.gather(looking, *closing, return_exceptions=True)

    async def _look_after_all(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                self._own.renew()
                self._renew_all()
            except Exception:
                log.exception("links")

    def _renew_all(self) -> None:
        for peer in self._peers.values():
            with suppress(PeerUnavailable):
                self._look(peer)
                peer.renew()

    def _peer(self, id_: str) -> "_Peer":
        if id_ not in self._peers:
            self._peers[id_] = _Peer(id_, self._asking, self._most_waiting)
        return self._peers[id_]

    def _look(self, peer: "_Peer") -> None:
        try:
            member = self._keeper.view.member(peer.id, self._clock())
        except Refusal as refusal:
            peer.leave(refusal.message)
            raise PeerUnavailable from None
        peer.look(member, self._own.current)


class _Peer:
    """What leads to one peer."""

    def __init__(self, id_: str, asking: Asking, most_waiting: int) -> None:
        self.id = id_
        self.endpoints = Endpoints(asyncio.get_running_loop().time)
        self._small, self._large = (Lane(id_, asking, self.endpoints, most_waiting) for _ in range(2))
        self.streams = StreamLane(self.endpoints)
        self._as_of: tuple[Member, Identity] | None = None
        self._targets: Mapping[Address, Target] = {}
        self._left = ""
        """Why the directory lets nobody ask it."""

    def lane(self, question: Question) -> Lane:
        """Return the lane for a question."""
        return self._large if places_of(question) == LARGE_PLACES else self._small

    def look(self, member: Member, identity: Identity) -> None:
        """Take what the directory says about it now, and as whom this node comes."""
        if self._as_of is None or self._as_of[0] is not member or self._as_of[1] is not identity:
            self._as_of, self._left = (member, identity), ""
            self._follow(targets_of(member, identity))

    def renew(self) -> None:
        """Have links that are not what they would be now replaced."""
        for lane in (self._small, self._large, self.streams):
            lane.look(self._targets)

    def leave(self, reason: str) -> None:
        """Take that the directory lets nobody ask it now."""
        self._as_of, self._left = None, reason
        self._follow({})

    def cancel(self, attempts: Sequence[str]) -> None:
        """Tell it that nobody waits for these."""
        for lane in (self._small, self._large):
            lane.cancel(attempts)

    def problem(self) -> str | None:
        """Return None if a link stands, else why not; empty if nobody has needed one yet."""
        if self._small.stands or self._large.stands:
            return None
        if self._as_of and not self._as_of[0].nodes:
            return f"the directory lists no node of {self.id}"
        return self._left or self.endpoints.problem()

    async def close(self) -> None:
        """Take its links down."""
        self.streams.close()
        await asyncio.gather(self._small.close(), self._large.close())

    def _follow(self, targets: Mapping[Address, Target]) -> None:
        self._targets = targets
        self.endpoints.follow(targets)
        self.renew()

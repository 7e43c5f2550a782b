"""Brings questions to each peer by the carrier that the settings choose for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.carriers.folders import Folders
from tongban.federation.carriers.grpc_links import GrpcLinks
from tongban.federation.carriers.identity import OwnIdentity
from tongban.federation.carriers.settings import FolderCarrier, HttpCarrier
from tongban.federation.exchange.answering import Ask
from tongban.federation.exchange.carrier import Carrier, Terms
from tongban.federation.exchange.endpoints import EndpointState
from tongban.federation.resources import Resources
from tongban.federation.services.status import Links


class _Way(Carrier, Links, Protocol):
    pass


class _Closable(_Way, Protocol):
    async def close(self) -> None:
        """End what is under way."""
        ...


class ByPeer:
    """The carriers of a node, which look like one."""

    def __init__(self, resources: Resources, own: OwnIdentity) -> None:
        """Prepare what the settings choose. Raises a ValueError if a file that they name is not what it should be."""
        r, chosen = resources, resources.settings.carriers
        by_http = {peer: one for peer, one in chosen.items() if isinstance(one, HttpCarrier)}
        by_folder = {peer: one for peer, one in chosen.items() if isinstance(one, FolderCarrier)}
        self._grpc = GrpcLinks(own, r.keeper, r.asking, r.clock, r.settings.limits.link_waiting)
        self._admission = r.admission
        self._folders = Folders(by_folder, r.home, r.asking, r.clock)
        self._chosen: dict[str, _Closable] = dict.fromkeys(by_folder, self._folders)
        if by_http:
            from tongban.federation.carriers.http_posts import HttpPosts  # httpx takes long to import.

            self._chosen |= dict.fromkeys(by_http, HttpPosts(by_http, r.home, r.asking, r.settings.limits.link_waiting))

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        return self._of(peer).terms(peer)

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; raise PeerUnavailable if they cannot leave now."""
        await self._of(peer).send(peer, questions)

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Tell the peer that nobody waits for these answers any more."""
        self._of(peer).cancel(peer, attempts)

    async def stream(self, peer: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield what a peer answers on a stream; raise a Refusal, STREAM_IMPOSSIBLE, if its carrier has none."""
        if peer in self._chosen:
            what = f"the carrier to {peer}, {self.kind(peer)},"
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": what})
        async with aclosing(self._grpc.stream(peer, parts)) as answers:
            async for answer in answers:
                yield answer

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer."""
        return self._of(peer).kind(peer)

    def problem(self, peer: str) -> str | None:
        """Return None if a peer can be reached, else why not; empty if nobody has needed it yet."""
        return self._of(peer).problem(peer)

    def endpoints(self, peer: str) -> Sequence[EndpointState]:
        """Return how the endpoints of a peer stand, where its carrier dials some."""
        return self._of(peer).endpoints(peer)

    def seen(self, peer: str) -> None:
        """Take that a node of a peer has shown itself."""
        self._grpc.seen(peer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have links follow the directory; in the end, end what is under way."""
        async with self._grpc.running():
            try:
                yield
            finally:
                carriers: set[_Closable] = {self._folders, *self._chosen.values()}
                await asyncio.gather(*(one.close() for one in carriers))

    @asynccontextmanager
    async def taking(self, ask: Ask, seen: Callable[[str], None]) -> AsyncIterator[None]:
        """Take what comes by files, as long as this lasts; for all else the node has doors."""
        async with self._folders.taking(self._admission.at_peers_door(ask), seen):
            yield

    def _of(self, peer: str) -> _Way:
        return self._chosen.get(peer, self._grpc)

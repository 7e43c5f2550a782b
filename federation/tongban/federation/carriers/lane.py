"""A lane to a peer: one link at a time takes its questions, and a new one stands before the old one goes."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.carriers.certificates import Target
from tongban.federation.carriers.dialling import dialled
from tongban.federation.carriers.link import Link
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.endpoints import Address, Endpoints

_BUSY_SECONDS = 1.0
"""When to ask again a peer for which as many wait as may."""


class Lane:
    """Carries questions to a peer, in turn. Large ones have a lane of their own."""

    def __init__(self, peer: str, asking: Asking, endpoints: Endpoints, most_waiting: int) -> None:
        self._peer = peer
        self._asking = asking
        self._endpoints = endpoints
        self._most_waiting = most_waiting
        self._targets: Mapping[Address, Target] = {}
        self._link: Link | None = None
        self._links: dict[Link, asyncio.Task[None]] = {}
        """All that run: the one that takes questions, and those that wait for their last answers."""
        self._dialling: asyncio.Task[None] | None = None
        self._waiting = 0

    @property
    def stands(self) -> bool:
        """Whether its link stands."""
        return self._link is not None and self._link.open

    async def send(self, question: Question) -> None:
        """Have a question leave, as soon as the link stands and has a place for it.

        Raises:
            PeerUnavailable: no endpoint of the peer can be reached.
            Refusal: PEER_BUSY.
        """
        if self._waiting >= self._most_waiting:
            facts = {"member": self._peer, "waiting": str(self._most_waiting)}
            raise Refusal(codes.PEER_BUSY, facts, retry_seconds=_BUSY_SECONDS)
        self._waiting += 1
        try:
            while not await (await self._standing()).take(question):
                continue  # The link ended while the question waited: it takes the next.
        finally:
            self._waiting -= 1

    def cancel(self, attempts: Sequence[str]) -> None:
        """Have the peer told that nobody waits for these."""
        for link in self._links:
            link.cancel(attempts)

    def look(self, targets: Mapping[Address, Target]) -> None:
        """Take what can be dialled now; a link that is none of it serves until a new one stands.

        One whose certificate may have been withdrawn gets no more questions at once.
        """
        self._targets = targets
        link = self._link
        if link is None or not link.open:
            return
        listed = {certificate for target in targets.values() for certificate in target.certificates}
        if not listed.issuperset(link.target.certificates):
            self._link = None
            link.retire()
        elif targets.get(link.target.address) != link.target:
            self._dial()

    async def close(self) -> None:
        """Take everything down."""
        tasks = [*self._links.values(), *([self._dialling] if self._dialling else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _standing(self) -> Link:
        if self._link is None or not self._link.open:
            await asyncio.shield(self._dial())
        if self._link is None or not self._link.open:
            raise PeerUnavailable(self._endpoints.retry_seconds())
        return self._link

    def _dial(self) -> "asyncio.Task[None]":
        """Dial, unless that is under way: whoever asks meanwhile shares one dialling."""
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.create_task(self._try_all(), name=f"dialling {self._peer}")
        return self._dialling

    async def _try_all(self) -> None:
        for address in self._endpoints.available():
            target = self._targets.get(address)
            if target is not None and await self._try(target):
                return

    async def _try(self, target: Target) -> bool:
        try:
            standing = await dialled(target)
        except ConnectionError as error:
            self._endpoints.failed(target.address, str(error))
            return False
        link = Link(self._peer, standing, self._asking, partial(self._endpoints.proved, target.address))
        old, self._link = self._link, link
        if old is not None:
            old.retire()
        self._links[link] = asyncio.create_task(self._run(link), name=f"link to {self._peer}")
        self.look(self._targets)  # The directory may have changed meanwhile.
        return self.stands

    async def _run(self, link: Link) -> None:
        address = link.target.address
        self._endpoints.linked(address)
        try:
            await link.run()
        finally:
            del self._links[link]
            self._endpoints.unlinked(address)
            if link.problem:
                self._endpoints.failed(address, link.problem)

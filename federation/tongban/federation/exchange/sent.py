"""Requests that went out on a stream: counted, never far ahead, remembered until the peer has taken them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from tongban.api.exchange.v1 import exchange_pb2 as pb
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.tally import Tally

MOST_AHEAD = 1024
"""So many requests may be on their way, as the contract says."""


class Sent(Tally):
    """What was sent to a peer; the peer may stop taking it at any place, so each that is on its way has its digest."""

    def __init__(self, peer: str) -> None:
        super().__init__()
        self._peer = peer
        self._stood = {0: self.told().digest}
        self._taken = 0
        self._room = asyncio.Event()

    async def each(self, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield requests, counted, no more than so many ahead of the peer."""
        async for request in requests:
            while self.messages - self._taken >= MOST_AHEAD:
                self._room.clear()
                await self._room.wait()
            self.add(request)
            self._stood[self.messages] = self.told().digest
            yield request

    def taken(self, messages: int) -> None:
        """Take notice of how many the peer has taken.

        Raises:
            Refusal: STREAM_ALTERED, so many were never sent.
        """
        if not self._taken <= messages <= self.messages:
            raise Refusal(codes.STREAM_ALTERED, {"member": self._peer, "what": "it takes what was not sent"})
        for one in range(self._taken, messages):
            del self._stood[one]
        self._taken = messages
        self._room.set()

    def fits(self, taken: pb.Tally) -> bool:
        """Say whether what the peer says that it took is what was sent first."""
        return self._stood.get(taken.messages) == taken.digest

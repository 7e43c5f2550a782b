"""The parts of a material on their way: several are asked for at the same time, and taken in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from types import TracebackType
from typing import Self

from tongban.federation.exchange.carrier import Terms

MOST_PART = 1 << 20
"""Most bytes of a part, as the contract says."""

LEAST_PART = 65_536
_QUICK_SECONDS, _SLOW_SECONDS = 1.0, 5.0


class Peer:
    """What the parts of all materials from one peer share."""

    def __init__(self, terms: Terms) -> None:
        self.most = terms.parts
        """Parts that are under way, or wait to be written, those of all materials together."""
        self.slots = asyncio.Semaphore(terms.parts)
        self.part = LEAST_PART if terms.at_once else MOST_PART
        """Bytes to ask for at once: on a slow line few, so that each part comes in time."""
        self._at_once = terms.at_once

    def took(self, size: int, seconds: float, *, came: bool) -> None:
        """Take note of how long a part took, or did not come.

        Neither the time of a carrier that takes hours nor how soon a part is refused says anything about the line.
        """
        if not self._at_once:
            return
        if seconds > _SLOW_SECONDS:
            self.part = max(LEAST_PART, min(self.part, size // 2))
        elif came and seconds < _QUICK_SECONDS and size >= self.part:
            self.part = min(MOST_PART, size * 2)


class Line:
    """Brings what is between two offsets. Whoever leaves it stops what is under way."""

    def __init__(self, peer: Peer, ask: Callable[[int, int], Awaitable[bytes]], begin: int, end: int) -> None:
        self._peer = peer
        self._ask = ask
        self._next, self._end = begin, end
        self._asked: deque[asyncio.Task[bytes]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._asked:
            task.cancel()
        for come in await asyncio.gather(*self._asked, return_exceptions=True):
            if isinstance(come, bytes):
                self._peer.slots.release()

    async def take(self) -> bytes:
        """Return the part that comes next."""
        while self._next < self._end and len(self._asked) < self._peer.most:
            size = min(self._peer.part, self._end - self._next)
            self._asked.append(asyncio.create_task(self._part(self._next, size)))
            self._next += size
        data = await self._asked[0]
        self._asked.popleft()
        self._peer.slots.release()
        return data

    async def _part(self, offset: int, size: int) -> bytes:
        """Return a part, with a slot that whoever takes it gives back."""
        await self._peer.slots.acquire()
        began = monotonic()
        try:
            data = await self._ask(offset, size)
        except BaseException:
            self._peer.slots.release()
            self._peer.took(size, monotonic() - began, came=False)
            raise
        self._peer.took(size, monotonic() - began, came=True)
        return data

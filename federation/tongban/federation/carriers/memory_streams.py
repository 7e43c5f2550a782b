"""Streams through memory: parts travel as bytes, one at a time each way, so that nobody runs ahead of a slow reader."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from tongban.federation.exchange.answering import Ask
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.stream_answering import AnsweredStream

StreamWay = Callable[[bytes, bool], Iterable[bytes]]
"""Says what arrives of a part; True: one on the way back, which is a serialised StreamResponse."""

_Pipe = asyncio.Queue[bytes | None]


def whole(part: bytes, back: bool) -> Iterable[bytes]:
    """Let a part arrive as it is."""
    return [part]


class MemoryStream:
    """One stream between two nodes of this process."""

    def __init__(self, ask: Ask, certified: Callable[[], str | None], way: StreamWay) -> None:
        self._there: _Pipe = asyncio.Queue(1)
        self._back: _Pipe = asyncio.Queue(1)
        self._way = way
        self._stream = AnsweredStream(ask, self._there.get, self._put_back, certified, lambda: False)
        self._tasks: list[asyncio.Task[None]] = []
        self._cut = False

    async def carry(self, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the answers to these parts; raise PeerUnavailable if it is cut, or the refusal of who answers."""
        answering = asyncio.create_task(self._answer())
        self._tasks = [answering, asyncio.create_task(self._feed(parts))]
        try:
            while (part := await self._back.get()) is not None:
                yield part
            if self._cut:
                raise PeerUnavailable
            await answering
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break the stream, as a connection breaks."""
        self._cut = True
        for task in self._tasks:
            task.cancel()

    async def _feed(self, parts: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(parts):
            async for part in parts:
                for arriving in self._way(part, False):
                    await self._there.put(arriving)
        await self._there.put(None)

    async def _put_back(self, part: bytes) -> None:
        for arriving in self._way(part, True):
            await self._back.put(arriving)

    async def _answer(self) -> None:
        try:
            await self._stream.run()
        except asyncio.CancelledError:
            while not self._back.empty():
                self._back.get_nowait()
            raise  # Nobody reads on; or, if it was cut, nothing more arrives.
        finally:
            await self._back.put(None)

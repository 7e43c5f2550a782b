"""Answering a peer on a stream of its own: the opening takes the one way through the node, parts go both ways."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import Opening, StreamRequest, StreamResponse
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Door, Question
from tongban.federation.exchange import messages
from tongban.federation.exchange.answering import Ask

TOLD_EVERY = 256
"""After so many requests the asker is told that they were taken."""

OPENING_SECONDS = 10.0
"""So long a peer may take to say what it asks; its stream has a place meanwhile."""

_LOOK_SECONDS = 0.5
"""How often the directory is looked at."""


class AnsweredStream:
    """One stream that a peer has opened."""

    def __init__(
        self,
        ask: Ask,
        read: Callable[[], Awaitable[bytes | None]],
        write: Callable[[bytes], Awaitable[None]],
        certified: Callable[[], str | None],
        stopping: Callable[[], bool],
    ) -> None:
        """Take how parts are read (None: no more come) and written, and what says whose connection it is now."""
        self._ask = ask
        self._read = read
        self._write = write
        self._certified = certified
        self._stopping = stopping
        self._writing = asyncio.Lock()
        self._seconds = float("inf")
        self._limit = asyncio.timeout(None)
        self._task: asyncio.Task[object] | None = None
        self._unlisted = False

    async def run(self) -> None:
        """Answer the stream to its end.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD if it is not opened as it should be; PEER_UNKNOWN, DEADLINE, STOPPING
                if it could not come to its sealed end.
        """
        opening, self._task = await self._opening(), asyncio.current_task()
        call = self._call(opening)
        self._seconds = call.seconds
        self._limit = asyncio.timeout(call.seconds if opening.timeout_ms else None)
        watch = asyncio.create_task(self._watch(self._certified()))
        try:
            async with self._limit:
                await self._answer(call)
        except (TimeoutError, asyncio.CancelledError):
            refusal = self._why()
            if refusal.code is codes.CALLER_LEFT or self._task is None:
                raise
            self._task.uncancel()
            raise refusal from None
        finally:
            watch.cancel()

    async def _opening(self) -> Opening:
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                part = await self._read()
        except TimeoutError:
            raise Refusal(codes.DEADLINE, {"seconds": f"{OPENING_SECONDS:g}"}) from None
        request = decoded(StreamRequest, part or b"")
        if not request.HasField("opening"):
            raise Refusal(codes.MALFORMED, {"type": "Opening"})
        return request.opening

    def _call(self, opening: Opening) -> Call:
        header = messages.header_of(opening.message)
        return Call(
            door=Door.PEERS,
            method=header.method,
            body=opening.message.body,
            context=header.context if header.HasField("context") else CallContext(),
            seconds=opening.timeout_ms / 1000 if opening.timeout_ms else float("inf"),
            question=Question(opening.message, header),
            certified=self._certified(),
            stream=self._requests(),
            streamed=True,
            cut=self._why,
        )

    async def _answer(self, call: Call) -> None:
        reply = await self._ask(call)
        if reply.sealed is not None:
            await self._put(StreamResponse(refused=reply.sealed).SerializeToString())
        if reply.stream is not None:
            async with aclosing(reply.stream) as parts:
                async for part in parts:
                    await self._put(part)

    async def _requests(self) -> AsyncIterator[bytes]:
        taken = 0
        while (part := await self._read()) is not None:
            request = decoded(StreamRequest, part)
            if request.HasField("closed"):
                return
            if not request.HasField("message"):
                raise Refusal(codes.MALFORMED, {"type": "StreamRequest"})
            yield request.message
            taken += 1
            if taken % TOLD_EVERY == 0:
                await self._put(StreamResponse(taken=taken).SerializeToString())
        raise Refusal(codes.CALLER_LEFT)

    async def _put(self, part: bytes) -> None:
        async with self._writing:
            await self._write(part)

    async def _watch(self, member: str | None) -> None:
        """End the stream when the directory gives the certificate to nobody any more, or to somebody else."""
        while self._certified() == member:  # noqa: ASYNC110 - a certificate expires without a word
            await asyncio.sleep(_LOOK_SECONDS)
        self._unlisted = True
        if self._task is not None:
            self._task.cancel()

    def _why(self) -> Refusal:
        """Return why the stream is cut."""
        if self._unlisted:
            return Refusal(codes.PEER_UNKNOWN, {"what": "certificate", "member": "this connection"})
        if self._limit.expired():
            return Refusal(codes.DEADLINE, {"seconds": f"{self._seconds:g}"})
        return Refusal(codes.STOPPING if self._stopping() else codes.CALLER_LEFT)

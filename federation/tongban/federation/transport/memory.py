"""A transport through memory, for tests and simulation: nodes run in one process, and windows call them there."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core.registry import Brought
from tongban.core.services import Entry
from tongban.core.times import Clock, wall_clock
from tongban.federation import settings
from tongban.federation.calls import Call, Door, Reply
from tongban.federation.carriers.memory import MemoryLinks, MemoryNet, Station
from tongban.federation.house import ASK_SECONDS, House
from tongban.federation.node import Node
from tongban.federation.opening import opened

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class MemoryClient:
    """A window or an operator at a node in this process."""

    node: Node
    door: Door
    token: str = ""
    context: CallContext = field(default_factory=CallContext)
    seconds: float = 10.0

    async def call(self, method: str, request: Message, answer: type[M], trailing: list[Entry] | None = None) -> M:
        """Return the answer to a call; the method is named as in ``/package.Service/Method``.

        Trailing metadata is put into `trailing`, here and below.

        Raises:
            Refusal: the node's.
        """
        reply = await self._asked(method, request.SerializeToString(), None, trailing)
        if reply.stream is None:
            return answer.FromString(reply.body)
        async with aclosing(reply.stream) as stream:
            [body] = [part async for part in stream]
        return answer.FromString(body)

    async def upload(self, method: str, parts: Sequence[Message], answer: type[M]) -> M:
        """Return the answer to a stream of parts. Raises a Refusal as `call` does."""
        return answer.FromString((await self._asked(method, b"", _stream(parts))).body)

    async def converse(
        self,
        method: str,
        parts: Sequence[Message] | AsyncIterator[Message],
        answer: type[M],
        trailing: list[Entry] | None = None,
    ) -> AsyncGenerator[M, None]:
        """Yield the answers to a stream of requests. Raises a Refusal as `call` does."""
        reply = await self._asked(method, b"", _stream(parts), trailing)
        if reply.stream is not None:
            async with aclosing(reply.stream) as stream:
                async for part in stream:
                    yield answer.FromString(part)

    async def stream(
        self, method: str, request: Message, answer: type[M], trailing: list[Entry] | None = None
    ) -> AsyncGenerator[M, None]:
        """Yield the parts of a streamed answer. Raises a Refusal as `call` does."""
        reply = await self._asked(method, request.SerializeToString(), None, trailing)
        if reply.stream is not None:
            async with aclosing(reply.stream) as stream:
                async for part in stream:
                    yield answer.FromString(part)

    async def _asked(
        self,
        method: str,
        body: bytes,
        stream: AsyncIterator[bytes] | None = None,
        trailing: list[Entry] | None = None,
    ) -> Reply:
        call = Call(
            self.door,
            method,
            body,
            self.context,
            self.seconds,
            token=self.token,
            stream=stream,
            trailing=[] if trailing is None else trailing,
        )
        reply = await self.node.ask(call)
        if reply.refusal is not None:
            raise reply.refusal
        return reply


async def _stream(parts: Sequence[Message] | AsyncIterator[Message]) -> AsyncIterator[bytes]:
    if isinstance(parts, Sequence):
        for part in parts:
            yield part.SerializeToString()
        return
    async for part in parts:
        yield part.SerializeToString()


@asynccontextmanager
async def running_node(
    net: MemoryNet,
    home: Path,
    clock: Clock = wall_clock,
    brought: Sequence[Brought] = (),
    ask_seconds: float = ASK_SECONDS,
) -> AsyncIterator[Station]:
    """Run the node of a folder on a net; `brought` is what plugins bring that are not installed."""
    chosen = settings.load(home)
    async with opened(home, chosen, clock) as (resources, plugins):
        for one in brought:
            resources.registry.add(one)
        house = House(resources, plugins, MemoryLinks(net, resources.member), ask_seconds)
        await house.load()
        station = Station(resources, house, (home / chosen.keys.certificate).read_bytes())
        async with house.running():
            net.join(station)
            try:
                yield station
            finally:
                net.leave(resources.member)

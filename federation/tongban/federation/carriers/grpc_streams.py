"""Streams that this node asks on: each a gRPC stream of its own, over a connection that a peer's streams share."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import grpc

from tongban.core.errors import Refusal
from tongban.federation.carriers.certificates import Target
from tongban.federation.carriers.dialling import connection, refusal_in
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.endpoints import Address, Endpoints

STREAM = "/tongban.api.exchange.v1.ExchangeService/Stream"

_Call = grpc.aio.StreamStreamCall[bytes, bytes]


@dataclass(eq=False, slots=True)
class _Connection:
    """A connection, as long as streams are under way on it."""

    target: Target
    channel: grpc.aio.Channel
    calls: set[_Call] = field(default_factory=set)


class StreamLane:
    """Carries streams to one peer."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._targets: Mapping[Address, Target] = {}
        self._connections: set[_Connection] = set()
        self._dialling = asyncio.Lock()

    def look(self, targets: Mapping[Address, Target]) -> None:
        """Take what can be dialled now. Streams to a certificate that may have been withdrawn end."""
        self._targets = targets
        for one in self._connections:
            now = targets.get(one.target.address)
            if now is None or not set(one.target.certificates) <= set(now.certificates):
                _end(one)

    async def stream(self, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield what the peer answers to these parts, each read when it is asked for.

        Raises:
            PeerUnavailable: no endpoint of the peer can be reached, or the way to it broke.
            Refusal: the peer's door refused.
        """
        async with self._dialling:
            connection = self._standing() or await self._dial()
            call: _Call = connection.channel.stream_stream(STREAM)()
            connection.calls.add(call)
        try:
            async with aclosing(_answers(call, parts)) as answers:
                async for answer in answers:
                    yield answer
        finally:
            connection.calls.discard(call)
            if not connection.calls:
                self._connections.discard(connection)
                await connection.channel.close()

    def close(self) -> None:
        """End everything that is under way."""
        for one in self._connections:
            _end(one)

    def _standing(self) -> _Connection | None:
        """Return a connection to what would be dialled now."""
        return next((one for one in self._connections if self._targets.get(one.target.address) == one.target), None)

    async def _dial(self) -> _Connection:
        for address in self._endpoints.available():
            target = self._targets.get(address)
            if target is None:
                continue
            try:
                one = _Connection(target, await connection(target))
            except ConnectionError as error:
                self._endpoints.failed(address, str(error))
                continue
            self._connections.add(one)
            return one
        raise PeerUnavailable(self._endpoints.retry_seconds())


async def _answers(call: _Call, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    writing = asyncio.create_task(_write(call, parts))
    try:
        while isinstance(answer := await call.read(), bytes):
            yield answer
    except grpc.aio.AioRpcError as error:
        raise refusal_in(error) or PeerUnavailable() from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise PeerUnavailable from None  # The call was cancelled here, and not whoever reads it.
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        call.cancel()


async def _write(call: _Call, parts: AsyncGenerator[bytes, None]) -> None:
    """Write the parts; what ends them too early ends the call."""
    try:
        async with aclosing(parts):
            async for part in parts:
                await call.write(part)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # The call has ended, and whoever reads is told why.
    except Refusal:
        call.cancel()


def _end(connection: _Connection) -> None:
    for call in connection.calls:
        call.cancel()

"""A proxy that does to a TCP connection what bad networks do, for tests between real nodes.

It stands before the peer door of a node, and the directory lists its address as the node's endpoint::

    with FaultProxy() as proxy:
        federation = Federation.lay_out(plan, folder, proxies={"320681": proxy})
        ...
        proxy.faults = Faults(rate=10_000)

Bytes are never repeated nor put in another order: TCP lets neither happen.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Any, Self

_CHUNK = 16_384
_LOOK_SECONDS = 0.01
_IN_FLIGHT = 64
"""Chunks of one direction that can be on their way; then its sender is held up."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to each connection, in both directions."""

    latency: float = 0.0
    """Seconds by which all bytes come later."""
    rate: float = inf
    """Bytes that arrive in a second, in each direction."""
    cut_after: float = inf
    """After so many bytes, both directions counted together from its start, a connection is reset."""
    blackhole: bool = False
    """Nothing arrives, and nobody is told; what was held back goes on when this ends. New connections are taken."""
    refuse: bool = False
    """New connections are reset as soon as they come."""


class FaultProxy:
    """A TCP proxy in a thread of its own. `target` and `faults` can be changed at any time, from any thread."""

    def __init__(self, target: str = "") -> None:
        """Take a free port of this machine; `target` is where connections lead to, host:port."""
        self.target = target
        self.faults = Faults()
        self.accepted = 0
        """Connections that have come, those included that were refused."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Where it listens, host:port."""
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def open(self) -> int:
        """Connections that stand now."""
        return len(self._connections)

    def reset(self) -> None:
        """Reset all connections that stand (RST)."""
        self._run(self._reset())

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10.0)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._listener)

    async def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _end(self) -> None:
        self._server.close()
        await self._reset()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(self, writer)
        if self.faults.refuse:
            connection.reset()
            return
        self._connections.add(connection)
        try:
            host, _, port = self.target.rpartition(":")
            there, onward = await asyncio.open_connection(host, int(port))
            connection.writers.append(onward)
            await asyncio.gather(connection.carry(reader, onward), connection.carry(there, writer))
        except OSError:
            connection.reset()
        except asyncio.CancelledError:
            return  # The proxy ends; asyncio would print whatever is raised here.
        finally:
            self._connections.discard(connection)
            connection.close()


class _Connection:
    """One connection and its continuation."""

    def __init__(self, proxy: FaultProxy, writer: asyncio.StreamWriter) -> None:
        self.writers = [writer]
        self._proxy = proxy
        self._bytes = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the bytes of one direction until they end."""
        on_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)
        arriving = asyncio.create_task(self._arrive(on_way, writer))
        try:
            data = b"begun"
            while data:
                data = await reader.read(_CHUNK)
                await on_way.put((asyncio.get_running_loop().time() + self._proxy.faults.latency, data))
            await arriving
        finally:
            arriving.cancel()

    def reset(self) -> None:
        """End it by RST, on both sides."""
        for writer in self.writers:
            with suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    def close(self) -> None:
        """End it, on both sides."""
        for writer in self.writers:
            writer.close()

    async def _arrive(self, on_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                due, data = await on_way.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                if not data:
                    return writer.write_eof() if writer.can_write_eof() else None
                await self._write(data, writer)

    async def _write(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            while self._proxy.faults.blackhole:  # noqa: ASYNC110 - it is set from another thread
                await asyncio.sleep(_LOOK_SECONDS)
            rate, left = self._proxy.faults.rate, self._proxy.faults.cut_after - self._bytes
            size = int(min(len(data), max(1, rate / 20), max(0, left)))
            writer.write(data[:size])
            await writer.drain()
            self._bytes += size
            data = data[size:]
            if data and self._bytes >= self._proxy.faults.cut_after:
                self.reset()
                return
            await asyncio.sleep(size / rate)

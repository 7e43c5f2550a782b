"""A little HTTP gateway, as they stand between networks: it ends what comes and asks again in its own name."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    head: bytes
    body: bytes


Habit = Callable[["Gateway", Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Gateway:
    """Listens at a port of its own and passes on to one address, with its own habit."""

    upstream: int
    habit: Habit
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    repeated: int = 0
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @asynccontextmanager
    async def ask(self, request: Request) -> AsyncIterator[asyncio.StreamReader]:
        """Ask upstream and yield its response; headers that only the two ends know do not get there."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        lines = request.head.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith((b"tongban", b"connection"))]
        try:
            writer.write(b"\r\n".join([*kept, b"Connection: close", b"", b""]) + request.body)
            yield reader
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            request = Request(head, await reader.readexactly(int(length.partition(b":")[2])))
            self.requests.append(request)
            await self.habit(self, request, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # Either side has left.
        finally:
            writer.close()


async def streams(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes as it comes."""
    async with gateway.ask(request) as response:
        while data := await response.read(65_536):
            writer.write(data)
            await writer.drain()


async def buffers(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Pass on nothing until all is there."""
    writer.write(await _whole(gateway, request))
    await writer.drain()


async def asks_twice(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Ask upstream again though it was answered, and pass the second answer on."""
    await _whole(gateway, request)
    await buffers(gateway, request, writer)


async def cuts(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Pass on all but the last bytes."""
    writer.write((await _whole(gateway, request))[:-60])
    await writer.drain()


async def ends_early(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Pass on an answer that looks complete, without what it ought to hold."""
    await _told(writer, b"200 OK", b"application/vnd.tongban.exchange", b"")


async def speaks_html(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer everything with a page to log in at."""
    await _told(writer, b"200 OK", b"text/html; charset=gb2312", b"<html>please log in</html>")


async def knows_nobody(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Find nobody behind it."""
    await _told(writer, b"502 Bad Gateway", b"text/html", b"<html>bad gateway</html>")


async def speaks_nonsense(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer with something that only calls itself an answer."""
    await _told(writer, b"200 OK", b"application/vnd.tongban.exchange", b"\xff" * 40)


async def packs(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer with what is small, and large when it is unpacked: millions of empty frames."""
    packed = gzip.compress(bytes(32 << 20))
    head = [b"HTTP/1.1 200 OK", b"Content-Type: application/vnd.tongban.exchange", b"Content-Encoding: gzip"]
    writer.write(b"\r\n".join([*head, b"Connection: close", b"", packed]))
    await writer.drain()


async def sends_nothing_often(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer with empty frames."""
    await _told(writer, b"200 OK", b"application/vnd.tongban.exchange", bytes(400))


async def goes_on(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Pass the answer on, and have the response never end."""
    async with gateway.ask(request) as response:
        head = (await response.readuntil(b"\r\n\r\n")).replace(b"Transfer-Encoding: chunked\r\n", b"")
        head = head.replace(b"transfer-encoding: chunked\r\n", b"")
        size = int(await response.readuntil(b"\r\n"), 16)
        frame = await response.readexactly(size)
        writer.write(head + frame)
        for _ in range(1_000_000):
            writer.write(frame)
            await writer.drain()
            gateway.repeated += 1
            await asyncio.sleep(0.01)


async def hangs_up(gateway: Gateway, request: Request, writer: asyncio.StreamWriter) -> None:
    """Close every connection."""


async def _whole(gateway: Gateway, request: Request) -> bytes:
    async with gateway.ask(request) as response:
        return await response.read()


async def _told(writer: asyncio.StreamWriter, status: bytes, kind: bytes, body: bytes) -> None:
    head = [b"HTTP/1.1 " + status, b"Content-Type: " + kind, b"Content-Length: %d" % len(body), b"Connection: close"]
    writer.write(b"\r\n".join([*head, b"", body]))
    await writer.drain()

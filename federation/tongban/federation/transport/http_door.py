"""The HTTP door of a node: uvicorn in the node's own loop."""

import asyncio
import math
import socket
import ssl
from typing import TYPE_CHECKING

from tongban.federation.carriers.server_tls import ServerTls
from tongban.federation.settings import Settings
from tongban.federation.transport.closed import DoorClosed
from tongban.federation.transport.http_exchange import HttpExchange

if TYPE_CHECKING:
    from tongban.federation.transport.http_server import Server


class HttpDoor:
    """Serves the exchange by HTTP/1.1, where the settings say so."""

    def __init__(self, chosen: Settings, exchange: HttpExchange, tls: ServerTls | None) -> None:
        self._settings = chosen
        self._tls = tls
        self._exchange = exchange
        self._server: Server
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the door, if there is one.

        Raises:
            DoorClosed: its address is taken, or what serves it is not installed.
        """
        if not self._settings.peers.http:
            return
        tls = self._tls.context if self._tls else None
        self._server = _server(self._exchange, tls, math.ceil(self._settings.limits.stop_seconds))
        bound = _bound(self._settings.peers.http)
        self._serving = asyncio.create_task(self._server.serve([bound]), name="HTTP door")
        while not (self._server.started or self._serving.done()):  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)
        if self._serving.done():
            self._serving.result()  # Raises what kept it from opening.

    async def close(self) -> None:
        """Close the door: nothing new comes in, what is under way has the grace of the settings."""
        if self._serving is None:
            return
        self._exchange.stopping = True
        self._server.should_exit = True
        await self._serving
        self._serving = None


def _server(exchange: HttpExchange, tls: ssl.SSLContext | None, grace: int) -> "Server":
    try:
        from tongban.federation.transport.http_server import Server
    except ImportError:
        raise DoorClosed("[peers] http is set, but not installed: pip install 'tongban[http]'") from None
    return Server(exchange, tls, grace)


def _bound(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        bound = socket.create_server((host.strip("[]"), int(port)), family=_family(host))
    except (OSError, OverflowError):
        sentence = "the address of the HTTP door is taken, or is none of this machine: change [peers] http in node.toml"
        raise DoorClosed(sentence) from None
    # Connections inherit it; asyncio sets it only where a socket names its protocol. Without, answers take 40 ms more.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET

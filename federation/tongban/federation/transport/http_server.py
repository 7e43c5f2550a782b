"""uvicorn as the HTTP door needs it: whoever connects and brings nothing keeps nobody from coming in."""

import asyncio
import socket
import ssl
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tongban.federation.load.slots import Slots

HEAD_SECONDS = 10.0
"""How long a handshake may take, and then the head of a request."""

_MOST, _MOST_EACH = 1000, 500
"""Connections in all, and from one address: a gateway is one."""

_IDLE_SECONDS = 75
"""How long a connection is kept after a response: longer than those who ask keep theirs."""

_FAREWELL_SECONDS = 1.0
"""How long a peer may take to answer the end of TLS: else a node that stops would wait for every idle connection."""


class Connection(H11Protocol):
    """A connection, dropped if there are too many or a request's head does not come in time."""

    def __init__(self, slots: Slots, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._slots = slots
        self._who: str | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, or drop the connection if there is none."""
        super().connection_made(transport)
        who = self.client[0] if self.client else ""
        if not self._slots.take(who):
            transport.abort()
            return
        self._who = who
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what comes; a head that has begun has to end."""
        super().data_received(data)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        super().connection_lost(exc)
        self._forget_deadline()
        if self._who is not None:
            self._slots.give_back(self._who)
            self._who = None

    def _await_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """Serves an application; signals are not its own."""

    def __init__(self, application: Any, tls: ssl.SSLContext | None, grace: int) -> None:
        """Prepare a server that gives requests under way so many seconds when it stops."""
        config = uvicorn.Config(
            application,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=grace,
        )
        super().__init__(config)
        self._tls = tls
        self._slots = Slots(_MOST, _MOST_EACH)

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals to the node."""
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; uvicorn itself would let a handshake take a minute, and a farewell half of one."""
        loop, backlog = asyncio.get_running_loop(), self.config.backlog
        tls: dict[str, Any] = {}
        if self._tls:
            times = {"ssl_handshake_timeout": HEAD_SECONDS, "ssl_shutdown_timeout": _FAREWELL_SECONDS}
            tls = {"ssl": self._tls, **times}
        self.servers = [
            await loop.create_server(self._connection, sock=one, backlog=backlog, **tls) for one in sockets or []
        ]
        self.started = True

    def _connection(self) -> Connection:
        state: dict[str, Any] = {}
        return Connection(self._slots, config=self.config, server_state=self.server_state, app_state=state)

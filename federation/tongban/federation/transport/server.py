"""Starts and stops the three doors."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.federation.arities import Arities
from tongban.federation.calls import Door
from tongban.federation.carriers.certificates import TrustBundle, WindowsCertificate
from tongban.federation.carriers.identity import OwnIdentity
from tongban.federation.carriers.server_tls import ServerTls
from tongban.federation.exchange import frames, messages
from tongban.federation.policies import POLICIES
from tongban.federation.resources import Resources
from tongban.federation.transport import replies
from tongban.federation.transport.closed import DoorClosed
from tongban.federation.transport.doors import Ask, CallDoor
from tongban.federation.transport.http_door import HttpDoor
from tongban.federation.transport.http_exchange import HttpExchange
from tongban.federation.transport.peers import LinkDoor, PeerCertificates
from tongban.federation.transport.stream_door import StreamDoor
from tongban.federation.transport.under_way import UnderWay

_RECEIVED = 2 * replies.MOST_MESSAGE
"""Most bytes of a message that gRPC takes in: so much is refused by the node, in its words, and more by gRPC."""

_MORE_STREAMS = 100
"""By so much a peer's connection may exceed the streams that it may have: those the node refuses in its words, while
what is beyond would wait at the peer without a word."""

MOST_SOCKET_PATH = 107

_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A client that is gone without a word is noticed, so that what it had asked ends.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    # What is on its way in does not pile up in memory: gRPC would otherwise let a quick sender run ahead of a busy node
    # by as much as it takes the line to hold, which under load it overrates by tens of MiB.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1 << 20),
    # No compression: gRPC unpacks a message whole before it looks at its size.
    ("grpc.compression_enabled_algorithms_bitset", 1),
]


class Doors:
    """The windows', the peers' and the operators' door of one node."""

    def __init__(
        self, resources: Resources, own: OwnIdentity, ask: Ask, arities: Arities, seen: Callable[[str], None]
    ) -> None:
        """Prepare the doors.

        Raises:
            DoorClosed: the path of the operators' door is too long.
        """
        settings, keeper, clock = resources.settings, resources.keeper, resources.clock
        self._settings, self._keeper, self._admission = settings, keeper, resources.admission
        self._brought = list(resources.registry.services)
        self._socket = _checked_socket(resources.home / settings.admin.socket)
        certificates, self._under_way = PeerCertificates(keeper, clock), UnderWay()
        admission = resources.admission
        self._windows = CallDoor(Door.WINDOWS, settings.member, ask, self._under_way, admission.window, arities)
        self._admin = CallDoor(Door.ADMIN, settings.member, ask, self._under_way)
        asked, credit = admission.at_peers_door(ask), settings.limits.link_questions
        self._links = LinkDoor(settings.member, asked, self._under_way, certificates, seen, credit)
        files = resources.home / settings.keys.node, resources.home / settings.keys.certificate
        tls = ServerTls(own, *files) if settings.peers.http_tls else None
        self._http = HttpDoor(settings, HttpExchange(asked, seen, self._proven, credit), tls)
        self._peer_streams = StreamDoor(settings.member, ask, self._under_way, certificates, admission.stream)
        self._certificate, self._bundle = WindowsCertificate(own), TrustBundle(own, keeper)
        self._health = health.aio.HealthServicer()
        self._servers: list[grpc.aio.Server] = []

    async def open(self) -> None:
        """Open the doors.

        Raises:
            DoorClosed: an address is taken or cannot be used.
        """
        await self._http.open()
        try:
            await self._open_windows()
            await self._open_peers()
            await self._open_admin()
        except DoorClosed:
            await self._http.close()
            await self._servers[-1].start()  # gRPC waits at exit for a server that was never started.
            await asyncio.gather(*(server.stop(None) for server in self._servers))
            raise
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close the doors: nothing new comes in, what is under way ends or is ended after the grace of the settings."""
        await self._health.enter_graceful_shutdown()
        for door in (self._windows, self._admin, self._peer_streams):
            door.stop_streams()
        self._links.stop_links()
        grace = self._settings.limits.stop_seconds
        stopping = [asyncio.create_task(server.stop(grace)) for server in self._servers]
        stopping.append(asyncio.create_task(self._http.close()))
        await self._under_way.end(grace)  # gRPC would also wait for clients that are connected and ask nothing.
        await asyncio.gather(*(server.stop(None) for server in self._servers), *stopping)

    def _proven(self, question: Question) -> bool:
        """Return whether members of the directory sealed a question and its hops; count those that none did."""
        fits = messages.sealed_by_members(self._keeper.view, question)
        self._admission.unproven += not fits
        return fits

    async def _open_windows(self) -> None:
        server = self._server(_RECEIVED, self._windows)
        credentials = self._certificate.credentials()
        _listen(lambda: server.add_secure_port(self._settings.windows.listen, credentials), "windows")
        if self._settings.reflection:
            _reflect(server, self._brought)
        await server.start()

    async def _open_peers(self) -> None:
        most_streams = self._settings.limits.peer_question_streams + _MORE_STREAMS
        options = [("grpc.max_concurrent_streams", most_streams)]
        server = self._server(frames.MOST_FRAME, self._links, self._peer_streams, options=options)
        _listen(lambda: server.add_secure_port(self._settings.peers.listen, self._bundle.credentials()), "peers")
        await server.start()

    async def _open_admin(self) -> None:
        path = self._socket
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        path.unlink(missing_ok=True)
        server = self._server(_RECEIVED, self._admin)
        _listen(lambda: server.add_insecure_port(f"unix:{path}"), "admin")
        await server.start()

    def _server(
        self, most_message: int, *doors: grpc.GenericRpcHandler, options: Sequence[tuple[str, int]] = ()
    ) -> grpc.aio.Server:
        options = [*_OPTIONS, ("grpc.max_receive_message_length", most_message), *options]
        server = grpc.aio.server(options=options)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        server.add_generic_rpc_handlers(doors)
        self._servers.append(server)
        return server


def _checked_socket(path: Path) -> Path:
    path = path.absolute()
    if len(os.fsencode(path)) > MOST_SOCKET_PATH:
        raise DoorClosed(f"the path {path} is too long for a socket ({MOST_SOCKET_PATH} bytes): set [admin] socket")
    return path


def _listen(bind: Callable[[], int], door: str) -> None:
    try:
        bind()
    except RuntimeError:
        sentence = f"the address of the {door} door is taken, or is none of this machine: change [{door}] in node.toml"
        raise DoorClosed(sentence) from None


def _reflect(server: grpc.aio.Server, brought: list[str]) -> None:
    try:
        from grpc_reflection.v1alpha import reflection
    except ImportError:
        raise DoorClosed("reflection is on, but not installed: pip install 'tongban[reflection]'") from None
    names = {method[1:].rpartition("/")[0] for method, policy in POLICIES.items() if Door.WINDOWS in policy.doors}
    reflection.enable_server_reflection(
        [*sorted({*names, *brought}), health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )

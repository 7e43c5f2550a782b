"""Bare grpc.aio servers, each in a process of its own: what a call costs before a node does anything for it.

Run as ``python -m tongban.federation.bench.bare KIND HOME [PEER PEER_HOME]``. HOME is the folder of a node, whose key
and certificate the server has; a kind is `echo`, `forward` or `answer`. It writes the address at which it listens, and
ends with its standard input.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from tongban.federation.bench.tls import certificate, host_name, key

Answer = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]

METHOD = "/bare.Bare/Call"


class _Bare(grpc.GenericRpcHandler):
    def __init__(self, answer: Answer) -> None:
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._handler


async def _echo(body: bytes, context: object) -> bytes:
    return body


async def echo(home: Path) -> None:
    """Give bytes back to clients, over TLS as at a windows door."""
    await _serve(_echo, _for_windows(home))


async def answer(home: Path, peer_home: Path) -> None:
    """Give bytes back to a peer, over mutual TLS as at a peers' door."""
    pair, roots = (key(home), certificate(home)), certificate(peer_home)
    await _serve(_echo, grpc.ssl_server_credentials([pair], roots, require_client_auth=True))


async def forward(home: Path, peer: str, peer_home: Path) -> None:
    """Hand bytes on to a peer, and its answer back."""
    async with _dialled(home, peer, peer_home) as ask:

        async def forwarded(body: bytes, context: object) -> bytes:
            return await ask(body)

        await _serve(forwarded, _for_windows(home))


@asynccontextmanager
async def _dialled(
    home: Path, peer: str, peer_home: Path
) -> "AsyncIterator[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]]":
    credentials = grpc.ssl_channel_credentials(certificate(peer_home), key(home), certificate(home))
    options = [("grpc.ssl_target_name_override", host_name(certificate(peer_home)))]
    async with grpc.aio.secure_channel(peer, credentials, options) as channel:
        yield channel.unary_unary(METHOD)


def _for_windows(home: Path) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials([(key(home), certificate(home))])


async def _serve(answer: Answer, credentials: grpc.ServerCredentials) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([_Bare(answer)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


def main(kind: str, home: str, peer: str = "", peer_home: str = "") -> None:
    """Serve until standard input ends."""
    match kind:
        case "echo":
            asyncio.run(echo(Path(home)))
        case "answer":
            asyncio.run(answer(Path(home), Path(peer_home)))
        case "forward":
            asyncio.run(forward(Path(home), peer, Path(peer_home)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the tests of both clients use: a little node behind TLS, certificates, and one way to drive either client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tongban.api.cases.v1.cases_pb2 import WatchCaseResponse
from tongban.core.client import AsyncClient, Client

from .little_node import Node, Recorder, serve

NODE_NAME, TOKEN = "node.310151.tongban", "window-token"


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key."""

    path: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def server(self) -> grpc.ServerCredentials:
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key = self.key.private_bytes(serialization.Encoding.PEM, *form)
        return grpc.ssl_server_credentials([(key, self.path.read_bytes())])


def make_certificate(path: Path, name: str, issuer: Certificate | None = None, dns: bool = True) -> Certificate:
    """Make a certificate, self-signed unless it has an issuer."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer.certificate.subject if issuer else subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        now - timedelta(days=1),
        now + timedelta(days=1),
    ).add_extension(x509.BasicConstraints(ca=not dns, path_length=None), critical=True)
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Certificate(path, certificate, key)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("node") / "node.crt", NODE_NAME)


@pytest.fixture
def make() -> Callable[..., Certificate]:
    return make_certificate


@pytest.fixture
async def node(certificate: Certificate) -> AsyncIterator[Node]:
    node = Node()
    server = grpc.aio.server(interceptors=[Recorder(node)])
    serve(node, server)
    node.endpoint = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', certificate.server)}"
    await server.start()
    yield node
    await server.stop(None)


class Window:
    """Drives either client by the same words."""

    def __init__(self, kind: type[Client | AsyncClient], node: Node, ca: Path) -> None:
        self._kind, self._node, self._ca = kind, node, ca
        self._clients: list[Client | AsyncClient] = []
        self.dial()

    def dial(self, **settings: Any) -> "Window":
        """Use a client with these settings from now on."""
        defaults = {"endpoint": self._node.endpoint, "token": TOKEN, "ca": self._ca}
        self._clients.append(self._kind(**{**defaults, **settings}))
        return self

    async def ask(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        client = self._clients[-1]
        called = getattr(client, method)
        if isinstance(client, Client):
            return await asyncio.to_thread(called, *arguments, **keywords)
        return await called(*arguments, **keywords)

    async def watch(self, *arguments: Any, **keywords: Any) -> AsyncIterator[WatchCaseResponse]:
        client = self._clients[-1]
        if isinstance(client, AsyncClient):
            updates = client.watch(*arguments, **keywords)
            try:
                async for update in updates:
                    yield update
            finally:
                await updates.aclose()  # type: ignore[attr-defined]
        else:
            threaded = client.watch(*arguments, **keywords)
            try:
                while got := await asyncio.to_thread(lambda: list(islice(threaded, 1))):
                    yield got[0]
            finally:
                threaded.close()  # type: ignore[attr-defined]

    async def close(self) -> None:
        while self._clients:
            await self.ask("close")
            self._clients.pop()


@pytest.fixture(params=[AsyncClient, Client], ids=["async", "sync"])
async def window(request: pytest.FixtureRequest, node: Node, certificate: Certificate) -> AsyncIterator[Window]:
    window = Window(request.param, node, certificate.path)
    yield window
    await window.close()

"""TLS between nodes: whom the directory lists is trusted, by certificate, in the handshake and again for each frame."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.core.directories import certificate_name
from tongban.core.times import Clock
from tongban.federation.trust.keeper import Keeper
from tongban.federation.trust.view import TrustView


@dataclass(frozen=True, slots=True)
class Identity:
    """TLS key and certificate of this node, PEM."""

    key: bytes
    certificate: bytes

    @classmethod
    def load(cls, key: Path, certificate: Path) -> "Identity":
        """Read both files.

        Raises:
            ValueError: one of them holds nothing of the kind in PEM form, or the key is not the certificate's.
        """
        identity = cls(key.read_bytes(), certificate.read_bytes())
        try:
            public = serialization.load_pem_private_key(identity.key, password=None).public_key()
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise ValueError(f"{key} holds no private key in PEM form without pass phrase") from None
        try:
            certified = x509.load_pem_x509_certificate(identity.certificate).public_key()
        except ValueError:
            raise ValueError(f"{certificate} holds no certificate in PEM form") from None
        if public != certified:
            raise ValueError(f"{certificate} is not the certificate of the key in {key}")
        return identity


def member_of(certificate_pem: bytes, keeper: Keeper, clock: Clock) -> str | None:
    """Return the member to which the directory gives a certificate that is in force now."""
    der, not_after = _parsed(certificate_pem)
    return keeper.view.member_of_certificate(der) if clock() < not_after else None


def channel_credentials(identity: Identity, peer: Member) -> grpc.ChannelCredentials:
    """Return credentials that trust exactly the certificates that the directory lists for a peer."""
    roots = b"".join(_pem(node.certificate) for node in peer.nodes)
    return grpc.ssl_channel_credentials(roots, identity.key, identity.certificate)


def server_name(peer: Member) -> str:
    """Return the name that the peer's certificate bears."""
    return certificate_name(peer.nodes[0].certificate)


class TrustBundle:
    """The peer door's credentials, renewed from the directory between handshakes."""

    def __init__(self, identity: Identity, keeper: Keeper) -> None:
        self._identity = identity
        self._keeper = keeper
        self._view: TrustView | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that ask every peer for a certificate of the directory."""
        first = self._configuration()
        return grpc.dynamic_ssl_server_credentials(first, self._renewed, require_client_authentication=True)

    def _renewed(self) -> grpc.ServerCertificateConfiguration:
        unchanged: Any = None  # What grpc takes for "as before"; its stubs do not know it.
        return unchanged if self._keeper.view is self._view else self._configuration()

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        self._view = self._keeper.view
        roots = [_pem(node.certificate) for member in self._view.members.values() for node in member.nodes]
        bundle = b"".join(roots) or self._identity.certificate
        pair = (self._identity.key, self._identity.certificate)
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=bundle)


@lru_cache(maxsize=4096)
def _parsed(certificate_pem: bytes) -> tuple[bytes, datetime]:
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return certificate.public_bytes(Encoding.DER), certificate.not_valid_after_utc.astimezone(UTC)


@lru_cache(maxsize=4096)
def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)

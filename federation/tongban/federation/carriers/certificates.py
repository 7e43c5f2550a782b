"""TLS between nodes: whom the directory lists is trusted, by certificate, in the handshake and again for each frame."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tongban.api.documents.v1.documents_pb2 import Member
from tongban.core.directories import certificate_name
from tongban.core.times import Clock
from tongban.federation.carriers.identity import Identity, OwnIdentity
from tongban.federation.exchange.endpoints import Address
from tongban.federation.trust.keeper import Keeper
from tongban.federation.trust.view import TrustView


def member_of(certificate_pem: bytes, keeper: Keeper, clock: Clock) -> str | None:
    """Return the member to which the directory gives a certificate that is in force now."""
    der, not_after = _parsed(certificate_pem)
    return keeper.view.member_of_certificate(der) if clock() < not_after else None


@dataclass(frozen=True, slots=True)
class Target:
    """What a link is dialled with: where to, whom to trust there, and as whom."""

    address: Address
    certificates: tuple[bytes, ...]
    """Those that the directory lists there (DER): while one rolls, the next is announced beside it."""
    identity: Identity

    def credentials(self) -> grpc.ChannelCredentials:
        """Return credentials that trust exactly these certificates."""
        roots = b"".join(map(_pem, self.certificates))
        return grpc.ssl_channel_credentials(roots, self.identity.key, self.identity.certificate)


def targets_of(peer: Member, identity: Identity) -> dict[Address, Target]:
    """Return what can be dialled to reach a peer, by address, in the order of the directory."""
    certificates: dict[Address, tuple[bytes, ...]] = {}
    for node in peer.nodes:
        address = Address(node.endpoint, certificate_name(node.certificate))
        certificates[address] = (*certificates.get(address, ()), node.certificate)
    return {address: Target(address, listed, identity) for address, listed in certificates.items()}


class WindowsCertificate:
    """The windows door's credentials: what the node's files hold is shown from the next handshake on."""

    def __init__(self, own: OwnIdentity) -> None:
        self._own = own
        self._shown = own.current

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that ask nobody for a certificate."""
        return grpc.dynamic_ssl_server_credentials(_shown(self._shown), self._renewed)

    def _renewed(self) -> grpc.ServerCertificateConfiguration:
        before, self._shown = self._shown, self._own.current
        return _UNCHANGED if before is self._shown else _shown(self._shown)


class TrustBundle:
    """The peer door's credentials, renewed between handshakes from the directory and the node's files."""

    def __init__(self, own: OwnIdentity, keeper: Keeper) -> None:
        self._own = own
        self._keeper = keeper
        self._made_of: tuple[TrustView, Identity] = keeper.view, own.current

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that ask every peer for a certificate of the directory."""
        first = self._configuration()
        return grpc.dynamic_ssl_server_credentials(first, self._renewed, require_client_authentication=True)

    def _renewed(self) -> grpc.ServerCertificateConfiguration:
        view, identity = self._made_of
        unchanged = self._keeper.view is view and self._own.current is identity
        return _UNCHANGED if unchanged else self._configuration()

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        self._made_of = view, identity = self._keeper.view, self._own.current
        roots = [_pem(node.certificate) for member in view.members.values() for node in member.nodes]
        return _shown(identity, b"".join(roots) or identity.certificate)


_UNCHANGED = cast(grpc.ServerCertificateConfiguration, None)
"""What grpc takes for "as before"; its stubs do not know it."""


def _shown(identity: Identity, roots: bytes | None = None) -> grpc.ServerCertificateConfiguration:
    pair = (identity.key, identity.certificate)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=roots)


@lru_cache(maxsize=4096)
def _parsed(certificate_pem: bytes) -> tuple[bytes, datetime]:
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    return certificate.public_bytes(Encoding.DER), certificate.not_valid_after_utc.astimezone(UTC)


@lru_cache(maxsize=4096)
def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)

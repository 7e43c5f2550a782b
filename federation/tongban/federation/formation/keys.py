"""Keys and certificates of a new node or authority, and the files that hold them."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tongban.api.documents.v1.documents_pb2 import PublicKey
from tongban.core.signing import read_public_pem
from tongban.federation.formation.errors import FormationError, read_file

VALID = timedelta(days=730)
"""How long a node's certificate is valid."""

_CLOCKS_DIFFER = timedelta(hours=1)


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, if it is not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, in a folder that only its owner can enter; it must be new."""
    private_folder(path.parent)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, data: bytes) -> None:
    """Put a file that only its owner can read in the place of the present one, if any, all at once and durably."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    write_private(unfinished, data)
    put_in_place(unfinished, path)


def put_in_place(new: Path, path: Path) -> None:
    """Give a file the name of another one in its folder, durably."""
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def node_host(member: str) -> str:
    """Return the name that the certificates of a member's nodes have, whatever their addresses are."""
    return f"node.{member}.tongban"


def node_certificate(member: str, key: ec.EllipticCurvePrivateKey, hosts: set[str], now: datetime) -> x509.Certificate:
    """Return a self-signed certificate for both sides of TLS; the directory vouches for it, no authority is needed.

    It names the member and the hosts at which the node is called.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node_host(member))])
    names = [node_host(member), *sorted(hosts | {"localhost", "127.0.0.1"})]
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _CLOCKS_DIFFER,
        not_valid_after=now + VALID,
    )
    for extension, critical in _extensions(key, names):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def _extensions(key: ec.EllipticCurvePrivateKey, names: list[str]) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)  # digital signature only
    return [
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def tls_key() -> ec.EllipticCurvePrivateKey:
    """Make the TLS key of a node."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def certificate_der(certificate: x509.Certificate) -> bytes:
    """Return a certificate as a directory lists it."""
    return certificate.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True)
class OneKey:
    """The one key that somebody trusts, whichever member's it is."""

    public_key: PublicKey

    def key(self, member: str, key_id: str) -> PublicKey | None:
        """Return the key if its id is asked for."""
        return self.public_key if key_id == self.public_key.key_id else None


def read_public_key(path: Path, what: str) -> PublicKey:
    """Read a public key in PEM form.

    Raises:
        FormationError: the file holds no Ed25519 or P-256 key.
    """
    try:
        return read_public_pem(read_file(path, what))
    except (ValueError, UnsupportedAlgorithm):
        problem = "it holds no Ed25519 or P-256 key in PEM form; use the file that was made for this"
        raise FormationError(f"{path} is no {what}", [problem]) from None

"""Keys and certificates of the nodes that are measured, for those who stand in their place or call them."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tongban.core.directories import certificate_name
from tongban.federation.settings import KeyFiles


def key(home: Path) -> bytes:
    """Return a node's TLS key, PEM."""
    return (home / KeyFiles().node).read_bytes()


def certificate(home: Path) -> bytes:
    """Return a node's certificate, PEM."""
    return (home / KeyFiles().certificate).read_bytes()


def host_name(pem: bytes) -> str:
    """Return the name that a node's certificate bears."""
    return certificate_name(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))

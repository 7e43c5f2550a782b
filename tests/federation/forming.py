"""Nodes and agreements that are to be made, and what an authority publishes as nodes believe it."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tongban.api.documents.v1.documents_pb2 import (
    KEY_ALGORITHM_P256,
    PublicKey,
    SignedDocument,
)
from tongban.core.documents import Authorities, Believed, believed
from tongban.core.sealing import KeyRing
from tongban.core.signing import key_id_of
from tongban.federation.formation import (
    NewNode,
)

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
CHONGMING, QIDONG = "310151", "320681"


def new_node(member: str = CHONGMING, **changes: object) -> NewNode:
    """Return a node to be made."""
    plain = {"name": "上海市崇明区", "windows": "127.0.0.1:7400", "peers": "127.0.0.1:7401"}
    return NewNode(member, **{**plain, **changes})  # type: ignore[arg-type]


def public_key(pem: Path) -> PublicKey:
    """Return an authority's public key as nodes trust it."""
    key = serialization.load_pem_public_key(pem.read_bytes())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key_id=key_id_of(der), algorithm=KEY_ALGORITHM_P256, public_key=der)


def believed_by(threshold: int, signed: SignedDocument, *authorities: Path) -> Believed:
    """Return the directory as a node believes it that trusts these authorities."""
    trusted = Authorities(tuple(public_key(folder / "authority.pem") for folder in authorities), threshold)
    return believed(signed, trusted, KeyRing({}))


TERMS = """
name = "registration"
parties = ["320681", "310151"]
contact = "启东市行政审批局 0513-00000000"
valid_days = 365

[[lookup]]
id = "identity"
asking = "320681"
answering = "310151"
method = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
purposes = ["公司变更登记"]
consent_required = true
until = 2027-06-30

[[case]]
id = "registration"
intake = "310151"
handling = "320681"
items = ["00013112700402"]
mode = "proxy_intake"
"""

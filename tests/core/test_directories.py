"""A directory in which a member stands in another's place, or whose nodes cannot be known, is not believed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tongban.api.documents.v1.documents_pb2 import (
    KEY_ALGORITHM_X25519,
    Directory,
    Member,
    Node,
    PublicKey,
    SignedDocument,
)
from tongban.core import codes
from tongban.core.directories import certificate_name, check_directory
from tongban.core.documents import Authorities, believed, document_leaf, new_document
from tongban.core.encryption import DecryptionKeys, generate_encryption_key
from tongban.core.errors import Refusal
from tongban.core.sealing import KeyRing, seal_all
from tongban.core.signing import LocalSigner, generate_key

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
CHONGMING, QIDONG = "310151", "320681"
AUTHORITY = LocalSigner(generate_key())


def certificate(*names: x509.GeneralName) -> bytes:
    """Return a certificate with these names, DER."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), NOW, NOW + timedelta(days=1)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def member(id_: str) -> Member:
    """Return a member with a key and a node of its own."""
    own = certificate(x509.DNSName(f"node.{id_}.tongban"))
    node = Node(endpoint=f"node.{id_}.example:7401", certificate=own)
    keys, encryption = [LocalSigner(generate_key()).public_key], DecryptionKeys([generate_encryption_key()]).public_keys
    return Member(id=id_, name="示例", keys=keys, nodes=[node], encryption_keys=encryption)


def rule_for(*members: Member) -> str:
    """Return the rule for which a directory that its authority signed is refused, empty if it is believed."""
    document = new_document(
        Directory(federation="示例", members=members), 1, NOW, timedelta(days=1), timedelta(days=2)
    ).SerializeToString()
    seals = asyncio.run(seal_all(AUTHORITY, [document_leaf(document)]))
    try:
        trusted = Authorities((AUTHORITY.public_key,), 1)
        believed(SignedDocument(document=document, seals=seals), trusted, KeyRing({}))
    except Refusal as refusal:
        return refusal.rule if refusal.code is codes.DOCUMENT_INVALID else refusal.code.name
    return ""


def test_members_with_keys_and_nodes_of_their_own_are_listed() -> None:
    two = member(CHONGMING)
    two.nodes.append(member(CHONGMING).nodes[0])
    two.keys.append(member(CHONGMING).keys[0])
    assert rule_for(two, member(QIDONG)) == ""


@pytest.mark.parametrize("what", ["certificate", "key"])
def test_nobody_is_listed_with_what_is_anothers(what: str) -> None:
    one, other = member(CHONGMING), member(QIDONG)
    if what == "key":
        other.keys.append(one.keys[0])
    else:
        other.nodes.append(one.nodes[0])
    told = f"{CHONGMING} and {QIDONG} are listed with the same {what}; each must have its own"
    assert rule_for(one, other) == told


def test_nobody_is_listed_twice() -> None:
    assert rule_for(member(CHONGMING), member(CHONGMING)).startswith(f"{CHONGMING} is listed twice")


@pytest.mark.parametrize(
    ("der", "problem"),
    [
        (b"no certificate", "cannot be read"),
        (certificate(), "has no DNS name"),
        (certificate(x509.RFC822Name("office@example.cn")), "has no DNS name"),
    ],
)
def test_a_node_that_cannot_be_known_by_its_certificate_is_named(der: bytes, problem: str) -> None:
    odd = Member(id=QIDONG, nodes=[Node(endpoint="node.example:7401", certificate=der)])
    told = f"the certificate of the node node.example:7401 of {QIDONG} {problem}"
    assert check_directory(Directory(members=[odd])) == told
    odd.MergeFrom(Member(name="示例", keys=[LocalSigner(generate_key()).public_key]))
    assert rule_for(member(CHONGMING), odd) == told


def test_the_name_of_a_certificate_is_its_first_dns_name() -> None:
    names = [x509.RFC822Name("office@example.cn"), x509.DNSName("one.example"), x509.DNSName("two.example")]
    assert certificate_name(certificate(*names)) == "one.example"


def test_nobody_reads_what_is_encrypted_for_another() -> None:
    one, two = member(CHONGMING), member(QIDONG)
    two.encryption_keys.append(one.encryption_keys[0])
    assert rule_for(one, two) == f"{CHONGMING} and {QIDONG} are listed with the same key; each must have its own"


def test_an_encryption_key_is_one_and_what_its_id_says() -> None:
    for key in (member(CHONGMING).keys[0], PublicKey(key_id="0", algorithm=KEY_ALGORITHM_X25519, public_key=b"x")):
        wrong = member(CHONGMING)
        wrong.encryption_keys.append(key)
        rule = f"the encryption key {key.key_id} of {CHONGMING} is no X25519 key, or not what its id says"
        assert rule_for(wrong) == rule

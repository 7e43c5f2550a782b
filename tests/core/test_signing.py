"""Signatures of both algorithms; what leaves for people is verified by the OpenSSL command itself."""

import asyncio
import shlex
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tongban.api.common.v1.common_pb2 import Paper
from tongban.api.documents.v1.documents_pb2 import KEY_ALGORITHM_ED25519, KEY_ALGORITHM_P256, PublicKey
from tongban.core.papers import NO_SEAL, paper
from tongban.core.signing import (
    LocalSigner,
    generate_key,
    key_id_of,
    openssl_command,
    private_pem,
    public_key_of,
    public_pem,
    read_public_pem,
    signature_is_right,
)

ALGORITHMS = [KEY_ALGORITHM_ED25519, KEY_ALGORITHM_P256]
ISSUER = "310151"

KEYS = {algorithm: generate_key(algorithm) for algorithm in ALGORITHMS}
OTHER_KINDS: dict[str, PrivateKeyTypes] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p-384": ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": ec.generate_private_key(ec.SECP256K1()),
    "ed448": ed448.Ed448PrivateKey.generate(),
}


@pytest.fixture(params=ALGORITHMS, ids=["ed25519", "p256"])
def signer(request: pytest.FixtureRequest) -> LocalSigner:
    return LocalSigner(KEYS[request.param])


def pem(key: PrivateKeyTypes, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def public_der(key: PrivateKeyTypes) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def openssl(key: PublicKey, signed: Paper, content: bytes, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command that people get, on files whose names have spaces."""
    files = [folder / name for name in ("the key.pem", "the paper.sig", "告知单 1.txt")]
    for file, data in zip(files, (public_pem(key), signed.signature, content), strict=True):
        file.write_bytes(data)
    key_file, signature_file, content_file = map(str, files)
    command = openssl_command(key, key_file=key_file, signature_file=signature_file, content_file=content_file)
    return subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)


def flips(data: bytes) -> list[bytes]:
    """Return the data with each single bit turned."""
    whole = int.from_bytes(data, "big")
    return [(whole ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]


async def test_a_signature_is_over_exactly_these_bytes_by_exactly_this_key(signer: LocalSigner) -> None:
    signature = await signer.sign(b"notice")
    assert signature_is_right(signer.public_key, signature, b"notice")
    assert not signature_is_right(signer.public_key, signature, b"notice ")
    other = LocalSigner(generate_key(signer.public_key.algorithm))
    assert not signature_is_right(other.public_key, signature, b"notice")
    assert not signature_is_right(signer.public_key, b"", b"notice")


def test_no_altered_signature_is_right(signer: LocalSigner) -> None:
    signature = signer.sign_now(b"notice")
    assert [flip for flip in flips(signature) if signature_is_right(signer.public_key, flip, b"notice")] == []


def test_an_altered_key_verifies_nothing_and_raises_nothing(signer: LocalSigner) -> None:
    signature, key = signer.sign_now(b"notice"), signer.public_key
    for altered in flips(key.public_key):
        listed = PublicKey(key_id=key.key_id, algorithm=key.algorithm, public_key=altered)
        if signature_is_right(listed, signature, b"notice"):  # the point in its hybrid form is the same key
            assert serialization.load_der_public_key(altered) == serialization.load_der_public_key(key.public_key)


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_listed_key_of_another_kind_verifies_nothing(kind: str) -> None:
    der = public_der(OTHER_KINDS[kind])
    for algorithm in ALGORITHMS:
        key = PublicKey(key_id=key_id_of(der), algorithm=algorithm, public_key=der)
        assert not signature_is_right(key, b"signature", b"notice")


def test_a_key_on_another_curve_is_no_p256_key_even_if_its_signature_fits() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    signature = key.sign(b"notice", ec.ECDSA(hashes.SHA256()))
    listed = PublicKey(key_id="k", algorithm=KEY_ALGORITHM_P256, public_key=public_der(key))
    assert not signature_is_right(listed, signature, b"notice")


def test_the_listed_algorithm_must_be_the_keys_own(signer: LocalSigner) -> None:
    signature, key = signer.sign_now(b"notice"), signer.public_key
    for algorithm in {0, *ALGORITHMS} - {key.algorithm}:
        other = PublicKey(key_id=key.key_id, algorithm=algorithm, public_key=key.public_key)  # type: ignore[arg-type]
        assert not signature_is_right(other, signature, b"notice")


def test_openssl_alone_verifies_a_paper(signer: LocalSigner, tmp_path: Path) -> None:
    signed = asyncio.run(paper(signer, ISSUER, "收件告知单", ["收件编号:SJ-310151-20261121-0001"]))
    run = openssl(signer.public_key, signed, signed.content, tmp_path)
    assert run.returncode == 0, run.stderr
    assert "Verified" in run.stdout


def test_openssl_refuses_a_paper_in_which_one_byte_was_altered(signer: LocalSigner, tmp_path: Path) -> None:
    signed = asyncio.run(paper(signer, ISSUER, "收件告知单", ["收件编号:SJ-310151-20261121-0001"]))
    for place in (0, len(signed.content) // 2, len(signed.content) - 1):
        altered = bytearray(signed.content)
        altered[place] ^= 0x01
        assert openssl(signer.public_key, signed, bytes(altered), tmp_path).returncode != 0


def test_a_paper_says_who_issues_it_what_it_is_and_that_it_bears_no_seal(signer: LocalSigner) -> None:
    signed = asyncio.run(paper(signer, ISSUER, "准予决定书", ["第一行", "第二行"]))
    assert (signed.issuer, signed.title, signed.key_id) == (ISSUER, "准予决定书", signer.public_key.key_id)
    assert signed.media_type == "text/plain; charset=utf-8"
    assert signed.content.decode().splitlines() == ["准予决定书", "", "第一行", "第二行", "", NO_SEAL]


def test_a_key_is_read_back_from_its_file(signer: LocalSigner, tmp_path: Path) -> None:
    file = tmp_path / "organisation.key"
    file.write_bytes(private_pem(KEYS[signer.public_key.algorithm]))
    loaded = LocalSigner.load(file)
    assert loaded.public_key == signer.public_key
    assert signature_is_right(signer.public_key, loaded.sign_now(b"notice"), b"notice")


@pytest.mark.parametrize(
    "content",
    [
        *(pytest.param(pem(key), id=kind) for kind, key in OTHER_KINDS.items()),
        pytest.param(pem(KEYS[KEY_ALGORITHM_P256], b"pass phrase"), id="with a pass phrase"),
        pytest.param(public_pem(public_key_of(KEYS[KEY_ALGORITHM_P256])), id="public"),
        pytest.param(b"", id="empty"),
        pytest.param("-----BEGIN PRIVATE KEY-----\n密钥\n".encode(), id="no PEM"),
    ],
)
def test_a_file_without_a_key_of_ours_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "organisation.key"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"organisation\.key holds no Ed25519 or P-256 key"):
        LocalSigner.load(file)


def test_a_public_key_is_read_back_from_its_pem(signer: LocalSigner) -> None:
    assert read_public_pem(public_pem(signer.public_key)) == signer.public_key


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_public_key_of_another_kind_is_refused(kind: str) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    other = OTHER_KINDS[kind].public_key().public_bytes(serialization.Encoding.PEM, form)
    with pytest.raises(ValueError, match="no Ed25519 or P-256 public key"):
        read_public_pem(other)


def test_rfc_8032_first_vector() -> None:
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signer = LocalSigner(ed25519.Ed25519PrivateKey.from_private_bytes(secret))
    assert signer.public_key.public_key == bytes.fromhex("302a300506032b6570032100") + public
    assert signer.sign_now(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )


def test_the_id_of_a_key_is_the_beginning_of_its_digest(signer: LocalSigner) -> None:
    key = signer.public_key
    assert key.key_id == key_id_of(key.public_key) == sha256(key.public_key).hexdigest()[:32]


def test_a_key_of_another_kind_is_no_signers() -> None:
    with pytest.raises(ValueError, match="no Ed25519 or P-256 key"):
        LocalSigner(ec.generate_private_key(ec.SECP384R1()))

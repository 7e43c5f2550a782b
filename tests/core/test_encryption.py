"""Bytes that only their receiver can read, and keys for that."""

import hmac
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tongban.api.documents.v1.documents_pb2 import KEY_ALGORITHM_P256, KEY_ALGORITHM_X25519, PublicKey
from tongban.core.encryption import (
    OVERHEAD,
    DecryptionKeys,
    Unreadable,
    encrypt,
    generate_encryption_key,
    is_encryption_key,
)
from tongban.core.signing import generate_key, private_pem, public_key_of

NEW, OLD = generate_encryption_key(), generate_encryption_key()
KEYS = DecryptionKeys([NEW, OLD])
SECRET = "钱塘丁".encode() * 100


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_what_was_encrypted_for_any_of_the_keys_opens(place: int, size: int) -> None:
    key, data = KEYS.public_keys[place], b"x" * size
    hidden = encrypt(key, data, b"info")
    assert len(hidden) == size + OVERHEAD
    assert KEYS.decrypt(key.key_id, hidden, b"info") == data


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    one, two = [encrypt(KEYS.public_keys[0], SECRET, b"") for _ in range(2)]
    assert "钱塘丁".encode() not in one
    assert one != two


def test_it_opens_for_nothing_else() -> None:
    key, other = KEYS.public_keys
    hidden = encrypt(key, SECRET, b"info")
    changed = bytes([*hidden[:-1], hidden[-1] ^ 1])
    for key_id, data, info in [
        (key.key_id, hidden, b"other info"),
        (key.key_id, changed, b"info"),
        (key.key_id, hidden[:-1], b"info"),
        (key.key_id, b"", b"info"),
        (key.key_id, bytes(200), b"info"),
        (other.key_id, hidden, b"info"),
        ("0" * 32, hidden, b"info"),
    ]:
        with pytest.raises(Unreadable):
            KEYS.decrypt(key_id, data, info)


def test_keys_are_read_from_one_file_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "encryption.key"
    file.write_bytes(private_pem(NEW) + b"\nthe one before:\n" + private_pem(OLD))
    assert DecryptionKeys.load(file).public_keys == KEYS.public_keys


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", private_pem(generate_key()), private_pem(NEW) + private_pem(generate_key())],
    ids=["empty", "garbage", "a signing key", "a signing key besides"],
)
def test_a_file_with_other_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "encryption.key"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"encryption\.key holds no X25519 keys"):
        DecryptionKeys.load(file)


def test_a_listed_key_must_be_one() -> None:
    right, signing = KEYS.public_keys[0], public_key_of(generate_key())
    assert is_encryption_key(right)
    for wrong in [
        signing,
        PublicKey(key_id=signing.key_id, algorithm=KEY_ALGORITHM_X25519, public_key=signing.public_key),
        PublicKey(key_id=right.key_id, algorithm=KEY_ALGORITHM_P256, public_key=right.public_key),
        PublicKey(key_id="0" * 32, algorithm=KEY_ALGORITHM_X25519, public_key=right.public_key),
        PublicKey(key_id=right.key_id, algorithm=KEY_ALGORITHM_X25519, public_key=b"garbage"),
    ]:
        assert not is_encryption_key(wrong)
    with pytest.raises(ValueError, match="no X25519 key"):
        encrypt(signing, SECRET, b"")


def test_another_implementation_of_the_rfc_opens_it() -> None:
    """RFC 9180, sections 4.1, 5.1 and 6.1, written out for this suite."""
    hidden = encrypt(KEYS.public_keys[0], SECRET, b"info")
    assert _opened(NEW, hidden, b"info") == SECRET


def _opened(private: X25519PrivateKey, data: bytes, info: bytes) -> bytes:
    encapsulated, ciphertext = data[:32], data[32:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    pseudorandom = _extract(b"", kem, b"eae_prk", shared)
    secret = _expand(pseudorandom, kem, b"shared_secret", encapsulated + private.public_key().public_bytes_raw(), 32)
    context = b"\x00" + _extract(b"", suite, b"psk_id_hash", b"") + _extract(b"", suite, b"info_hash", info)
    pseudorandom = _extract(secret, suite, b"secret", b"")
    key, nonce = (
        _expand(pseudorandom, suite, b"key", context, 32),
        _expand(pseudorandom, suite, b"base_nonce", context, 12),
    )
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def _extract(salt: bytes, suite: bytes, label: bytes, data: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + data, sha256)


def _expand(pseudorandom: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, labelled).derive(pseudorandom)

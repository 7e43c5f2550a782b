"""Keys and plain signatures behind an asynchronous signer: Ed25519 (RFC 8032), ECDSA P-256 with SHA-256 (FIPS 186-5).

A signer is asynchronous because in production a key lives in a device or a signature server. What a signer makes over
some bytes verifies with the OpenSSL command alone; what nodes say to each other is sealed instead
(`tongban.core.sealing`).
"""

import shlex
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tongban.api.documents.v1.documents_pb2 import (
    KEY_ALGORITHM_ED25519,
    KEY_ALGORITHM_P256,
    KeyAlgorithm,
    PublicKey,
)

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
_PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

_ECDSA = ec.ECDSA(hashes.SHA256())


class Signer(Protocol):
    """Signs with one organisation key."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies, as a directory lists it."""
        ...

    async def sign(self, data: bytes) -> bytes:
        """Return a signature over exactly these bytes."""
        ...


class LocalSigner:
    """A signer whose private key is in this process."""

    def __init__(self, private_key: PrivateKey) -> None:
        self._key = private_key
        self._public = public_key_of(private_key)

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies, as a directory lists it."""
        return self._public

    async def sign(self, data: bytes) -> bytes:
        """Return a signature over exactly these bytes."""
        return self.sign_now(data)

    def sign_now(self, data: bytes) -> bytes:
        """Sign without an event loop, as a command line does."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        return self._key.sign(data, _ECDSA)

    @classmethod
    def load(cls, path: Path) -> "LocalSigner":
        """Read a private key in PEM form (PKCS #8), without pass phrase.

        Raises:
            ValueError: the file holds no Ed25519 or P-256 key that can be read without a pass phrase.
        """
        with suppress(TypeError, ValueError, UnsupportedAlgorithm):
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
            if isinstance(key, PrivateKey):
                return cls(key)
        raise ValueError(f"{path} holds no Ed25519 or P-256 key in PEM form without pass phrase")


def generate_key(algorithm: "KeyAlgorithm.ValueType" = KEY_ALGORITHM_P256) -> PrivateKey:
    """Make a new private key."""
    if algorithm == KEY_ALGORITHM_ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: PrivateKey | X25519PrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8), unencrypted: the file's permissions protect it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: PublicKey) -> bytes:
    """Return a public key as PEM, for OpenSSL."""
    return serialization.load_der_public_key(key.public_key).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_key_of(key: PrivateKey) -> PublicKey:
    """Return the public side of a private key, as a directory lists it."""
    return _listed(key.public_key())


def key_id_of(public_key: bytes) -> str:
    """Return the id of a SubjectPublicKeyInfo (DER): the first 32 hexadecimal digits of its SHA-256."""
    return sha256(public_key).hexdigest()[:32]


def signature_is_right(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Say whether a signature over exactly these bytes was made with this key."""
    try:
        public = _loaded(key.public_key)
        if key.algorithm != _algorithm(public):
            return False
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, data)
        else:
            public.verify(signature, data, _ECDSA)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


@lru_cache(maxsize=4096)
def _loaded(public_key: bytes) -> _PublicKey:
    return _ours(serialization.load_der_public_key(public_key))


def openssl_command(key: PublicKey, *, key_file: str, signature_file: str, content_file: str) -> str:
    """Return the OpenSSL command line that verifies a paper without any of our software."""
    if key.algorithm == KEY_ALGORITHM_ED25519:
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key_file, "-rawin"]
        return shlex.join([*command, "-in", content_file, "-sigfile", signature_file])
    return shlex.join(["openssl", "dgst", "-sha256", "-verify", key_file, "-signature", signature_file, content_file])


def read_public_pem(pem: bytes) -> PublicKey:
    """Return a public key from its PEM.

    Raises:
        ValueError: it is no Ed25519 or P-256 key.
    """
    try:
        return _listed(serialization.load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the PEM holds no Ed25519 or P-256 public key") from None


def _listed(public: object) -> PublicKey:
    key = _ours(public)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key_id=key_id_of(der), algorithm=_algorithm(key), public_key=der)


def _ours(public: object) -> _PublicKey:
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return public
    raise ValueError("it is no Ed25519 or P-256 key")


def _algorithm(public: _PublicKey) -> "KeyAlgorithm.ValueType":
    return KEY_ALGORITHM_ED25519 if isinstance(public, ed25519.Ed25519PublicKey) else KEY_ALGORITHM_P256

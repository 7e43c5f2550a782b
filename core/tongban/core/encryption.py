"""Bytes that only their receiver can read: HPKE in base mode, single shot (RFC 9180).

A key of the algorithm X25519 stands for the whole suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. What
is encrypted is the encapsulated key (32 bytes) followed by the ciphertext.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tongban.api.documents.v1.documents_pb2 import KEY_ALGORITHM_X25519, PublicKey
from tongban.core.signing import key_id_of

OVERHEAD = 48
"""Bytes by which what is encrypted is longer than what it holds: the encapsulated key and the tag."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PEM = re.compile(rb"-----BEGIN [^-]+-----.+?-----END [^-]+-----", re.DOTALL)


class Unreadable(Exception):
    """What came does not open with the keys that are there."""


class DecryptionKeys:
    """Private keys of one member, the newest first: what was encrypted for any of them opens."""

    def __init__(self, keys: Sequence[X25519PrivateKey]) -> None:
        self.private_keys = tuple(keys)
        self.public_keys = [_listed(key.public_key()) for key in keys]
        self._by_id = {public.key_id: key for public, key in zip(self.public_keys, keys, strict=True)}

    @classmethod
    def load(cls, path: Path) -> "DecryptionKeys":
        """Read private keys in PEM form (PKCS #8), one after the other in one file, without pass phrase.

        Raises:
            ValueError: the file holds none, or one that is no X25519 key.
        """
        with suppress(TypeError, ValueError, UnsupportedAlgorithm):
            keys = [serialization.load_pem_private_key(pem, password=None) for pem in _PEM.findall(path.read_bytes())]
            ours = [key for key in keys if isinstance(key, X25519PrivateKey)]
            if ours and len(ours) == len(keys):
                return cls(ours)
        raise ValueError(f"{path} holds no X25519 keys in PEM form without pass phrase")

    def decrypt(self, key_id: str, data: bytes, info: bytes) -> bytes:
        """Return what was encrypted for the key with this id, and bound to these bytes.

        Raises:
            Unreadable: there is no such key, or this is not what was encrypted for it.
        """
        key = self._by_id.get(key_id)
        if key is None:
            raise Unreadable("this member has no key with the id that the header names")
        try:
            return _SUITE.decrypt(data, key, info=info)
        except (InvalidTag, ValueError):
            raise Unreadable("it is not what was encrypted for this message and this key") from None


def encrypt(key: PublicKey, data: bytes, info: bytes) -> bytes:
    """Encrypt for the owner of a key; it opens together with exactly the same `info`.

    Raises:
        ValueError: it is no key that `is_encryption_key` accepts.
    """
    return _SUITE.encrypt(data, _public(key.public_key), info=info)


def is_encryption_key(key: PublicKey) -> bool:
    """Say whether a key is one for which can be encrypted, and is what its id says."""
    with suppress(ValueError):
        _public(key.public_key)
        return key.algorithm == KEY_ALGORITHM_X25519 and key.key_id == key_id_of(key.public_key)
    return False


def generate_encryption_key() -> X25519PrivateKey:
    """Make a new private key."""
    return X25519PrivateKey.generate()


def _listed(public: X25519PublicKey) -> PublicKey:
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key_id=key_id_of(der), algorithm=KEY_ALGORITHM_X25519, public_key=der)


@lru_cache(maxsize=4096)
def _public(der: bytes) -> X25519PublicKey:
    with suppress(UnsupportedAlgorithm):
        public = serialization.load_der_public_key(der)
        if isinstance(public, X25519PublicKey):
            return public
    raise ValueError("it is no X25519 key")

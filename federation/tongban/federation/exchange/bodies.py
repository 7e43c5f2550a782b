"""Bodies that nobody on the way can read: encrypted for the receiver, bound to their header."""

import os
from dataclasses import dataclass
from hashlib import sha256

from tongban.api.documents.v1.documents_pb2 import PublicKey
from tongban.api.exchange.v1.exchange_pb2 import Header
from tongban.core import codes, encryption
from tongban.core.encryption import DecryptionKeys, Unreadable
from tongban.core.errors import Refusal
from tongban.core.sealing import committed

SALT = 32

OVERHEAD = SALT + encryption.OVERHEAD
"""Bytes that encryption adds to a body."""

_INFO = b"tongban body v1\x00"


@dataclass(frozen=True, slots=True)
class Held:
    """What an encrypted body holds, as evidence tells it to those who know the content."""

    digest: bytes
    """SHA-256 of what the method takes or gives."""
    salt: bytes


def encrypted(header: Header, body: bytes, key: PublicKey) -> tuple[bytes, Held]:
    """Encrypt a body for the owner of a key; the header, which names sender, receiver, id and method, says so.

    The header commits to the content. Salt in front of it keeps those who read headers from trying guesses.
    """
    held = Held(sha256(body).digest(), os.urandom(SALT))
    header.encryption.key_id = key.key_id
    header.encryption.content_digest = committed(held.salt, held.digest)
    return encryption.encrypt(key, held.salt + body, _info(header)), held


def opened(header: Header, body: bytes, keys: DecryptionKeys) -> tuple[bytes, Held]:
    """Return what an encrypted body holds.

    Raises:
        Refusal: MESSAGE_UNREADABLE.
    """
    try:
        content = keys.decrypt(header.encryption.key_id, body, _info(header))
    except Unreadable as error:
        raise _unreadable(header, str(error)) from None
    salt, plain = content[:SALT], content[SALT:]
    held = Held(sha256(plain).digest(), salt)
    if len(salt) < SALT or committed(salt, held.digest) != header.encryption.content_digest:
        raise _unreadable(header, "it holds something else than the header says")
    return plain, held


def _info(header: Header) -> bytes:
    """Return what binds a body to its header, so that it opens under no other one."""
    parts = [one.encode() for one in (header.sender, header.receiver, header.id, header.method)]
    return _INFO + b"".join(len(one).to_bytes(4, "big") + one for one in (*parts, header.question_digest))


def _unreadable(header: Header, what: str) -> Refusal:
    return Refusal(codes.MESSAGE_UNREADABLE, {"member": header.sender, "what": what})

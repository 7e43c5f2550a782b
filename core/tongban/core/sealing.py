"""Seals: one signature over the Merkle root of everything that leaves together.

Each sealed thing keeps its own path to the root, so it is evidence alone, long after the batch is gone. What was
sealed is bytes with a word in front that says what they are, so that a seal over an act can never pass for one over a
document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.documents.v1.documents_pb2 import KeyAlgorithm, PublicKey
from tongban.core import merkle
from tongban.core.signing import Signer, signature_is_right

MESSAGE, HOP, ACT, EVENT, DOCUMENT, CHECKPOINT, ASSERTION = (
    "message",
    "hop",
    "act",
    "event",
    "document",
    "checkpoint",
    "assertion",
)

_ROOT = b"tongban seal v1\x00"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something to be sealed."""

    kind: str
    """One of the kinds of this module."""
    data: bytes

    def hash(self) -> bytes:
        """Return the leaf's hash in the tree."""
        return merkle.leaf_hash(self.kind.encode() + b"\x00" + self.data)


class Keys(Protocol):
    """Finds the keys of a member."""

    def key(self, member: str, key_id: str) -> PublicKey | None:
        """Return the member's key, or None if the member has no such key."""
        ...


async def seal_all(signer: Signer, leaves: Sequence[Leaf]) -> list[Seal]:
    """Sign all leaves with one signature and return a seal for each, in order."""
    levels = merkle.levels_of([leaf.hash() for leaf in leaves])
    signature = await signer.sign(_statement(levels[-1][0], len(leaves)))
    return [
        Seal(
            key_id=signer.public_key.key_id,
            signature=signature,
            tree_size=len(leaves),
            leaf_index=index,
            path=merkle.path_of(levels, index),
        )
        for index in range(len(leaves))
    ]


def seal_is_right(key: PublicKey, seal: Seal, leaf: Leaf) -> bool:
    """Say whether this key sealed exactly this leaf."""
    root = merkle.root_by_path(leaf.hash(), seal.leaf_index, seal.tree_size, seal.path)
    if root is None or seal.key_id != key.key_id:
        return False
    return _signed_root(key.algorithm, key.public_key, seal.signature, root, seal.tree_size)


def member_sealed(keys: Keys, member: str, seal: Seal, leaf: Leaf) -> bool:
    """Say whether this member, with one of the keys that the directory lists for it, sealed exactly this leaf."""
    key = keys.key(member, seal.key_id)
    return key is not None and seal_is_right(key, seal, leaf)


def committed(salt: bytes, digest: bytes) -> bytes:
    """Return what the header of an encrypted message tells of its content: nothing to those without the salt."""
    return sha256(salt + digest).digest()


def _statement(root: bytes, size: int) -> bytes:
    return _ROOT + size.to_bytes(8, "big") + root


@lru_cache(maxsize=4096)
def _signed_root(
    algorithm: "KeyAlgorithm.ValueType", public_key: bytes, signature: bytes, root: bytes, size: int
) -> bool:
    """Verify a root once for all that was sealed with it."""
    return signature_is_right(PublicKey(algorithm=algorithm, public_key=public_key), signature, _statement(root, size))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by member and key id, as a directory lists them."""

    keys: Mapping[tuple[str, str], PublicKey]

    def key(self, member: str, key_id: str) -> PublicKey | None:
        """Return the member's key, or None if the member has no such key."""
        return self.keys.get((member, key_id))

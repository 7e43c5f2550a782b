"""The Merkle tree of RFC 6962 (SHA-256): roots, paths, and a log that grows."""

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return sha256(b"\x00" + data).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def levels_of(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the tree over these leaf hashes, leaves first; a node without a sibling moves up as it is."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [_node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        levels.append(above + below[len(above) * 2 :])
    return levels


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes; the root of nothing is the hash of nothing."""
    return levels_of(leaves)[-1][0] if leaves else sha256(b"").digest()


def path_of(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root, the leaf's sibling first."""
    path = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index >>= 1
    return path


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root to which a path leads, or None if a tree of this size has no such path."""
    if not 0 <= index < size:
        return None
    node, last, rest = leaf, size - 1, list(path)
    while last:
        if index & 1 or index < last:
            if not rest:
                return None
            sibling = rest.pop(0)
            node = _node_hash(sibling, node) if index & 1 else _node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return node if not rest else None


class GrowingTree:
    """A tree to which leaves are added: it keeps one hash for each complete subtree, so it stays small."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        width = 1
        while self._peaks and self._peaks[-1][0] == width:
            leaf = _node_hash(self._peaks.pop()[1], leaf)
            width *= 2
        self._peaks.append((width, leaf))
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._peaks:
            return sha256(b"").digest()
        node = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            node = _node_hash(peak, node)
        return node

"""Who has passed a message on: each hop bears its member's seal over the message and all hops up to its own."""

from collections.abc import Sequence
from hashlib import sha256

from tongban.api.exchange.v1.exchange_pb2 import Hop
from tongban.core import sealing
from tongban.core.sealing import Keys, Leaf, seal_is_right


def hop_leaf(header: bytes, members: Sequence[str]) -> Leaf:
    """Return what the last of these members seals when it passes on the message with this header."""
    way = "".join(f"{member}\n" for member in members)
    return Leaf(sealing.HOP, sha256(sha256(header).digest() + way.encode()).digest())


def wrong_hop(keys: Keys, header: bytes, hops: Sequence[Hop]) -> str | None:
    """Return the first member whose seal over its hop is wrong, or whose key is not known; None if all are right."""
    members = [hop.member for hop in hops]
    for place, hop in enumerate(hops, 1):
        key = keys.key(hop.member, hop.seal.key_id)
        if key is None or not seal_is_right(key, hop.seal, hop_leaf(header, members[:place])):
            return hop.member
    return None

"""The links that peers have dialled: those of one member share its places, and it may have so many."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.exchange.answering import AnsweredLink, Ask
from tongban.federation.exchange.places import Places

LINKS_PER_NODE = 8
"""Links that each node of a member may have: one for small and one for large questions, for each the old one beside the
new one, and as many again of which this side does not know yet that they broke."""

_LANES = 2
_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class _Peer:
    places: Places
    links: set[AnsweredLink] = field(default_factory=set)


class StandingLinks:
    """Keeps the links while they stand, by the member that dialled them."""

    def __init__(self, ask: Ask, credit: int) -> None:
        """Take how many questions may be under way on one link; a member may have twice as many on all of its links."""
        self._ask = ask
        self._credit = credit
        self._peers: dict[str, _Peer] = {}

    @contextmanager
    def standing(self, member: str, nodes: int, write: Callable[[bytes], Awaitable[None]]) -> Iterator[AnsweredLink]:
        """Have a link to a member that has so many nodes; it stops at the end.

        Raises:
            Refusal: OVERLOADED, the member has as many links as it may have.
        """
        peer = self._peers.setdefault(member, _Peer(Places(_LANES * self._credit)))
        most = LINKS_PER_NODE * nodes
        if len(peer.links) >= most:
            raise Refusal(codes.OVERLOADED, {"limit": "links", "most": str(most)}, retry_seconds=_AGAIN_SECONDS)
        link = AnsweredLink(self._ask, write, self._credit, peer.places)
        peer.links.add(link)
        try:
            yield link
        finally:
            link.stop()
            peer.links.discard(link)
            if not peer.links:
                del self._peers[member]

    def leave(self) -> None:
        """Tell the peers on all links that this node stops."""
        for peer in self._peers.values():
            for link in peer.links:
                link.leave()

"""How messages reach each peer: straight or through a relay, readable on the way or not. From the settings alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tongban.federation.carriers.settings import PeerCarrier, RelayCarrier


@dataclass(frozen=True, slots=True)
class Routes:
    """The ways to all peers; one of whom nothing is said is asked straight, in the clear beneath TLS."""

    relays: Mapping[str, str] = field(default_factory=dict)
    """By peer: the member that passes on what is asked of it."""
    encrypted: frozenset[str] = frozenset()
    """Peers for whom bodies are encrypted."""

    def next(self, peer: str) -> str:
        """Return the member to which what is meant for a peer is handed."""
        return self.relays.get(peer, peer)


def routes_of(carriers: Mapping[str, PeerCarrier]) -> Routes:
    """Return the ways that the settings name."""
    return Routes(
        relays={peer: one.through for peer, one in carriers.items() if isinstance(one, RelayCarrier)},
        encrypted=frozenset(peer for peer, one in carriers.items() if isinstance(one, RelayCarrier) or one.encrypt),
    )

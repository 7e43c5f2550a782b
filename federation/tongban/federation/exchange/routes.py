"""How messages reach each peer: straight or through a relay, readable on the way or not. From the settings alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tongban.federation.carriers.settings import PeerCarrier, RelayCarrier


@dataclass(frozen=True, slots=True)
class Onward:
    """The way to a peer through a relay."""

    through: str
    """Member that passes on what is asked of the peer."""
    valid: timedelta
    """How long what the queue delivers has to be valid to arrive, if that is longer than for the relay itself."""
    patience: float
    """Seconds to wait for an answer to that, likewise."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The ways to all peers; one of whom nothing is said is asked straight, in the clear beneath TLS."""

    relays: Mapping[str, Onward] = field(default_factory=dict)
    """By peer."""
    encrypted: frozenset[str] = frozenset()
    """Peers for whom bodies are encrypted."""

    def next(self, peer: str) -> str:
        """Return the member to which what is meant for a peer is handed."""
        return self.relays[peer].through if peer in self.relays else peer


def routes_of(carriers: Mapping[str, PeerCarrier]) -> Routes:
    """Return the ways that the settings name."""
    return Routes(
        relays={peer: _onward(one) for peer, one in carriers.items() if isinstance(one, RelayCarrier)},
        encrypted=frozenset(peer for peer, one in carriers.items() if isinstance(one, RelayCarrier) or one.encrypt),
    )


def _onward(one: RelayCarrier) -> Onward:
    return Onward(one.through, timedelta(days=one.valid_days), one.answer_seconds)

"""What brings questions to peers, and on what terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from tongban.api.exchange.v1.exchange_pb2 import Question


class PeerUnavailable(Exception):
    """The carrier cannot bring anything to this peer now; when it may be tried again is in seconds, 0: not known."""

    def __init__(self, retry_seconds: float = 0.0) -> None:
        super().__init__()
        self.retry_seconds = retry_seconds


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a carrier serves one peer."""

    at_once: bool = True
    """Whether an answer can come while somebody waits for it."""
    valid: timedelta = timedelta()
    """How long a message has to be valid to arrive, if that is longer than the node's settings say."""
    patience: float = 0.0
    """Seconds to wait for an answer before asking again, if that is longer than the asker would wait."""
    messages: int = 256
    """Messages of the queue that wait for their answers at the same time."""
    parts: int = 4
    """Parts of materials, of at most 1 MiB each, likewise: those that come wait in memory for the ones before them."""


class Carrier(Protocol):
    """Brings questions to peers. Answers come back through `Asking.answered`, broken links through `Asking.lost`."""

    def terms(self, peer: str) -> Terms:
        """Return on what terms this carrier serves a peer."""
        ...

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; return when they are on their way.

        Raises:
            PeerUnavailable: they cannot leave.
            Refusal: PEER_BUSY, too many wait already.
        """
        ...

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Tell the peer, if it can be reached, that nobody waits for the answers to these any more.

        A question is named by the SHA-256 of its header in hexadecimal.
        """
        ...

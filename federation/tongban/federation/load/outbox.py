"""How many messages wait for each peer: counted in memory, from what is written, so that a case costs no query."""

from collections import Counter
from collections.abc import Iterable

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.settings import Limits
from tongban.federation.store.rows import OutboxCount
from tongban.federation.store.units import Delete, Unit

_TABLE, _QUEUED = "outbox", "queued"


class Outbox:
    """Counts the messages that wait."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.outbox_messages
        self._retry_seconds = limits.retry_seconds
        self._waiting: Counter[str] = Counter()

    def load(self, counts: Iterable[OutboxCount]) -> None:
        """Learn what waits when the node starts."""
        self._waiting = Counter({one.peer: one.count for one in counts if one.state == _QUEUED})

    def stands(self, unit: Unit) -> None:
        """Take notice of what was written: messages that wait from now on, or that a peer refused for good."""
        for operation in unit.operations:
            if operation.table == _TABLE and not isinstance(operation, Delete):
                peer, attempt, state = (operation.row[name] for name in ("peer", "attempt", "state"))
                if state != _QUEUED:
                    self.gone(str(peer))
                elif not attempt:
                    self._waiting[str(peer)] += 1

    def gone(self, peer: str) -> None:
        """Take notice that a message waits no more."""
        self._waiting[peer] -= 1

    def full(self, peer: str) -> bool:
        """Say whether as many messages wait for a peer as may wait."""
        return self._waiting[peer] >= self._most

    def check(self, peer: str) -> None:
        """Refuse to have a case wait for a peer for which as many messages wait as may wait.

        Raises:
            Refusal: OUTBOX_FULL, with the seconds until it is worth asking again.
        """
        if self.full(peer):
            facts = {"member": peer, "waiting": str(self._waiting[peer])}
            raise Refusal(codes.OUTBOX_FULL, facts, retry_seconds=self._retry_seconds)

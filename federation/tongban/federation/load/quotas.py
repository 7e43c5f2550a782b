"""How often a window or a peer may call, and a member may ask by one row of an agreement."""

from time import monotonic

from tongban.api.documents.v1.documents_pb2 import LookupRow
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Caller, Door
from tongban.federation.load.buckets import Buckets, Rate, Seconds
from tongban.federation.settings import Limits


class Quotas:
    """The quotas of a node. They are in memory, so that after a restart each is whole again."""

    def __init__(self, member: str, limits: Limits, clock: Seconds = monotonic) -> None:
        self._member = member
        self._buckets = Buckets(clock)
        self._rates = {
            Door.WINDOWS: ("window_per_second", Rate(limits.window_per_second, limits.window_burst)),
            Door.PEERS: ("peer_per_second", Rate(limits.peer_per_second, limits.peer_burst)),
        }
        self.refused = 0
        """Calls refused since the node started."""

    def begin(self) -> "Quota":
        """Return the quotas of one call."""
        return Quota(self)

    def of_caller(self, door: Door, caller: Caller) -> None:
        """Take a call from the caller's quota. Raises a Refusal as `Quota.of_caller` does."""
        name, rate = self._rates.get(door, ("", Rate(0, 1)))
        own = door is Door.PEERS and caller.member == self._member
        if rate.per_second and not own:
            who = caller.window if door is Door.WINDOWS else caller.member
            self._take(f"{door.value}/{who}", rate, {"asking": who, "limit": name, "allowed": f"{rate.per_second:g}/s"})

    def of_row(self, name: str, row: LookupRow) -> None:
        """Take a look-up from the row's quota. Raises a Refusal as `Quota.of_row` does."""
        if row.per_minute:
            facts = {"asking": row.asking, "limit": name, "row": name, "allowed": f"{row.per_minute}/min"}
            self._take(name, Rate(row.per_minute / 60, row.per_minute), facts)

    def _take(self, key: str, rate: Rate, facts: dict[str, str]) -> None:
        seconds = self._buckets.take(key, rate)
        if seconds:
            self.refused += 1
            facts = {**facts, "seconds": f"{seconds:.3g}"}
            raise Refusal(codes.QUOTA_EXCEEDED, facts, retry_seconds=seconds)


class Quota:
    """The quotas of one call: what it has taken it does not take again when it is decided again."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._counted = False
        self._rows: set[str] = set()

    def of_caller(self, door: Door, caller: Caller) -> None:
        """Take the call from the quota of its window or peer.

        Raises:
            Refusal: QUOTA_EXCEEDED, with the seconds until it may be asked again.
        """
        if not self._counted:
            self._quotas.of_caller(door, caller)
            self._counted = True

    def of_row(self, name: str, row: LookupRow) -> None:
        """Take the look-up from the quota of the agreement's row.

        Raises:
            Refusal: QUOTA_EXCEEDED, with the seconds until it may be asked again.
        """
        if name not in self._rows:
            self._quotas.of_row(name, row)
            self._rows.add(name)

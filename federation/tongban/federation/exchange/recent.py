"""Which questions peers have asked lately, so that a recorded message cannot be asked again.

A look-up's id is refused the second time until it has expired; the claim that is written with its evidence keeps this
true across a restart. Acts and events may come again: their own claims give them their recorded answer.
"""

from datetime import datetime

from tongban.api.exchange.v1.exchange_pb2 import Header
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.times import Clock, micros, moment
from tongban.federation.exchange.messages import CLOCK_SKEW
from tongban.federation.policies import once
from tongban.federation.store.interface import Store
from tongban.federation.store.units import Claim

_PREFIX = "message/"
_MOST = 1_000_000


class Recent:
    """Ids of look-ups that have not expired."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, int] = {}
        self._prune_at = 1024

    async def load(self, store: Store) -> None:
        """Learn what was asked before the node stopped."""
        claims = await store.live_claims(_PREFIX, micros(self._clock()), _MOST)
        self._until |= {claim.key: claim.expires or 0 for claim in claims}

    def check(self, header: Header) -> None:
        """Remember a look-up, and refuse it if it came before.

        Raises:
            Refusal: MESSAGE_REPLAYED.
        """
        if not once(header.method):
            return
        key = _key(header)
        if key in self._until:
            raise Refusal(codes.MESSAGE_REPLAYED, {"id": header.id, "member": header.sender})
        self._until[key] = _expires(header)
        if len(self._until) > self._prune_at:
            self._prune()

    def claim(self, header: Header) -> tuple[Claim, ...]:
        """Return the claim that keeps a look-up from being asked again after a restart."""
        if not once(header.method):
            return ()
        return (Claim(_key(header), expires=_expires(header)),)

    def _prune(self) -> None:
        now = micros(self._clock())
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._prune_at = max(1024, 2 * len(self._until))


def _key(header: Header) -> str:
    return f"{_PREFIX}{header.sender}/{header.id}"


def _expires(header: Header) -> int:
    until: datetime = moment(header.expires_at) + CLOCK_SKEW
    return micros(until)

"""Token buckets: how often something may happen. Pure, but for the clock that the caller passes in."""

from collections.abc import Callable
from dataclasses import dataclass

Seconds = Callable[[], float]
"""A clock that only goes forward, in seconds, as time.monotonic."""

_ROUNDING = 1e-9
_PRUNE_AT = 1024


@dataclass(frozen=True, slots=True)
class Rate:
    """How often: so many at once after a quiet time, then so many a second."""

    per_second: float
    """More than 0."""
    burst: int
    """At least 1. In any t seconds at most burst + t · per_second are let through."""


class Buckets:
    """Buckets by key; each begins full. Of each only one number is kept: the moment when it will be full again."""

    def __init__(self, clock: Seconds) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._prune_at = _PRUNE_AT

    def __len__(self) -> int:
        """Return how many buckets are kept; one that is full need not be."""
        return len(self._full_at)

    def take(self, key: str, rate: Rate) -> float:
        """Take one from a bucket and return 0; or take nothing and return the seconds until there is one."""
        now, one = self._clock(), 1 / rate.per_second
        full_at = max(now, self._full_at.get(key, now)) + one
        wait = full_at - now - rate.burst * one
        if wait > _ROUNDING:
            return wait
        self._full_at[key] = full_at
        if len(self._full_at) > self._prune_at:
            self._prune(now)
        return 0.0

    def _prune(self, now: float) -> None:
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        self._prune_at = max(_PRUNE_AT, 2 * len(self._full_at))

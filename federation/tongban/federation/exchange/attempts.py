"""How often a look-up is asked when its peer cannot be reached: a few times, and within its caller's time.

Only look-ups are, if they change nothing. Another method is asked again only if nothing of its question left: nobody
knows what became of it. Acts and events are asked again by the queue.
"""

from time import monotonic

from tongban.core import codes
from tongban.federation.calls import Outcome
from tongban.federation.load.buckets import Seconds

PAUSES = (0.2, 0.6)
"""Seconds before the second and the third attempt; the third is the last."""

LONGEST_PAUSE = 2.0
"""A peer that is not expected back for longer is not waited for: calls that wait take the place of others."""


class Attempts:
    """The attempts of one look-up. Its time runs from here on."""

    def __init__(self, seconds: float, harmless: bool, clock: Seconds = monotonic) -> None:
        """Take whether it does no harm to do twice what is asked."""
        self._harmless = harmless
        self._clock = clock
        self._end = clock() + seconds
        self._pauses = list(PAUSES)

    @property
    def left(self) -> float:
        """Seconds that the caller still waits."""
        return max(0.0, self._end - self._clock())

    def pause_after(self, outcome: Outcome) -> float | None:
        """Return for how long to wait before the next attempt; None: this outcome is the caller's."""
        refusal, exchanged = outcome.refusal, outcome.exchanged
        if refusal is None or refusal.code is not codes.PEER_UNAVAILABLE or not self._pauses:
            return None
        if exchanged is not None and (exchanged.answer is not None or not self._harmless):
            return None
        pause = max(self._pauses.pop(0), refusal.retry_seconds)
        return pause if pause <= LONGEST_PAUSE and pause < self.left else None

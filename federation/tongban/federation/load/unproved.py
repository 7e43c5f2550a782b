"""How many records the questions leave whose sender is not proved: few, for whoever hands them in pays nothing."""

import logging
from time import monotonic

from tongban.federation.load.buckets import Buckets, Rate, Seconds

log = logging.getLogger(__name__)

RECORDS = Rate(1 / 60, 60)
"""Sixty after a quiet time, then one a minute: of each member that hands in, and of all together that show no
certificate."""

_TOLD = Rate(1 / 60, 1)


class Unproved:
    """Counts what cannot be believed."""

    def __init__(self, clock: Seconds = monotonic) -> None:
        self._records = Buckets(clock)
        self._told = Buckets(clock)
        self._left_out = 0

    def recorded(self, certified: str) -> bool:
        """Say whether the next question is recorded that this member handed in; empty if no certificate says who."""
        if not self._records.take(certified, RECORDS):
            return True
        self._left_out += 1
        if not self._told.take("", _TOLD):
            who = certified or "somebody without a certificate"
            log.warning("%d unbelievable questions left no record, the last of %s", self._left_out, who)
            self._left_out = 0
        return False

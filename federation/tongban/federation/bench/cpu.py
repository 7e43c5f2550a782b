"""Processor time of other processes."""

import time
from collections.abc import Mapping

_CPU_CLOCK = 2
"""Clock of all threads of a process together, exact to the nanosecond (Linux, ``CPUCLOCK_SCHED``)."""


class CpuTimes:
    """Processor time that processes use from now on, by their names."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._begin = self._now()

    def used(self) -> dict[str, float]:
        """Return the seconds that each has used, user and system."""
        return {name: now - self._begin[name] for name, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {name: time.clock_gettime(~pid << 3 | _CPU_CLOCK) for name, pid in self._processes.items()}

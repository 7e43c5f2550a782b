"""The time that a plugin's stream has for its next item."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Limit:
    """Seconds for each step of a stream; they stand still while the plugin waits for its caller."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._step: asyncio.Timeout | None = None

    def step(self) -> asyncio.Timeout:
        """Return the time limit of the next step."""
        self._step = asyncio.timeout(self.seconds)
        return self._step

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Have the time stand still, and begin anew afterwards."""
        step = self._step
        _reschedule(step, None)
        try:
            yield
        finally:
            _reschedule(step, asyncio.get_running_loop().time() + self.seconds)


def _reschedule(step: asyncio.Timeout | None, when: float | None) -> None:
    try:
        if step is not None:
            step.reschedule(when)
    except RuntimeError:
        return  # The step has ended: a task of the plugin's own reads on behind it.

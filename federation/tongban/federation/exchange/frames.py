"""How much of what waits travels in one frame."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

MOST_ITEMS = 1000
"""Most questions, answers or cancelled ids in a frame, as the contract says."""

MOST_BYTES = 1_000_000
"""From so many bytes on, a frame takes nothing more."""

MOST_FRAME = 6 << 20
"""Most bytes of a whole frame: what is there before the last item, a largest one, and what frames them."""


def taken(waiting: list[T], size: Callable[[T], int] = lambda one: 0) -> list[T]:
    """Take from what waits, the first first, as much as a frame holds; at least one if any waits."""
    count, filled = 0, 0
    while count < min(len(waiting), MOST_ITEMS) and filled < MOST_BYTES:
        filled += size(waiting[count])
        count += 1
    frame = waiting[:count]
    del waiting[:count]
    return frame

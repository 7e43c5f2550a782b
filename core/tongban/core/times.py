"""Time as it is passed around: a clock is a function, so that tests and simulations can turn it."""

from collections.abc import Callable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

Clock = Callable[[], datetime]
"""Returns the present moment, with a time zone."""


def wall_clock() -> datetime:
    """Return the machine's present moment."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> Timestamp:
    """Return a moment as contracts tell it."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def moment(stamp: Timestamp) -> datetime:
    """Return a contract's moment, in UTC."""
    return stamp.ToDatetime(UTC)


def micros(moment: datetime) -> int:
    """Return a moment as stores keep it: microseconds since the epoch."""
    return int(moment.timestamp() * 1_000_000)


def from_micros(value: int) -> datetime:
    """Return a stored moment, in UTC."""
    return datetime.fromtimestamp(value / 1_000_000, UTC)

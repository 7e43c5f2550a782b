"""Time as it is passed around: a clock is a function, so that tests and simulations can turn it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

Clock = Callable[[], datetime]
"""Returns the present moment, with a time zone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def wall_clock() -> datetime:
    """Return the machine's present moment."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> Timestamp:
    """Return a moment as contracts tell it."""
    seconds, rest = divmod(micros(moment), 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def moment(stamp: Timestamp) -> datetime:
    """Return a contract's moment, in UTC."""
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def micros(moment: datetime) -> int:
    """Return a moment as stores keep it: microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """Return a stored moment, in UTC."""
    return _EPOCH + value * _MICROSECOND

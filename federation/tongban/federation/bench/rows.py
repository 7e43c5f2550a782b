"""What is measured, and with what it is compared."""

from collections.abc import Iterable, Mapping
from enum import Enum


class BenchFailed(Exception):
    """Something that was to be measured did not work; the text says what."""


class Row(Enum):
    """One thing that is measured."""

    ECHO = "echo"
    """A bare grpc.aio server that gives back what it gets."""
    BARE_FORWARD = "bare-forward"
    """Two bare grpc.aio servers; the first hands the bytes on to the second over mutual TLS."""
    LOCAL_LOOKUP = "local-lookup"
    """An identity look-up 身份核验 that the window's own node answers."""
    FORWARDED_LOOKUP = "forwarded-lookup"
    """The same, answered by another member's node."""
    SUBMIT = "submit"
    """A case taken in 收件 while the handling node is down."""
    SUBMIT_THROUGH = "submit-through"
    """A case taken in, until the window sees that it has arrived 到件 at the handling member."""
    DRAIN = "drain"
    """The handling node comes back, and everything that was taken in meanwhile arrives."""


COMPARED_WITH: Mapping[Row, Row] = {
    Row.LOCAL_LOOKUP: Row.ECHO,
    Row.FORWARDED_LOOKUP: Row.BARE_FORWARD,
    Row.SUBMIT: Row.ECHO,
    Row.SUBMIT_THROUGH: Row.BARE_FORWARD,
}
"""What does as little as can be done for the same call."""

NODES_UP = (Row.ECHO, Row.BARE_FORWARD, Row.LOCAL_LOOKUP, Row.FORWARDED_LOOKUP, Row.SUBMIT_THROUGH)
"""Rows that need both nodes, or none."""


def with_needed(rows: Iterable[Row]) -> set[Row]:
    """Return rows together with what they are compared with, and a backlog if it is to be drained."""
    chosen = set(rows)
    chosen |= {Row.SUBMIT} if Row.DRAIN in chosen else set()
    return chosen | {COMPARED_WITH[row] for row in chosen if row in COMPARED_WITH}

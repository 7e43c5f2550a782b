"""The endpoints of a peer: which of them may be tried now. Only failures of the way to it eject an endpoint."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

_FIRST_PAUSES = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds after the first failures in a row: a node that has just been started over is soon found again."""

_EJECTION, _LONGEST_EJECTION = 5.0, 300.0
"""Seconds of an ejection, times how often in a row, and the most."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a node is reached, and the name that its certificate bears."""

    endpoint: str
    name: str


class State(Enum):
    """How an endpoint stands."""

    IDLE = "idle"
    """Nobody has needed it yet."""
    LINKED = "linked"
    WAITING = "waiting"
    """It failed, and will be tried with the next question."""
    EJECTED = "ejected"
    """It failed, and is left alone for a while."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """An endpoint, as an operator is told about it."""

    endpoint: str
    state: State
    failures: int = 0
    """Failures in a row."""
    retry_seconds: float = 0.0
    """Seconds until it may be tried again."""
    problem: str = ""
    """What the last failure was."""


@dataclass(slots=True)
class _Record:
    failures: int = 0
    until: float = 0.0
    links: int = 0
    problem: str = ""


class Endpoints:
    """What is known about the ways to one peer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know nothing yet; the clock counts seconds and never goes back."""
        self._clock = clock
        self._records: dict[Address, _Record] = {}

    def follow(self, addresses: Iterable[Address]) -> None:
        """Take the endpoints that the directory lists now; what is known about those that stay is kept."""
        self._records = {one: self._records.get(one) or _Record() for one in addresses}

    def available(self) -> list[Address]:
        """Return those that may be tried now: the least failing first, else in random order."""
        now = self._clock()
        free = [one for one, record in self._records.items() if record.until <= now]
        random.shuffle(free)
        return sorted(free, key=lambda one: self._records[one].failures)

    def retry_seconds(self) -> float:
        """Return the seconds until one of them may be tried."""
        untils = [record.until for record in self._records.values()]
        return max(0.0, min(untils, default=0.0) - self._clock())

    def linked(self, address: Address) -> None:
        """Take that a link to it stands."""
        record = self._record(address)
        record.links += 1
        record.until, record.problem = 0.0, ""

    def unlinked(self, address: Address) -> None:
        """Take that a link to it stands no more."""
        record = self._record(address)
        record.links = max(0, record.links - 1)  # Its record is a new one if the directory left it out for a while.

    def proved(self, address: Address) -> None:
        """Take that it answers: its failures are forgotten."""
        self._record(address).failures = 0

    def failed(self, address: Address, problem: str) -> None:
        """Take that it could not be reached, or that the link to it broke."""
        record = self._record(address)
        record.failures += 1
        record.until = self._clock() + pause_after(record.failures)
        record.problem = problem

    def seen(self) -> None:
        """Take that a node of the peer has shown itself: all may be tried at once."""
        for record in self._records.values():
            record.failures, record.until = 0, 0.0

    def states(self) -> list[EndpointState]:
        """Return how they stand, in the order of the directory."""
        return [self._state(address, record) for address, record in self._records.items()]

    def problem(self) -> str:
        """Return why none of them is linked, in words; empty if none has been tried."""
        return "; ".join(
            f"{address.endpoint}: {record.problem}" for address, record in self._records.items() if record.problem
        )

    def _record(self, address: Address) -> _Record:
        return self._records.get(address) or _Record()  # One that has left the directory is of no interest.

    def _state(self, address: Address, record: _Record) -> EndpointState:
        left = max(0.0, record.until - self._clock())
        state = State.LINKED if record.links else State.EJECTED if left else State.WAITING
        if state is State.WAITING and not record.problem:
            state = State.IDLE
        return EndpointState(address.endpoint, state, record.failures, left, record.problem)


def pause_after(failures: int) -> float:
    """Return for how many seconds an endpoint is left alone after so many failures in a row."""
    if failures <= len(_FIRST_PAUSES):
        return _FIRST_PAUSES[failures - 1]
    return min(_EJECTION * (failures - len(_FIRST_PAUSES)), _LONGEST_EJECTION)

"""Runs the rounds: in each, every row is measured once at every number in flight, so that drift meets all alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_RECEIVED
from tongban.core.testing.federation import eventually
from tongban.federation.bench.cpu import CpuTimes
from tongban.federation.bench.ground import Ground
from tongban.federation.bench.load import Sample
from tongban.federation.bench.plan import HANDLING, INTAKE
from tongban.federation.bench.rows import NODES_UP, BenchFailed, Row

_DRAIN_SECONDS = 300.0
_WAYS = ((INTAKE, HANDLING), (HANDLING, INTAKE))


@dataclass(frozen=True, slots=True)
class Measured:
    """One sample, and what it is of."""

    row: Row
    in_flight: int
    """0 for a backlog, which nobody calls for."""
    sample: Sample


@dataclass(frozen=True, slots=True)
class Rounds:
    """What to measure."""

    rows: set[Row]
    in_flight: tuple[int, ...]
    seconds: float
    """Seconds for each sample."""
    count: int


def measure(ground: Ground, rounds: Rounds, say: Callable[[str], None]) -> list[Measured]:
    """Measure everything, and tell how it gets on.

    Raises:
        BenchFailed: a call failed.
    """
    found: list[Measured] = []
    for number in range(rounds.count):
        say(f"round {number + 1} of {rounds.count}")
        found += _with_both_nodes(ground, rounds)
        if Row.SUBMIT in rounds.rows:
            found += _with_handling_down(ground, rounds)
    return found


def _with_both_nodes(ground: Ground, rounds: Rounds) -> Iterator[Measured]:
    for in_flight in rounds.in_flight:
        for row in NODES_UP:
            if row in rounds.rows:
                yield Measured(row, in_flight, ground.sample(row, in_flight, rounds.seconds))


def _with_handling_down(ground: Ground, rounds: Rounds) -> Iterator[Measured]:
    handling = ground.federation.nodes[HANDLING]
    handling.stop()
    for in_flight in rounds.in_flight:
        yield Measured(Row.SUBMIT, in_flight, ground.sample(Row.SUBMIT, in_flight, rounds.seconds))
    backlog = _waiting(ground, INTAKE, HANDLING)
    handling.start()
    drained = _drained(ground, backlog)
    if Row.DRAIN in rounds.rows:
        yield Measured(Row.DRAIN, 0, drained)


def _drained(ground: Ground, backlog: int) -> Sample:
    """Measure from when the handling node is ready until every case has arrived, and the intake node knows it."""
    cpu, begin = CpuTimes(ground.processes(Row.DRAIN)), monotonic()
    eventually(lambda: not any(_waiting(ground, *way) for way in _WAYS), _DRAIN_SECONDS)
    sample = Sample(backlog, monotonic() - begin, cpu.used())
    with ground.federation.window(INTAKE) as window:
        if window.cases(states=[CASE_STATE_RECEIVED], limit=1):
            raise BenchFailed("nothing waits any more, and yet a case has not arrived")
    return sample


def _waiting(ground: Ground, member: str, peer: str) -> int:
    """Return how many messages of a member wait for a peer.

    Raises:
        BenchFailed: the peer refused some.
    """
    with ground.federation.admin(member) as admin:
        seen = next(one for one in admin.status().peers if one.member == peer)
    if seen.refused:
        raise BenchFailed(f"{peer} refused {seen.refused} messages of {member}")
    return seen.queued

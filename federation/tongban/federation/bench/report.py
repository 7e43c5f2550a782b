"""From samples to a table: medians over the rounds, with the lowest and the highest, and ratios round by round."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from tongban.federation.bench.load import Sample
from tongban.federation.bench.measure import Measured
from tongban.federation.bench.rows import COMPARED_WITH, Row

_Samples = dict[tuple[Row, int], list[Sample]]


def table(measured: Iterable[Measured]) -> list[dict[str, Any]]:
    """Return a line for each row and number in flight.

    ``cpu_a`` and ``cpu_b`` are seconds of processor time of each node for 10,000 calls; ``x_cpu`` and ``x_rate`` are
    multiples of what the bare row needs and gives with which this one is compared.
    """
    samples: _Samples = defaultdict(list)
    for one in measured:
        samples[one.row, one.in_flight].append(one.sample)
    order = list(Row)
    keys = sorted(samples, key=lambda key: (key[1] or 1 << 30, order.index(key[0])))
    return [_line(row, in_flight, samples) for row, in_flight in keys]


def _line(row: Row, in_flight: int, samples: _Samples) -> dict[str, Any]:
    own = samples[row, in_flight]
    line = {
        "row": row.value,
        "in_flight": in_flight or None,
        **_spread("rate", [_rate(one) for one in own], 0),
        "p50_ms": _median([one.p50 * 1000 for one in own], 2) or None,
        "p99_ms": _median([one.p99 * 1000 for one in own], 2) or None,
    }
    for name in ("A", "B"):
        used = [_per_10_000(one, one.cpu[name]) for one in own if name in one.cpu]
        line[f"cpu_{name.lower()}"] = _median(used, 2) if used else None
    line["load"] = _median([one.load for one in own], 2) or None
    bare = samples.get((COMPARED_WITH[row], in_flight), []) if row in COMPARED_WITH else []
    return line | _ratios("x_cpu", _cpu, own, bare) | _ratios("x_rate", _rate, own, bare)


def _ratios(
    name: str, figure: Callable[[Sample], float], own: Sequence[Sample], bare: Sequence[Sample]
) -> dict[str, Any]:
    if not bare:
        return {}
    return _spread(name, [figure(one) / figure(other) for one, other in zip(own, bare, strict=True)], 2)


def _spread(name: str, values: Sequence[float], digits: int) -> dict[str, float]:
    return {
        name: _median(values, digits),
        f"{name}_min": _rounded(min(values), digits),
        f"{name}_max": _rounded(max(values), digits),
    }


def _rate(sample: Sample) -> float:
    return sample.calls / sample.seconds


def _cpu(sample: Sample) -> float:
    return _per_10_000(sample, sum(sample.cpu.values()))


def _per_10_000(sample: Sample, seconds: float) -> float:
    return seconds / sample.calls * 10_000


def _median(values: Sequence[float], digits: int) -> float:
    return _rounded(median(values), digits)


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) if digits else round(value)

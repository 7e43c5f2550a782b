"""Two real nodes, look-ups that never end, a tenth of them cancelled; memory and file handles of both are watched.

python -m tests.rigs.soak_rig --seconds 600
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tongban.core.client import AsyncClient, Context
from tongban.core.errors import Refusal
from tongban.core.testing.federation import Federation

from . import plan
from .plan import AGENT, HANDLING, INTAKE, PURPOSE

AT_ONCE = 8
CANCELLED = 0.1
SAMPLES = 60
"""How often the nodes are looked at, over the whole run."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What one node took at two times: medians over the third and over the last quarter of the run."""

    member: str
    memory: tuple[float, float]
    """Resident memory in MB."""
    handles: tuple[float, float]
    """Open file handles."""

    def __str__(self) -> str:
        (memory, more_memory), (handles, more_handles) = self.memory, self.handles
        return f"{self.member}: {memory:.1f} → {more_memory:.1f} MB, {handles:g} → {more_handles:g} file handles"


@dataclass(frozen=True, slots=True)
class Soaked:
    """What was asked, and what it cost."""

    calls: Counter[str]
    """By outcome: answered, cancelled, or a code."""
    growth: list[Growth]

    def __str__(self) -> str:
        return "\n".join([", ".join(f"{count} {name}" for name, count in self.calls.items()), *map(str, self.growth)])


@dataclass(slots=True)
class _Watch:
    """Looks at one node's process."""

    member: str
    pid: int
    memory: list[float] = field(default_factory=list)
    handles: list[float] = field(default_factory=list)

    def look(self) -> None:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        [resident] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        self.memory.append(int(resident) / 1024)
        self.handles.append(len(list(Path(f"/proc/{self.pid}/fd").iterdir())))

    def growth(self) -> Growth:
        return Growth(self.member, _compared(self.memory), _compared(self.handles))


def _compared(samples: list[float]) -> tuple[float, float]:
    quarter = len(samples) // 4
    return statistics.median(samples[2 * quarter : 3 * quarter]), statistics.median(samples[3 * quarter :])


async def _call(window: AsyncClient, chance: random.Random) -> str:
    asking = asyncio.create_task(window.verify_person(AGENT.name, AGENT.number, to=INTAKE, purpose=PURPOSE))
    if chance.random() < CANCELLED:
        await asyncio.sleep(chance.random() * 0.02)
        asking.cancel()
    try:
        await asking
    except asyncio.CancelledError:
        return "cancelled"
    except Refusal as refusal:
        return refusal.code.name
    return "answered"


async def _soak(federation: Federation, seconds: float, seed: int) -> Soaked:
    watches = list(_watches(federation))
    calls, over, place = Counter[str](), asyncio.Event(), federation.places[HANDLING]
    options = {"token": federation.tokens[HANDLING], "ca": place.certificate, "context": Context(officer="li.q")}

    async def keep_calling(number: int) -> None:
        chance = random.Random(f"{seed}/{number}")
        while not over.is_set():
            calls[await _call(window, chance)] += 1

    async with AsyncClient(place.windows, **options) as window:  # type: ignore[arg-type]
        calling = [asyncio.create_task(keep_calling(number)) for number in range(AT_ONCE)]
        for _ in range(SAMPLES):
            await asyncio.sleep(seconds / SAMPLES)
            for watch in watches:
                watch.look()
        over.set()
        await asyncio.gather(*calling)
    return Soaked(calls, [watch.growth() for watch in watches])


def _watches(federation: Federation) -> Iterator[_Watch]:
    for member, node in federation.nodes.items():
        if node.pid is not None:
            yield _Watch(member, node.pid)


def run(folder: Path, *, seconds: float, seed: int = 0) -> Soaked:
    """Run the rig for so long in a new folder."""
    with Federation.lay_out(plan.write(folder / "plan"), folder / "f") as federation:
        return asyncio.run(_soak(federation.start(), seconds, seed))


def main() -> int:
    """Run the rig from the command line; the exit code says whether memory grew by less than 5 % and no handle more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long")
    chosen = parser.parse_args()
    done = run(Path(tempfile.mkdtemp(prefix="soak-")), seconds=chosen.seconds)
    print(done)
    flat = [one.memory[1] < 1.05 * one.memory[0] and one.handles[1] <= one.handles[0] + 1 for one in done.growth]
    return 0 if all(flat) else 1


if __name__ == "__main__":
    sys.exit(main())

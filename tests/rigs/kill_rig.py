"""Two real nodes, matters from end to end, and SIGKILL at random moments; then the judge reads what was recorded.

python -m tests.rigs.kill_rig --kills 20 --cases 4
"""

import argparse
import asyncio
import random
import secrets
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tongban.core.client import AsyncClient, Context
from tongban.core.errors import Refusal
from tongban.core.testing.federation import Federation, eventually

from . import plan, recorded
from .history import History
from .judge import Verdict, judge
from .plan import HANDLING, INTAKE
from .story import ANSWER_SECONDS, Story
from .supervisor import Supervisor

HEAL_SECONDS = 60.0
"""Within this time after the last start every case must be closed, and nothing may wait any more."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was done, and what the judge says."""

    seed: int
    kills: int
    cases: int
    restarts: tuple[float, ...]
    """Seconds from each start to readiness."""
    healed: float
    """Seconds from the last start until every case was closed and nothing waited."""
    seconds: float
    record: Path
    """Folder that the judge read."""
    verdict: Verdict

    def __str__(self) -> str:
        p50, most = statistics.median(self.restarts), max(self.restarts)
        return (
            f"seed {self.seed}: {self.kills} kills, {self.cases} cases, restart p50 {p50:.2f} s, max {most:.2f} s, "
            f"healed in {self.healed:.1f} s, {self.seconds:.1f} s in all\n{self.verdict}"
        )


@dataclass(slots=True)
class Rig:
    """A federation under way, its windows and who kills its nodes."""

    federation: Federation
    history: History
    seed: int
    restarts: list[float] = field(default_factory=list)
    healed: float = 0.0
    _killed: bool = False
    """No node will be killed any more, so no new story begins."""

    async def run(self, kills: int, cases: int) -> None:
        """Tell stories side by side, over and over, until the kills are done; then wait until all is well."""
        supervisors = self._supervisors(kills)
        async with self._window(INTAKE) as clerk, self._window(HANDLING) as officer, asyncio.TaskGroup() as lanes:
            told = [lanes.create_task(self._lane(lane, clerk, officer)) for lane in range(1, cases + 1)]
            await asyncio.gather(*(one.run() for one in supervisors))
            self.restarts = [second for one in supervisors for second in one.restarts]
            self._killed = True
            await self._heal(told)

    async def _heal(self, told: Sequence[asyncio.Task[None]]) -> None:
        last = self.history.now()
        await asyncio.wait(told, timeout=HEAL_SECONDS)
        for one in told:
            one.cancel()
        with suppress(TimeoutError):
            left = HEAL_SECONDS - (self.history.now() - last)
            await asyncio.to_thread(eventually, self._quiet, max(1.0, left))
        self.healed = self.history.now() - last

    def _supervisors(self, kills: int) -> list[Supervisor]:
        shares = {INTAKE: kills // 2, HANDLING: kills - kills // 2}
        return [
            Supervisor(member, self.federation.nodes[member], share, self.history, self._chance(member))
            for member, share in shares.items()
        ]

    async def _lane(self, lane: int, clerk: AsyncClient, officer: AsyncClient) -> None:
        """Tell one story after the other; a refusal that ends one stands in the history, for the judge."""
        number = 0
        with suppress(Refusal):
            while not number or not self._killed:
                number += 1
                name = f"{lane}-{number}"
                await Story(name, clerk, officer, self.history, self._chance(name)).tell()

    def _quiet(self) -> bool:
        return not any(self._waits(member) for member in self.federation.places)

    def _waits(self, member: str) -> bool:
        with self.federation.admin(member) as admin:
            status = admin.status()
        return bool(status.handlers_failing or any(peer.queued for peer in status.peers))

    def _window(self, member: str) -> AsyncClient:
        place, context = self.federation.places[member], Context(officer="li.q")
        token = self.federation.tokens[member]
        return AsyncClient(place.windows, token=token, ca=place.certificate, context=context, timeout=ANSWER_SECONDS)

    def _chance(self, part: str) -> random.Random:
        return random.Random(f"{self.seed}/{part}")


def run(folder: Path, *, kills: int, cases: int, seed: int) -> Run:
    """Run the rig in a new folder, with so many kills and so many cases side by side.

    Raises:
        NodeDidNotStart: a node did not start again.
    """
    record = folder / "record"
    record.mkdir(parents=True)
    with Federation.lay_out(plan.write(folder / "plan"), folder / "f") as federation:
        history = History(record / "history.jsonl")
        rig = Rig(federation.start(), history, seed)
        asyncio.run(rig.run(kills, cases))
        recorded.collect(federation, record)
        seconds = history.now()
        history.close()
    read = recorded.load(record)
    return Run(seed, kills, len(read.intake.cases), tuple(rig.restarts), rig.healed, seconds, record, judge(read))


def main() -> int:
    """Run the rig from the command line; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often a node is killed")
    parser.add_argument("--cases", type=int, default=4, help="cases side by side; a new one begins as one ends")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="decides every random moment")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    print(f"seed {chosen.seed}, in {folder}", flush=True)
    done = run(folder, kills=chosen.kills, cases=chosen.cases, seed=chosen.seed)
    print(done)
    return 0 if done.verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())

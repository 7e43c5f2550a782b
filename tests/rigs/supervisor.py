"""Kills a node at random moments, and starts it again as a service manager would."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tongban.core.testing.processes import NodeProcess

from .history import Entry, History

MOST_COMMANDS = 4
"""After so many commands at most a node is killed."""

MOST_UP_SECONDS = 4.0
"""For so long at most it is left to wait for them, and before them for windows to have found it again."""

DELAYS = (0.02, 0.5)
"""Seconds after the last of them at most: half of the kills fall while the command is carried out, half later."""

MOST_DOWN_SECONDS = 0.5
"""How long it lies there at most."""

KILLED_STARTING = 0.2
"""Share of the kills that may find a node before it is ready."""


@dataclass(slots=True)
class Supervisor:
    """Has one node killed so many times; in the end it runs."""

    member: str
    node: NodeProcess
    kills: int
    history: History
    chance: random.Random
    restarts: list[float] = field(default_factory=list)
    """Seconds from each start to readiness."""

    async def run(self) -> None:
        """Kill and start.

        Raises:
            NodeDidNotStart: it did not start again.
        """
        while self.kills:
            await self._reach(self.history.answers, 1)
            await self._reach(self.history.commands, self.chance.randint(1, MOST_COMMANDS))
            await asyncio.sleep(self.chance.random() * self.chance.choice(DELAYS))
            await self._kill()
            await asyncio.sleep(self.chance.random() * MOST_DOWN_SECONDS)
            start = self.history.now()
            await asyncio.to_thread(self.node.start, wait=False)
            if not self.kills or self.chance.random() > KILLED_STARTING:
                await self._await_ready(start)

    async def _reach(self, count: Counter[str], more: int) -> None:
        enough, until = count[self.member] + more, self.history.now() + MOST_UP_SECONDS
        while count[self.member] < enough and self.history.now() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def _kill(self) -> None:
        start = self.history.now()
        await asyncio.to_thread(self.node.kill)
        self.kills -= 1
        self._write(start, "kill")

    async def _await_ready(self, start: float) -> None:
        await asyncio.to_thread(self.node.await_ready)
        self.restarts.append(self.history.now() - start)
        self._write(start, "start")

    def _write(self, start: float, operation: str) -> None:
        self.history.write(Entry(start, self.history.now(), "supervisor", self.member, operation))

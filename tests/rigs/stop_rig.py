"""Two real nodes under load, each told to stop (SIGTERM) again and again; nothing is lost, nothing is there twice.

python -m tests.rigs.stop_rig --stops 50
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tongban.core.client import Client
from tongban.core.errors import Refusal
from tongban.core.testing.federation import Federation, eventually

from . import plan
from .plan import AGENT, FIRM, HANDLING, INTAKE, ITEM

AT_ONCE = 4
_PAUSE_SECONDS = 0.8
"""Between two commands of a lane: a list of cases has a thousand at most."""

GRACE_SECONDS = 5.0
"""What the settings allow calls that are under way, if nothing else is said."""


@dataclass(slots=True)
class Stopped:
    """What was done and seen."""

    stops: list[float] = field(default_factory=list)
    """Seconds that each stop took."""
    codes: list[int] = field(default_factory=list)
    """Exit codes."""
    receipts: dict[str, set[bytes]] = field(default_factory=dict)
    """Receipts by request id; a command is repeated after each answer, so there must be one only."""
    refusals: Counter[str] = field(default_factory=Counter)
    lasting: list[str] = field(default_factory=list)
    """Refusals after which a repetition would not help: there must be none."""
    cases: dict[str, set[str]] = field(default_factory=dict)
    """Case ids at each node in the end."""

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        once = all(len(receipts) == 1 for receipts in self.receipts.values())
        complete = all(len(cases) == len(self.receipts) for cases in self.cases.values())
        in_time = max(self.stops) <= GRACE_SECONDS + 2.0
        return once and complete and in_time and not self.lasting and set(self.codes) == {0}

    def __str__(self) -> str:
        counts = ", ".join(f"{len(cases)} at {member}" for member, cases in self.cases.items())
        return (
            f"{len(self.stops)} stops, the longest {max(self.stops):.1f} s, exit codes {set(self.codes)}; "
            f"{len(self.receipts)} commands acknowledged, cases: {counts}; "
            f"repeated after {dict(self.refusals)}; lasting refusals: {self.lasting}"
        )


class _Load:
    """Hands in one case after the other, each under its request id, until it has the same receipt twice."""

    def __init__(self, federation: Federation, seen: Stopped) -> None:
        self._federation = federation
        self._seen = seen
        self.over = threading.Event()
        self.acknowledged = 0

    def lane(self, lane: int) -> None:
        number = 0
        with self._federation.window(INTAKE, timeout=20.0) as window:
            while not self.over.is_set():
                number += 1
                self._once(window, f"stop-{lane}-{number}")

    def _once(self, window: Client, request_id: str) -> None:
        receipts = self._seen.receipts.setdefault(request_id, set())
        for _ in range(2):
            receipts.add(self._acknowledged(window, request_id))
        self.acknowledged += 1
        self.over.wait(_PAUSE_SECONDS)

    def _acknowledged(self, window: Client, request_id: str) -> bytes:
        while True:
            try:
                answer = window.submit(
                    ITEM,
                    deciding_place=HANDLING,
                    applicant=FIRM,
                    agent=AGENT,
                    form={"new_address": "启东市虚构路 3 号"},
                    request_id=request_id,
                )
                return answer.SerializeToString(deterministic=True)
            except Refusal as refusal:
                self._seen.refusals[refusal.code.name] += 1
                if not refusal.code.retryable:
                    self._seen.lasting.append(str(refusal))
                    return b""
                time.sleep(0.05)


def run(folder: Path, *, stops: int) -> Stopped:
    """Stop nodes so many times, in turn, in a new folder."""
    seen = Stopped()
    with Federation.lay_out(plan.write(folder / "plan"), folder / "f") as federation:
        load = _Load(federation.start(), seen)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lanes = [pool.submit(load.lane, lane) for lane in range(AT_ONCE)]
            try:
                for number in range(stops):
                    _stop(federation, (HANDLING, INTAKE)[number % 2], load, seen)
            finally:
                load.over.set()
            for one in lanes:
                one.result()
        eventually(lambda: _delivered(federation), 60.0)
        seen.cases = {member: _cases(federation, member) for member in federation.places}
    return seen


def _stop(federation: Federation, member: str, load: _Load, seen: Stopped) -> None:
    enough = load.acknowledged + AT_ONCE
    eventually(lambda: load.acknowledged >= enough)
    begun = time.monotonic()
    seen.codes.append(federation.nodes[member].stop())
    seen.stops.append(time.monotonic() - begun)
    federation.nodes[member].start()


def _delivered(federation: Federation) -> bool:
    with federation.admin(INTAKE) as admin:
        return not any(peer.queued for peer in admin.status().peers)


def _cases(federation: Federation, member: str) -> set[str]:
    with federation.window(member) as window:
        return {one.case_id for one in window.cases(item_code=ITEM, limit=1000)}


def main() -> int:
    """Run the rig from the command line; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=50, help="how often a node is told to stop")
    chosen = parser.parse_args()
    done = run(Path(tempfile.mkdtemp(prefix="stops-")), stops=chosen.stops)
    print(done)
    return 0 if done.good else 1


if __name__ == "__main__":
    sys.exit(main())

"""What clients asked and were told, and what was done to nodes: one JSON line an operation, written as it ends."""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from tongban.core.errors import Refusal

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
"""Outcomes. An operation without an answer is unknown: it may have happened."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation."""

    start: float
    """Seconds since the history began."""
    end: float
    who: str
    """Who asked, as in 2-5: the fifth story of the second lane; or ``supervisor``."""
    node: str
    """Member whose node was asked."""
    operation: str
    request_id: str = ""
    """Of a command; all repeats of the command have it."""
    case_id: str = ""
    outcome: str = OK
    code: str = ""
    """Of the refusal."""
    answer: Mapping[str, str] = field(default_factory=dict)
    """What was told that the judge needs."""


class History:
    """The file that all operations go to."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._began = time.monotonic()
        self.commands: Counter[str] = Counter()
        """How often commands were sent to each node, repeats included."""
        self.answers: Counter[str] = Counter()
        """How often each node answered."""

    def now(self) -> float:
        """Return the seconds since the history began."""
        return round(time.monotonic() - self._began, 4)

    def write(self, entry: Entry) -> None:
        """Add an operation that has ended."""
        self._file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """End the history."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of whom, by whom."""

    who: str
    node: str
    operation: str
    request_id: str = ""
    case_id: str = ""


async def attempt(
    history: History, asked: Asked, call: Callable[[], Awaitable[T]], told: Callable[[T], Mapping[str, str]]
) -> T:
    """Make a call and write down what came of it.

    Raises:
        Refusal: as the call.
    """
    start = history.now()
    history.commands[asked.node] += bool(asked.request_id)
    try:
        answer = await call()
    except Refusal as refusal:
        outcome = REFUSED if refusal.member else UNKNOWN  # What no node told, the client says of its own accord.
        history.write(Entry(start, history.now(), **asdict(asked), outcome=outcome, code=refusal.code.name))
        raise
    history.answers[asked.node] += 1
    history.write(Entry(start, history.now(), **asdict(asked), answer=told(answer)))
    return answer


def read(path: Path) -> tuple[Entry, ...]:
    """Return the operations of a history, in the order in which they ended."""
    return tuple(Entry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())

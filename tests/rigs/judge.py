"""The judge: reads what a run left behind and says, invariant by invariant, whether the promises were kept.

python -m tests.rigs.judge FOLDER
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from google.protobuf.message import DecodeError

from . import of_cases, of_commands, of_nodes
from .recorded import Recorded, load

Invariant = Callable[[Recorded], Iterable[str]]
"""Yields what breaks it, in words."""

INVARIANTS: Mapping[str, Invariant] = MappingProxyType(
    {
        "every story is told to its end": of_commands.told_to_the_end,
        "every command is answered, never refused, and each repeat gets the same answer": of_commands.answered,
        "what was acknowledged is there, at both nodes": of_commands.acknowledged,
        "one case for each request to take one in": of_commands.one_case_for_each_request,
        "what a window was shown stays": of_commands.shown_stays,
        "papers verify by their issuer's key": of_commands.papers_verify,
        "every case is closed, and nothing of it is still on its way": of_cases.closed,
        "both nodes hold the same events": of_cases.same_events,
        "seals, numbers and order of steps are right": of_cases.in_order,
        "each act of each author is there once, without a gap": of_cases.acts_once,
        "each decision is there once": of_cases.decided_once,
        "both evidence logs verify": of_nodes.logs_verify,
        "what one side holds as answered the other side has answered": of_nodes.answers_match,
        "what was delivered is there": of_nodes.delivered_is_there,
        "no answer left without evidence": of_nodes.answers_are_recorded,
        "nothing waits, nothing fails": of_nodes.nothing_waits,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What breaks each invariant; nothing where it holds."""

    broken: Mapping[str, tuple[str, ...]]

    @property
    def good(self) -> bool:
        """Whether all hold."""
        return not any(self.broken.values())

    def __str__(self) -> str:
        return "\n".join(_line(name, found) for name, found in self.broken.items())


def judge(recorded: Recorded) -> Verdict:
    """Judge a run."""
    return Verdict({name: _found(invariant, recorded) for name, invariant in INVARIANTS.items()})


def _found(invariant: Invariant, recorded: Recorded) -> tuple[str, ...]:
    try:
        return tuple(invariant(recorded))
    except DecodeError as error:
        return (f"what was recorded cannot be read: {error}",)


def _line(name: str, found: tuple[str, ...]) -> str:
    return "\n".join([f"{'broken' if found else 'holds '}  {name}", *(f"          {one}" for one in found)])


if __name__ == "__main__":
    verdict = judge(load(Path(sys.argv[1])))
    print(verdict)
    sys.exit(0 if verdict.good else 1)

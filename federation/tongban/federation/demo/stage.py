"""Tells the story and checks each claim as it is made."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console


class ClaimFailed(Exception):
    """Something that the demonstration says is not so."""


@dataclass(slots=True)
class Stage:
    """Where the story is told: on a terminal in colour, elsewhere in plain lines."""

    language: str
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    _beats: int = 0
    _started: float = field(default_factory=time.monotonic)

    @contextmanager
    def beat(self, english: str, chinese: str) -> Iterator[None]:
        """Tell one beat of the story under its heading."""
        self._beats += 1
        self.console.print(f"\n{self._beats}. {self.pick(english, chinese)}", style="bold", markup=False)
        yield

    def say(self, english: str, chinese: str) -> None:
        """Tell a fact."""
        self.console.print(f"   {self.pick(english, chinese)}", markup=False)

    def claim(self, holds: bool, english: str, chinese: str) -> None:
        """Claim something that was checked just now.

        Raises:
            ClaimFailed: it does not hold.
        """
        sign, style = ("✓", "green") if holds else ("✗", "bold red")
        self.console.print(f"   {sign} {self.pick(english, chinese)}", style=style, markup=False)
        if not holds:
            raise ClaimFailed(self.pick(english, chinese))

    def pick(self, english: str, chinese: str) -> str:
        """Return the sentence in the language of the story."""
        return chinese if self.language == "zh" else english

    def seconds(self) -> float:
        """Return how long the story has taken so far."""
        return time.monotonic() - self._started

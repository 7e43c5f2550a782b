"""Markdown that several reference pages need."""

from collections.abc import Iterable, Sequence


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; pipes inside cells are escaped."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(_line(cells) for cells in lines)


def prose(text: str) -> str:
    """Return text on one line, so that none of it is taken for markup or HTML."""
    one_line = " ".join(text.split())
    return one_line.replace("<", "&lt;").replace("*", r"\*")


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"

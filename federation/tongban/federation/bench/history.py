"""Runs that were kept: a file with one JSON object for each."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tongban.federation.formation.errors import FormationError, read_file

_OF_THE_RUN = ("measured_at", "tongban", "grpcio", "python", "machine", "load_before")
_FIGURES = ("rate", "p50_ms", "p99_ms", "cpu_a", "cpu_b", "x_cpu", "x_rate")


def keep(file: Path, run: Mapping[str, Any]) -> None:
    """Add a run at the end of a file.

    Raises:
        OSError: the file cannot be written.
    """
    with file.open("a", encoding="utf-8") as history:
        history.write(json.dumps(run, ensure_ascii=False) + "\n")


def read(file: Path) -> list[dict[str, Any]]:
    """Return every line of every run, those of the same row and number in flight together, the oldest first.

    Raises:
        FormationError: the file cannot be read, or holds something else.
    """
    lines = read_file(file, "history of the bench").decode(errors="replace").splitlines()
    return sorted(
        (row for number, line in enumerate(lines, 1) for row in _rows(f"{file}, line {number}", line)),
        key=lambda row: (row["row"], row["in_flight"] or 0, row["measured_at"]),
    )


def _rows(place: str, line: str) -> Iterator[dict[str, Any]]:
    try:
        run = json.loads(line)
        facts = {name: run[name] for name in _OF_THE_RUN}
        for row in run["rows"]:
            figures = {name: row.get(name) for name in _FIGURES}
            yield {"row": row["row"], "in_flight": row["in_flight"], **figures, **facts}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FormationError(f"{place} is no run of the bench", ["it was changed; remove the line"]) from None

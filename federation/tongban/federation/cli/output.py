"""How a command's answer is shown: tables for people, or JSON and nothing else.

An answer is plain data: a mapping, a list of mappings, or an iterator of mappings that come one by one.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.cli.options import Format

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = Mapping[str, Any]
Answer = Row | Sequence[Row] | Iterator[Row] | None


@dataclass(frozen=True, slots=True)
class Ended:
    """An answer with an exit code that is not the usual one."""

    answer: Answer
    exit_code: ExitCode


_WIDE = 10_000
"""Columns of an output that is no terminal: no line is broken there."""


def show(answer: Answer, form: Format) -> None:
    """Write an answer to standard output."""
    if answer is None:
        return
    if isinstance(answer, Iterator):
        for row in answer:
            _write_line(to_json(row, indent=None) if form is Format.JSON else _line(row))
    elif form is Format.JSON:
        _write_line(to_json(answer))
    elif isinstance(answer, Mapping):
        _draw(lambda console: _facts(answer, console))
    else:
        _draw(lambda console: console.print(_table(answer, console) if answer else "none"))


def to_json(data: object, indent: int | None = 2) -> str:
    """Return data as JSON, Chinese as it is."""
    return json.dumps(data, ensure_ascii=False, indent=indent)


def _write_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _line(row: Row) -> str:
    return "  ".join(text for text in map(_text, row.values()) if text)


def _draw(render: "Callable[[Console], None]") -> None:
    from rich.console import Console

    if sys.stdout.isatty():
        return render(Console(markup=False, highlight=False, emoji=False))
    console = Console(file=StringIO(), width=_WIDE, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        render(console)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    return None


def _facts(row: Row, console: "Console") -> None:
    """Draw what is said once; what is said of several things follows, each as a table. What is empty is left out."""
    tables = {key: value for key, value in row.items() if _is_rows(value)}
    grid = _new_table(console, headers=False)
    for key, value in row.items():
        if key not in tables and _text(value):
            grid.add_row(_label(key), _text(value))
    console.print(grid)
    for key, rows in tables.items():
        console.print(f"\n{_label(key)}:")
        console.print(_table(rows, console))


def _table(rows: Sequence[Row], console: "Console") -> "Table":
    table = _new_table(console, headers=True)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        table.add_column(_label(column))
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    return table


def _new_table(console: "Console", *, headers: bool) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD if headers and console.is_terminal else None, pad_edge=False, show_header=headers)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value) and value != []


def _label(key: str) -> str:
    return key.replace("_", " ")


def _text(value: object) -> str:
    """Return a value for people; what would steer a terminal is taken out, for some values come from elsewhere."""
    if value is None or value is False:
        return "no" if value is False else ""
    if value is True:
        return "yes"
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(value))

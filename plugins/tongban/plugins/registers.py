"""Registers that a member keeps in a file, asked by number.

A file that ends in ``.sqlite`` or ``.db`` is an SQLite database, opened read-only for each question: it may be large,
it may be replaced while the node runs, and only an index on the number makes it fast. Any other file is CSV, and
counts as it was when the node started.

Numbers in a register are written plainly, as their standard has them; those that are asked are brought to that form
by `plain`.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from tongban.core import Column, PluginSettings, SettingError, SourceUnavailable

Row = Mapping[str, str]

Register = Callable[[str], Sequence[Row]]
"""Returns the rows of a number; raises `SourceUnavailable`."""

_SQLITE_SUFFIXES = {".sqlite", ".db"}
_BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """What a register holds."""

    name: str
    """Name of the table in an SQLite file."""
    number: Column
    """The column by which it is asked."""
    others: Sequence[Column]


def plain(text: str) -> str:
    """Return the text without surrounding white space, in Unicode's form NFKC.

    It takes full-width and half-width forms, which keyboards mix, for the same: １ and 1, （ and (. Nothing else that
    could tell two names apart is changed: neither case, nor spaces within, nor the dots in names.
    """
    return normalize("NFKC", text).strip()


def open_register(settings: PluginSettings, key: str, table: Table) -> Register:
    """Return the register in the file that a setting names.

    Raises:
        SettingError: there is no such file, or it does not hold the table.
    """
    if not is_in_memory(settings, key):
        return _sqlite_register(settings.path(key), key, table)
    return _csv_register(settings.rows(key, table.number, *table.others), table.number.name)


def is_in_memory(settings: PluginSettings, key: str) -> bool:
    """Say whether the register that a setting names answers from memory, without waiting for a file."""
    return settings.path(key).suffix not in _SQLITE_SUFFIXES


def _csv_register(rows: Sequence[Row], number_column: str) -> Register:
    by_number: dict[str, list[Row]] = {}
    for row in rows:
        by_number.setdefault(row[number_column], []).append(row)
    return lambda number: by_number.get(plain(number), ())


def _sqlite_register(path: Path, key: str, table: Table) -> Register:
    address = f"{path.absolute().as_uri()}?mode=ro"
    names = ", ".join(column.name for column in table.others)
    question = f"SELECT {names} FROM {table.name} WHERE {table.number.name} = ?"  # noqa: S608 - names are our own

    def find(number: str) -> Sequence[Row]:
        try:
            rows = _ask(address, question, plain(number))
        except sqlite3.Error as error:
            # The error's own text may quote a cell.
            reason = getattr(error, "sqlite_errorname", "a text in it is not UTF-8")
            raise SourceUnavailable(f"register {table.name} did not answer: {reason}") from None
        return [_checked_row(table, row) for row in rows]

    try:
        _ask(address, f"EXPLAIN {question}", "")
    except sqlite3.Error as error:
        rule = f"must be an SQLite file with the table {table.name} ({table.number.name}, {names})"
        raise SettingError(f"setting {key} names {path}, which {rule}: {error}; correct the file or the path") from None
    return find


def _ask(address: str, question: str, number: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
        return connection.execute(question, (number,)).fetchall()


def _checked_row(table: Table, cells: Sequence[object]) -> Row:
    return {column.name: _checked(table, column, cell) for column, cell in zip(table.others, cells, strict=True)}


def _checked(table: Table, column: Column, cell: object) -> str:
    text = "" if cell is None else str(cell).strip()
    problem = "must be text" if isinstance(cell, bytes | float) else column.problem(text)
    if problem:
        raise SourceUnavailable(f"register {table.name} holds a wrong row: column {column.name} {problem}")
    return text

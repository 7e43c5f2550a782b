"""Registers as a member keeps them: the same rows as CSV or as SQLite."""

import csv
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

Rows = Sequence[Sequence[object]]
WriteRegister = Callable[[str, Sequence[str], Rows], Path]


def write_csv(path: Path, columns: Sequence[str], rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def write_sqlite(path: Path, columns: Sequence[str], rows: Rows) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {path.stem} ({', '.join(columns)})")
        connection.executemany(f"INSERT INTO {path.stem} VALUES ({', '.join('?' * len(columns))})", rows)
    return path


@pytest.fixture(params=["csv", "sqlite", "db"])
def write_register(request: pytest.FixtureRequest, tmp_path: Path) -> WriteRegister:
    """Write a register, named by its table, in each of the forms that a register may have."""
    suffix: str = request.param
    write = write_csv if suffix == "csv" else write_sqlite
    return lambda table, columns, rows: write(tmp_path / f"{table}.{suffix}", columns, rows)


@pytest.fixture
def write_database(tmp_path: Path) -> WriteRegister:
    """Write a register, named by its table, as SQLite."""
    return lambda table, columns, rows: write_sqlite(tmp_path / f"{table}.sqlite", columns, rows)

"""Registers as a member keeps them: the same rows as CSV or as SQLite."""

import asyncio
import csv
import inspect
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar, cast

import pytest

A = TypeVar("A")
T = TypeVar("T")
Rows = Sequence[Sequence[object]]
WriteRegister = Callable[[str, Sequence[str], Rows], Path]


def at_once(source: Callable[[A], T | Awaitable[T]]) -> Callable[[A], T]:
    """Return a source, plain or async, as a plain function."""

    def ask(asked: A) -> T:
        return asyncio.run(_settled(source(asked)))

    return ask


async def _settled(answer: T | Awaitable[T]) -> T:
    return cast(T, await answer if inspect.isawaitable(answer) else answer)


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

"""A store's schema: made, kept, refused when it is too new, never half made."""

import asyncio
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tongban.federation.store import migrations
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.sqlite import SqliteStore
from tongban.federation.store.tables import metadata


def opened(path: Path) -> SqliteStore:
    return SqliteStore.open(path, bytes(32), leaf_hash=lambda record: sha256(record).digest())


async def test_the_migrated_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    await opened(tmp_path / "node.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'node.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_newest_revision_is_the_one_the_store_looks_for() -> None:
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == migrations.HEAD


async def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    await opened(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    with pytest.raises(StoreFailed, match=r"newer version of Tongban \(its schema is 0999"):
        opened(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0999",)]
    connection.close()


OPEN = """
import hashlib, os, sys
from pathlib import Path
from sqlalchemy import Engine, event
from tongban.federation.store.sqlite import SqliteStore

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    left -= statement.startswith(("\\nCREATE", "CREATE", "INSERT"))
    if left == 0:
        os._exit(9)

SqliteStore.open(Path(sys.argv[1]), bytes(32), leaf_hash=lambda record: hashlib.sha256(record).digest())
print("alembic" in sys.modules)
"""


@pytest.mark.parametrize("statement", [1, 6, 21])
def test_a_migration_that_is_killed_leaves_nothing_behind(tmp_path: Path, statement: int) -> None:
    path = tmp_path / "node.db"
    died = subprocess.run([sys.executable, "-c", OPEN, str(path), str(statement)], check=False)
    assert died.returncode == 9
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    asyncio.run(opened(path).close())


def test_alembic_is_imported_only_to_migrate(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / "node.db"), "99"]
    said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert said == ["True\n", "False\n"]

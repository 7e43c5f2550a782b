"""Connections to a SQLite file: one that writes, a few that read."""

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

READER_PRAGMAS = (
    "busy_timeout=5000",
    # Mapped pages made a corruption of the WAL worse (SQLite before 3.51.3).
    "mmap_size=0",
)
_WRITER_PRAGMAS = (*READER_PRAGMAS, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


def writing(path: Path) -> Engine:
    """Return the engine for the one connection that writes. Its transactions take the write lock at once."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, hide_parameters=True)
    _at_connect(engine, _WRITER_PRAGMAS)
    event.listen(engine, "begin", _begin)
    return engine


def reading(path: Path, connections: int) -> Engine:
    """Return the engine for connections that only read. Each of their queries is a transaction."""
    url = URL.create("sqlite", database=path.as_uri(), query={"uri": "true", "mode": "ro"})
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )
    _at_connect(engine, READER_PRAGMAS)
    return engine


def _at_connect(engine: Engine, pragmas: tuple[str, ...]) -> None:
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by rules of its own; SQLAlchemy does, through `_begin`.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

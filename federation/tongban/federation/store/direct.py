"""Looks into a store by a key, on the thread that asks.

That takes some microseconds, and to change threads takes ten times as long. What may take longer goes to `readers`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from tongban.federation.store.cipher import Cipher
from tongban.federation.store.engines import READER_PRAGMAS
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.tables import metadata

_Result = TypeVar("_Result")


class Direct:
    """Runs queries at once, over a read-only connection of the driver itself."""

    def __init__(self, path: Path, cipher: Cipher) -> None:
        self._cipher = cipher
        address = f"{path.as_uri()}?mode=ro"
        # Used by the loop's thread only, and closed there; a store that was never opened whole is closed by any.
        self._connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        for pragma in READER_PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}").close()

    def rows(self, kind: Callable[..., _Result], table: str, query: Select[Any], **values: object) -> list[_Result]:
        """Return the rows of a query for all columns of ``table``, each as a ``kind``.

        Raises:
            StoreFailed: the query failed, or the store is closed.
        """
        found = metadata.tables[table]
        return [kind(*self._cipher.opened(found, row)) for row in self.tuples(query, **values)]

    def tuples(self, query: Select[Any], **values: object) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query as they are. Raises StoreFailed as `rows` does."""
        statement, names, constants = _compiled(query)
        given = {**constants, **values}
        try:
            return self._connection.execute(statement, [given[name] for name in names]).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"the database failed: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


@cache
def _compiled(query: Select[Any]) -> tuple[str, Sequence[str], dict[str, Any]]:
    """Return a query as text, the names of its values in their order, and those values that are part of it."""
    compiled = query.compile(dialect=sqlite.dialect())
    return str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params)

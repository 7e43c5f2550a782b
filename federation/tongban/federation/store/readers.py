"""Read-only connections to a store, in a few threads of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import SQLAlchemyError

from tongban.federation.store.cipher import Cipher
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.failures import failure
from tongban.federation.store.tables import metadata

THREADS = 4

_Result = TypeVar("_Result")


class Readers:
    """Runs queries; each sees what was committed before it began. Raises StoreFailed when one fails."""

    def __init__(self, engine: Engine, cipher: Cipher) -> None:
        self._engine = engine
        self._cipher = cipher
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store-reader")
        self._closed = False

    async def rows(
        self, kind: Callable[..., _Result], table: str, query: Select[Any], **values: object
    ) -> list[_Result]:
        """Return the rows of a query for all columns of ``table``, each as a ``kind``."""
        found = metadata.tables[table]

        def fetch(connection: Connection) -> list[_Result]:
            rows = connection.execute(query, values)
            return [kind(*self._cipher.opened(found, row)) for row in rows]

        return await self._run(fetch)

    async def tuples(self, query: Select[Any], **values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query as they are; it asks for no sealed column."""
        return await self._run(lambda connection: [tuple(row) for row in connection.execute(query, values)])

    async def _run(self, query: Callable[[Connection], _Result]) -> _Result:
        if self._closed:
            raise StoreFailed("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._connected, query)

    def _connected(self, query: Callable[[Connection], _Result]) -> _Result:
        try:
            with self._engine.connect() as connection:
                return query(connection)
        except SQLAlchemyError as error:
            raise failure(error) from error

    def close(self) -> None:
        """Finish the queries under way and close the connections; blocks until then."""
        self._closed = True
        self._threads.shutdown()
        self._engine.dispose()

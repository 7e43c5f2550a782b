"""The statements that write, made once: for each table one to insert, one to put and one to delete."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Executable, Table, and_, bindparam, delete, insert

from tongban.federation.store.errors import UnitInvalid
from tongban.federation.store.tables import metadata
from tongban.federation.store.units import Delete, Insert, Operation, Put

Upsert = Callable[[Table], Any]
"""A dialect's own ``insert``, which knows ``on_conflict_do_update``."""


class Statements:
    """Statement by kind of operation and table."""

    def __init__(self, upsert: Upsert) -> None:
        self._by_kind: dict[tuple[type[Operation], str], Executable] = {}
        for name, table in metadata.tables.items():
            self._by_kind[Insert, name] = insert(table).inline()
            self._by_kind[Put, name] = _put(upsert, table)
            self._by_kind[Delete, name] = _delete(table)

    def __getitem__(self, kind: tuple[type[Operation], str]) -> Executable:
        return self._by_kind[kind]


def _put(upsert: Upsert, table: Table) -> Executable:
    statement = upsert(table).inline()
    others = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    changed: Executable = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)
    return changed


def _delete(table: Table) -> Executable:
    return delete(table).where(and_(*(column == bindparam(column.name) for column in table.primary_key)))


_COLUMNS = {name: frozenset(table.c.keys()) for name, table in metadata.tables.items()}
_EMPTY = {name: {c.name: None for c in table.c if c.nullable} for name, table in metadata.tables.items()}
_KEYS = {name: {column.name for column in table.primary_key} for name, table in metadata.tables.items()}


def parameters(operation: Operation) -> dict[str, Any]:
    """Return what its statement needs: all columns of the row, or the primary key of one to delete.

    Raises UnitInvalid for a column too many or too few.
    """
    if isinstance(operation, Delete):
        return _exactly(_KEYS[operation.table], dict(operation.key), operation.table)
    row = {**_EMPTY[operation.table], **operation.row}
    return _exactly(_COLUMNS[operation.table], row, operation.table)


def _exactly(names: frozenset[str] | set[str], row: dict[str, Any], table: str) -> dict[str, Any]:
    if row.keys() == names:
        return row
    raise UnitInvalid(f"wrong columns for {table}: {', '.join(sorted(row.keys() ^ names))}")

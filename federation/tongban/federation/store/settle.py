"""From the operations of a batch to one operation for each row."""

from collections.abc import Iterable
from operator import itemgetter

from tongban.federation.store.errors import UnitInvalid
from tongban.federation.store.tables import metadata
from tongban.federation.store.units import Delete, Insert, Operation, Put

_KEYS = {name: [column.name for column in table.primary_key] for name, table in metadata.tables.items()}
# The writer gives evidence its positions; a unit can only append to it.
del _KEYS["evidence"]
_KEY_OF = {name: itemgetter(*columns) for name, columns in _KEYS.items()}


def settled(operations: Iterable[Operation]) -> list[Operation]:
    """Return what is left to do, at most one operation for each row and so in any order.

    Doing it has the effect of doing all ``operations`` in their order. Raises UnitInvalid for a table that does
    not exist, a row without its primary key, and a row inserted over one that the batch itself wrote.
    """
    last: dict[tuple[str, object], Operation] = {}
    for operation in operations:
        row = _row(operation)
        before = last.get(row)
        last[row] = operation if before is None else _both(before, operation)
    return list(last.values())


def _row(operation: Operation) -> tuple[str, object]:
    table = operation.table
    values = operation.key if isinstance(operation, Delete) else operation.row
    try:
        return table, _KEY_OF[table](values)
    except KeyError:
        raise UnitInvalid(_fault(table)) from None


def _fault(table: str) -> str:
    if table not in _KEYS:
        return f"there is no table {table!r} for operations"
    return f"an operation on {table} lacks its primary key: {', '.join(_KEYS[table])}"


def _both(before: Operation, after: Operation) -> Operation:
    if isinstance(after, Insert):
        if isinstance(before, Delete):
            return Put(after.table, after.row)
        raise UnitInvalid(f"a row of {after.table} is inserted over one that exists")
    if isinstance(after, Put) and isinstance(before, Insert):
        return Insert(after.table, after.row)
    return after

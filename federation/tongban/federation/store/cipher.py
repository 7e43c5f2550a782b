"""Personal data at rest: AES-256-GCM over the columns named in `tables.SEALED`."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Table, func, select

from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.tables import EMPTY_UNSEALED, SEALED, metadata

_NONCE = 12
_SAMPLES = 5
_PLACES = {name: metadata.tables[name].c.keys().index(column) for name, column in SEALED.items()}


class Cipher:
    """Seals a column's value on its way in and opens it on its way out.

    A sealed value is a random 12-byte nonce and the ciphertext with its 16-byte tag; the names of table and
    column are bound to it. An empty value of the tables in `tables.EMPTY_UNSEALED` stays empty. One key serves
    for 2**32 values (NIST SP 800-38D, 8.3). Raises StoreFailed if the key has not 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise StoreFailed(f"the store's key has {len(key)} bytes; it must have 32 (AES-256)")
        self._aead = AESGCM(key)

    def seal(self, table: str, row: dict[str, Any]) -> None:
        """Encrypt the column of ``row`` that is to be sealed, if its table has one."""
        column = SEALED.get(table)
        if column is None or (row[column] == b"" and table in EMPTY_UNSEALED):
            return
        nonce = os.urandom(_NONCE)
        row[column] = nonce + self._aead.encrypt(nonce, row[column], _bound_to(table, column))

    def opened(self, table: Table, values: Sequence[Any]) -> Sequence[Any]:
        """Return a row's values, in the order of the table's columns, in the clear.

        Raises StoreFailed if a sealed value was written with another key or altered since.
        """
        column = SEALED.get(table.name)
        if column is None:
            return values
        place = _PLACES[table.name]
        if not values[place] and table.name in EMPTY_UNSEALED:
            return values
        return [*values[:place], self._open(table.name, column, values[place]), *values[place + 1 :]]

    def check(self, connection: Connection) -> None:
        """Raise StoreFailed if nothing that is stored opens with this key; one altered row does not count."""
        tried = False
        with connection.begin():
            for table, row in _samples(connection):
                if self._opens(table, row):
                    return
                tried = True
        if tried:
            raise StoreFailed("nothing in the store can be decrypted with this key: it was written with another")

    def _opens(self, table: Table, values: Sequence[Any]) -> bool:
        try:
            self.opened(table, values)
        except StoreFailed:
            return False
        return True

    def _open(self, table: str, column: str, sealed: bytes) -> bytes:
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(table, column))
        except (InvalidTag, ValueError):
            raise StoreFailed(
                f"a value of {table}.{column} cannot be decrypted: "
                "the key is not the one it was written with, or the file was altered"
            ) from None


def _bound_to(table: str, column: str) -> bytes:
    return f"{table}.{column}".encode()


def _samples(connection: Connection) -> Iterator[tuple[Table, Sequence[Any]]]:
    for name, column in SEALED.items():
        table = metadata.tables[name]
        sealed = select(table).where(func.length(table.c[column]) > 0).limit(_SAMPLES)
        yield from ((table, row) for row in connection.execute(sealed).all())

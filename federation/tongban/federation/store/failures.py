"""From the errors of the database and its driver to the store's own."""

import sqlite3

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError

from tongban.federation.store.errors import StoreFailed, StoreFull, UnitInvalid

_MISTAKES = (DataError, IntegrityError, InterfaceError, ProgrammingError)


def failure(error: Exception) -> StoreFailed:
    """Return a new error of the store that says what ``error`` means to a caller, with ``error`` as its cause."""
    meaning = _meaning(error)
    meaning.__cause__ = error
    return meaning


def _meaning(error: Exception) -> StoreFailed:
    if isinstance(error, StoreFailed):
        return type(error)(*error.args)
    if not isinstance(error, DatabaseError | InterfaceError):
        return UnitInvalid(f"a value cannot be stored ({type(error).__name__})")
    if isinstance(error, _MISTAKES):
        return UnitInvalid(f"the database refused a row: {error.orig}")
    if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return StoreFull("there is no room left for the store's file: free disk space, then it goes on by itself")
    return StoreFailed(f"the database failed: {error.orig}")

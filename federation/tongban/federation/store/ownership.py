"""A store's file belongs to one process."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from tongban.federation.store.errors import StoreOwned


class Ownership:
    """The lock on ``<path>.lock``, which holds the owner's pid; the owner's death releases it.

    Two processes that write or checkpoint one SQLite file in WAL mode can corrupt it before SQLite 3.51.3.
    Raises StoreOwned if the lock is taken, OSError if there can be no such file.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = self._recorded_pid()
            self.release()
            raise StoreOwned(path, pid) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def _recorded_pid(self) -> int | None:
        with suppress(ValueError):
            return int(os.pread(self._file, 20, 0))
        return None

    def release(self) -> None:
        """Give the file free. The lock file stays, because taking it away would race with the next owner."""
        os.close(self._file)

"""What may go wrong with a store. Texts name no values of rows: these may be personal data."""

from pathlib import Path


class StoreFailed(Exception):
    """The store could not do what was asked, and wrote nothing of it; it goes on working."""


class StoreFull(StoreFailed):
    """There is no room for a write. Reads go on, and writes do once there is room again."""


class UnitInvalid(StoreFailed):
    """What was handed over can never be written: a mistake of the caller."""


class StoreOwned(StoreFailed):
    """Another process, or another store of this one, has the file open; ``pid`` is None if it is just starting."""

    def __init__(self, path: Path, pid: int | None) -> None:
        owner = f"process {pid}" if pid else "another process, which is just starting"
        super().__init__(
            f"{path} belongs to {owner}: one process only may open a store. Ask the running node, or stop it first."
        )
        self.path = path
        self.pid = pid

"""How many bytes materials may take at this node, and how many of them windows may bring that no case names."""

import os
from collections import Counter
from pathlib import Path
from threading import RLock

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.materials.settings import Materials as Settings


class Room:
    """Counts the bytes that are on disk, whole materials and parts alike. Threads may share it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._lock = RLock()
        self._used = 0
        self._uploads: Counter[str] = Counter()

    @property
    def windows(self) -> list[str]:
        """Windows that have brought what no case names."""
        with self._lock:
            return list(self._uploads)

    def check(self, count: int, window: str = "") -> None:
        """Refuse bytes for which there is no room now; the window is named for an upload.

        Raises:
            Refusal: MATERIAL_SPACE.
        """
        most, free = self._settings, self._free()
        with self._lock:
            used, brought = self._used, self._uploads[window] if window else 0
        if used + count > most.total_bytes:
            raise no_room(f"all materials may take {most.total_bytes} bytes, and {used} are taken")
        if window and brought + count > most.window_bytes:
            raise no_room(f"window {window} may bring {most.window_bytes} bytes that no case names, and has {brought}")
        if free - count < most.free_bytes:
            raise no_room(f"its disk has {free} free bytes, of which {most.free_bytes} are for everything else")

    def take(self, count: int, window: str = "") -> None:
        """Count bytes that are written now.

        Raises:
            Refusal: MATERIAL_SPACE.
        """
        with self._lock:
            self.check(count, window)
            self.count(count, window)

    def count(self, count: int, window: str = "") -> None:
        """Count bytes that are there."""
        with self._lock:
            self._used += count
            self._for_window(count, window)

    def give(self, count: int, window: str = "") -> None:
        """Count bytes that are gone, or were not written after all."""
        self.count(-count, window)

    def named(self, count: int, window: str) -> None:
        """Count bytes that a case names now, so that they are no longer the window's."""
        with self._lock:
            self._for_window(-count, window)

    def _for_window(self, count: int, window: str) -> None:
        if window:
            self._uploads[window] += count
            self._uploads += Counter()  # Forgets who has none.

    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize


def disk_failed(error: OSError) -> Refusal:
    """Return the refusal of bytes that the disk did not take."""
    return no_room(f"its disk says: {os.strerror(error.errno or 0)}")


def no_room(rule: str) -> Refusal:
    """Return the refusal of bytes for which there is no room."""
    return Refusal(codes.MATERIAL_SPACE, rule=rule)

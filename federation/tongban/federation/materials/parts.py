"""A material on its way: a file that grows, and the digest of what is in it."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.materials.room import Room, disk_failed

if TYPE_CHECKING:
    from hashlib import _Hash


class Part:
    """A file that one call after the other adds to, from threads.

    A call that goes on where the file ends has the turn from then on: one before it that still lives, as after a
    connection broke down unnoticed, adds nothing more.
    """

    def __init__(self, path: Path, room: Room, window: str = "") -> None:
        self.path = path
        self._room = room
        self._window = window
        self._lock = Lock()
        self._turn = 0
        self._size = 0
        self._hash: _Hash | None = None
        """None until what is in the file has been hashed: what an earlier process left is not simply believed."""

    def begin(self, offset: int | None = None) -> tuple[int, int]:
        """Return the size, and the turn of who goes on there; the turn is 0 if the file does not end at the offset."""
        with self._lock:
            if self._hash is None or _size(self.path) != self._size:
                self._hash, self._size = _hashed(self.path)
            if offset not in (None, self._size):
                return self._size, 0
            self._turn += 1
            return self._size, self._turn

    def append(self, turn: int, data: bytes) -> int:
        """Add bytes and return the size; nothing is added if another call has the turn.

        Raises:
            Refusal: MATERIAL_SPACE; the file is as it was.
        """
        with self._lock:
            if turn == self._turn and self._hash is not None:
                self._write(data)
                self._hash.update(data)
                self._size += len(data)
            return self._size

    def keep(self, digest: str, path: Path) -> bool:
        """Give the file another name as well, durably, if it is what the digest names; say whether it is.

        Raises:
            Refusal: MATERIAL_SPACE; nothing of the file is kept, for nobody knows what of it was written.
        """
        with self._lock:
            if self._hash is None or self._hash.hexdigest() != digest or _size(self.path) != self._size:
                return False
            try:
                _sync(self.path)
                _link(self.path, path)
            except OSError as error:
                self._drop()
                raise disk_failed(error) from error
            return True

    def drop(self, turn: int) -> None:
        """Throw away what is here, unless another call has the turn or the file has been kept."""
        with self._lock:
            if turn == self._turn:
                self._drop()

    def _drop(self) -> None:
        if _names(self.path) > 1:
            return
        self._room.give(_size(self.path), self._window)
        self.path.unlink(missing_ok=True)
        self._turn, self._hash = self._turn + 1, None

    def _write(self, data: bytes) -> None:
        self._room.take(len(data), self._window)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(data)
        except OSError as error:
            self._room.give(len(data), self._window)
            with suppress(FileNotFoundError):
                os.truncate(self.path, self._size)
            raise disk_failed(error) from error


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _link(part: Path, path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        os.link(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _names(path: Path) -> int:
    try:
        return path.stat().st_nlink
    except FileNotFoundError:
        return 0


def _hashed(path: Path) -> "tuple[_Hash, int]":
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256"), file.tell()
    except FileNotFoundError:
        return hashlib.sha256(), 0


def wrong(rule: str) -> Refusal:
    """Return the refusal of an upload that is not as described."""
    return Refusal(codes.MATERIAL_WRONG, rule=rule)

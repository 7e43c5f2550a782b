"""The materials that are at this node, and where."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation.materials.parts import Part
from tongban.federation.materials.room import Room
from tongban.federation.materials.settings import Materials as Settings

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 4
_WINDOW = "window-"
"""What a window's folder begins with: a window's id may be two dots."""


class Materials:
    """Keeps materials. One is there whole, with the right digest, or not at all.

    Those that a peer gave are apart from those of others. Whoever only names a digest is not taken for one who has the
    material: for a case of that peer, it has to come from there.
    """

    def __init__(self, folder: Path, member: str, settings: Settings, clock: Clock) -> None:
        self.member = member
        self.settings = settings
        self._folder = folder
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "materials")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.room = Room(folder, settings)
        self._count()

    def path(self, giver: str, digest: str) -> Path:
        """Return where a material that a member gave is, or would be."""
        return self._folder / giver / digest

    def upload(self, window: str, digest: str) -> Path:
        """Return where what a window has brought of a material is, or would be."""
        return self._folder / "uploads" / f"{_WINDOW}{window}" / digest

    def fetched(self, giver: str, digest: str) -> Path:
        """Return where what has come of a material from a member is, or would be."""
        return self._folder / "fetches" / giver / digest

    def size(self, giver: str, digest: str) -> int | None:
        """Return the bytes of a material, or None if it is not here."""
        try:
            return self.path(giver, digest).stat().st_size
        except FileNotFoundError:
            return None

    async def part(self, giver: str, digest: str, offset: int, limit: int) -> bytes:
        """Return a part of a material.

        Raises:
            Refusal: MATERIAL_UNKNOWN.
        """
        return await self.in_thread(_read, self.path(giver, digest), offset, limit)

    async def keep(self, part: Part, giver: str, digest: str) -> bool:
        """Have a part that is whole be a material, durably; say no if it is not what the digest names.

        The part itself stays where it is, as another name of the same file.

        Raises:
            Refusal: MATERIAL_SPACE.
        """
        return await self.in_thread(part.keep, digest, self.path(giver, digest))

    def touch(self, path: Path) -> None:
        """Note that somebody has to do with a file, so that it is not taken away for a while."""
        now = self._clock().timestamp()
        with suppress(FileNotFoundError):
            os.utime(path, (now, now))

    def named(self, digest: str) -> None:
        """Take note that a case names a material of this member's windows."""
        for window in self.room.windows:
            self.let_go(self.upload(window, digest), window)

    def let_go(self, path: Path, window: str = "") -> None:
        """Take a name of a file away; its bytes are gone if it was the last."""
        with suppress(FileNotFoundError):
            found = path.stat()
            path.unlink()
            (self.room.give if found.st_nlink == 1 else self.room.named)(found.st_size, window)

    def uploads(self) -> Iterator[tuple[str, Path]]:
        """Yield what windows have brought, each with the window."""
        for path in self._folder.glob(f"uploads/{_WINDOW}*/*"):
            yield path.parent.name.removeprefix(_WINDOW), path

    def whole(self) -> Iterator[Path]:
        """Yield the materials that this member's windows gave and no upload names any more."""
        for path in self._folder.glob(f"{self.member}/*"):
            with suppress(FileNotFoundError):
                if path.stat().st_nlink == 1:
                    yield path

    def fetches(self) -> Iterator[Path]:
        """Yield what is on its way from peers."""
        yield from self._folder.glob("fetches/*/*")

    def is_old(self, path: Path) -> bool:
        """Say whether nobody has had to do with a file for as long as an upload may wait for its case."""
        try:
            return self._clock().timestamp() - path.stat().st_mtime > self.settings.upload_seconds
        except FileNotFoundError:
            return False

    def _count(self) -> None:
        """Count what is there; a file with two names is an upload that is whole, and counted once."""
        whole = (path for path in self._folder.glob("*/*") if path.is_file())
        for path in (*whole, *self.fetches()):
            self.room.count(path.stat().st_size)
        for window, path in self.uploads():
            found = path.stat()
            self.room.count(found.st_size, window)
            if found.st_nlink > 1:
                self.room.give(found.st_size)

    async def in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Have a thread do what waits for the disk, or takes long."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))


def _read(path: Path, offset: int, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError:
        raise Refusal(codes.MATERIAL_UNKNOWN, {"digest": path.name}) from None

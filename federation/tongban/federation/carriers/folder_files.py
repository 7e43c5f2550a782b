"""Batches as files: names sort in the order of writing, and hold the digest by which a reader knows a whole file.

A file is written under another name, made durable, and renamed; whatever copies it on its way needs to do nothing of
the kind, since a file whose digest is not that of its name is left alone until it is.
"""

import logging
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from tongban.core.times import Clock, micros
from tongban.federation.exchange.frames import MOST_FRAME

log = logging.getLogger(__name__)

_PART = ".part"
_NAME = re.compile(r"(?P<order>\d{20})-(?P<run>[0-9a-f]{8})-(?P<digest>[0-9a-f]{64})\.(?P<kind>questions|answers)")
_MOST_ANSWERS = 16
"""Files of answers that one look returns."""

_REPORT_SECONDS = 60.0
"""A file that is not whole for so long is told."""


class Kind(Enum):
    """What a file holds."""

    QUESTIONS = "questions"
    """A serialised LinkRequest."""
    ANSWERS = "answers"
    """A serialised LinkResponse."""


class FileWriter:
    """Writes files into one folder, which nobody else writes into."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock
        self._run = uuid4().hex[:8]
        self._last: int | None = None

    def write(self, kind: Kind, content: bytes) -> str:
        """Write a file and return its name once it stands; raises an OSError and leaves nothing of it."""
        self._last = max(micros(self._clock()), self._before() + 1)
        name = f"{self._last:020d}-{self._run}-{sha256(content).hexdigest()}.{kind.value}"
        part = self.folder / f"{name}{_PART}"
        try:
            _write_durably(part, content)
            part.rename(self.folder / name)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        try:
            _sync(self.folder)
        except OSError as error:  # It may be taken already. One that a power failure loses is written again in time.
            log.warning("folder %s: %s stands but may not be durable (%s)", self.folder, name, error.strerror or error)
        return name

    def remove(self, name: str) -> bool:
        """Take a file back, and say whether it still lay there."""
        try:
            (self.folder / name).unlink()
        except OSError:
            return False
        return True

    def _before(self) -> int:
        """Return the order of the last file; at first that of what lies there, rid of what a kill left half written."""
        if self._last is not None:
            return self._last
        last = 0
        for path in self.folder.iterdir():
            if path.suffix == _PART and _NAME.fullmatch(path.stem):
                path.unlink(missing_ok=True)
            elif found := _NAME.fullmatch(path.name):
                last = max(last, int(found["order"]))
        return last


@dataclass(frozen=True, slots=True)
class Found:
    """A whole file."""

    name: str
    run: str
    """What its writer calls itself until it stops."""
    kind: Kind
    content: bytes


@dataclass(slots=True)
class Looked:
    """What a look into a folder found."""

    files: list[Found] = field(default_factory=list)
    """In the order of writing."""
    foreign: list[str] = field(default_factory=list)
    """Names that were not there before, and are none of ours."""
    known: list[str] = field(default_factory=list)
    """Names of files that are taken already and lie there."""
    broken: list[str] = field(default_factory=list)
    """Names of files that are not whole and ought to be by now."""


@dataclass(frozen=True, slots=True)
class _Incomplete:
    size: int
    changed: int
    since: float


class FileReader:
    """Finds files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incomplete: dict[str, _Incomplete] = {}
        self._foreign: frozenset[str] = frozenset()

    def look(self, taken: Collection[str], most: int) -> Looked:
        """Return what is there, at most so many files of questions, without those that are taken already.

        Questions may wait for long: behind them answers never wait.

        Raises:
            OSError: the folder cannot be read.
        """
        looked, names, foreign = Looked(), list[str](), list[str]()
        with os.scandir(self.folder) as entries:
            for entry in entries:
                ours = _NAME.fullmatch(entry.name) is not None and entry.is_file(follow_symlinks=False)
                (names if ours else foreign).append(entry.name)
        looked.foreign = [name for name in foreign if name not in self._foreign and not name.endswith(_PART)]
        self._foreign = frozenset(foreign)
        self._incomplete = {name: self._incomplete[name] for name in names if name in self._incomplete}
        looked.known = [name for name in names if name in taken]
        looked.files = list(self._whole([name for name in sorted(names) if name not in taken], most))
        looked.broken = [name for name, one in self._incomplete.items() if _seconds() - one.since > _REPORT_SECONDS]
        return looked

    def remove(self, name: str) -> None:
        """Remove a file; raises an OSError if it stays."""
        (self.folder / name).unlink(missing_ok=True)

    def _whole(self, names: list[str], most: int) -> Iterator[Found]:
        left = {Kind.QUESTIONS.value: most, Kind.ANSWERS.value: _MOST_ANSWERS}
        for name in names:
            kind = name.rpartition(".")[2]
            if left[kind] > 0 and (found := self._read(name)) is not None:
                left[kind] -= 1
                yield found

    def _read(self, name: str) -> Found | None:
        """Return a file if it is whole; one that has not changed since it was not is not read again."""
        before = self._incomplete.get(name)
        try:
            status = (self.folder / name).stat()
            if before and (before.size, before.changed) == (status.st_size, status.st_mtime_ns):
                return None
            content = (self.folder / name).read_bytes() if status.st_size <= MOST_FRAME else b""
        except FileNotFoundError:
            return None
        except OSError:  # Of this file; those behind it are taken.
            self._incomplete[name] = _Incomplete(-1, 0, before.since if before else _seconds())
            return None
        match = _NAME.fullmatch(name)
        if match and sha256(content).hexdigest() == match["digest"]:
            self._incomplete.pop(name, None)
            return Found(name, match["run"], Kind(match["kind"]), content)
        since = before.since if before else _seconds()
        self._incomplete[name] = _Incomplete(status.st_size, status.st_mtime_ns, since)
        return None


def _seconds() -> float:
    return time.monotonic()


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

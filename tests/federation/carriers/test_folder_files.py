"""Files of batches: whole or not there, in order, and nobody else's."""

import errno
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tongban.core.times import wall_clock
from tongban.federation.carriers import folder_files
from tongban.federation.carriers.folder_files import FileReader, FileWriter, Kind

from ..in_memory.clock import Clock


@pytest.fixture
def writer(tmp_path: Path) -> FileWriter:
    return FileWriter(tmp_path, wall_clock)


@pytest.fixture
def reader(tmp_path: Path) -> FileReader:
    return FileReader(tmp_path)


def test_files_come_in_the_order_of_writing(writer: FileWriter, reader: FileReader) -> None:
    contents = [b"%d" % number for number in range(20)]
    names = [writer.write(Kind.QUESTIONS if number % 2 else Kind.ANSWERS, contents[number]) for number in range(20)]
    looked = reader.look((), 100)
    assert [found.content for found in looked.files] == contents
    assert [found.name for found in looked.files] == names == sorted(names)
    assert [found.kind for found in looked.files[:2]] == [Kind.ANSWERS, Kind.QUESTIONS]
    assert len({found.run for found in looked.files}) == 1


def test_no_more_files_come_than_are_wanted_and_none_that_is_taken(writer: FileWriter, reader: FileReader) -> None:
    names = [writer.write(Kind.QUESTIONS, b"%d" % number) for number in range(5)]
    assert [found.name for found in reader.look({names[0]}, 2).files] == names[1:3]
    assert reader.look((), 0).files == []


def test_answers_never_wait_behind_questions(writer: FileWriter, reader: FileReader) -> None:
    """Two peers whose questions wait for each other's answers would wait for ever."""
    kinds = [Kind.QUESTIONS, Kind.QUESTIONS, *[Kind.ANSWERS] * 20]
    names = [writer.write(kind, b"%d" % number) for number, kind in enumerate(kinds)]
    assert [found.name for found in reader.look((), 0).files] == names[2:18]
    assert [found.name for found in reader.look(names[:18], 0).files] == names[18:]


def test_a_file_that_cannot_be_read_holds_up_none_behind_it(
    writer: FileWriter, reader: FileReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = writer.write(Kind.ANSWERS, b"1")
    read, forbidden = Path.read_bytes, reader.folder / first

    def refuse(path: Path) -> bytes:
        if path == forbidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    last = writer.write(Kind.ANSWERS, b"2")
    assert [found.name for found in reader.look((), 9).files] == [last]
    monkeypatch.setattr(folder_files, "_REPORT_SECONDS", -1.0)
    assert reader.look((), 9).broken == [first]
    monkeypatch.undo()
    assert [found.name for found in reader.look((), 9).files] == [first, last]


def test_the_order_holds_after_a_restart_with_a_clock_that_went_back(tmp_path: Path, reader: FileReader) -> None:
    clock = Clock(wall_clock())
    FileWriter(tmp_path, clock).write(Kind.ANSWERS, b"first")
    clock.turn(-timedelta(hours=1))
    FileWriter(tmp_path, clock).write(Kind.ANSWERS, b"second")
    first, second = reader.look((), 100).files
    assert (first.content, second.content) == (b"first", b"second")
    assert first.run != second.run


def test_a_file_that_is_copied_slowly_is_taken_when_it_is_whole(tmp_path: Path, writer: FileWriter) -> None:
    name = writer.write(Kind.QUESTIONS, b"question" * 1000)
    there = tmp_path / "there"
    there.mkdir()
    reader, content = FileReader(there), (tmp_path / name).read_bytes()
    for size in (0, 1, 7999):
        (there / name).write_bytes(content[:size])
        assert reader.look((), 100).files == []
    (there / name).write_bytes(content)
    assert [found.content for found in reader.look((), 100).files] == [content]


def test_a_file_that_stays_incomplete_is_told_and_not_read_again(
    writer: FileWriter, reader: FileReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = writer.write(Kind.QUESTIONS, b"question")
    path = reader.folder / name
    path.write_bytes(b"quest")
    assert reader.look((), 100).broken == []
    monkeypatch.setattr(folder_files, "_REPORT_SECONDS", -1.0)
    assert reader.look((), 100).broken == [name]
    before = path.stat()
    path.write_bytes(b"QUEST")  # As long as before, and no newer: it is not looked into.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reader.look((), 100).files == []
    path.write_bytes(b"question")
    assert [found.name for found in reader.look((), 100).files] == [name]
    assert reader.look((), 100).broken == []


def test_foreign_files_are_told_once_and_stay(tmp_path: Path, writer: FileWriter, reader: FileReader) -> None:
    content = b"question"
    for name in ("说明.txt", ".hidden", f"1-{sha256(content).hexdigest()}.questions"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / writer.write(Kind.ANSWERS, b"x")).rename(tmp_path / "moved")
    folder = tmp_path / writer.write(Kind.ANSWERS, b"folder")
    folder.unlink()
    folder.mkdir()
    (tmp_path / "half.part").write_bytes(content)
    looked = reader.look((), 100)
    assert len(looked.foreign) == 5
    assert looked.files == []
    assert reader.look((), 100).foreign == []
    assert len(list(tmp_path.iterdir())) == 6


def test_a_file_that_goes_while_it_is_looked_at_is_passed_over(writer: FileWriter, reader: FileReader) -> None:
    names = [writer.write(Kind.ANSWERS, b"%d" % number) for number in range(3)]
    reader.remove(names[1])
    reader.remove(names[1])
    assert [found.name for found in reader.look((), 100).files] == [names[0], names[2]]


_KILLED = """
import os, sys
from pathlib import Path
from tongban.core.times import wall_clock
from tongban.federation.carriers import folder_files
step, folder = sys.argv[1], Path(sys.argv[2])
writer = folder_files.FileWriter(folder, wall_clock)
writer.write(folder_files.Kind.ANSWERS, b"before")
kill = lambda *arguments: os._exit(9)
if step == "before it is whole":
    os.fsync = kill
if step == "before it is renamed":
    Path.rename = kill
if step == "after it is renamed":
    folder_files._sync = kill
writer.write(folder_files.Kind.ANSWERS, b"content")
"""


@pytest.mark.parametrize(
    ("step", "there"),
    [
        ("before it is whole", [b"before", b"content"]),
        ("before it is renamed", [b"before", b"content"]),
        ("after it is renamed", [b"before", b"content", b"content"]),
    ],
)
def test_a_kill_at_any_step_leaves_a_whole_file_or_none(tmp_path: Path, step: str, there: list[bytes]) -> None:
    assert subprocess.run([sys.executable, "-c", _KILLED, step, tmp_path], check=False).returncode == 9
    FileWriter(tmp_path, wall_clock).write(Kind.ANSWERS, b"content")
    assert [found.content for found in FileReader(tmp_path).look((), 100).files] == there
    assert not list(tmp_path.glob("*.part"))


def test_a_file_that_stands_is_written_whatever_comes_after(
    writer: FileWriter, reader: FileReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(folder_files, "_sync", fails)
    name = writer.write(Kind.QUESTIONS, b"question")
    assert [found.name for found in reader.look((), 100).files] == [name]


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Return a folder on a disk of its own that holds 64 KiB; skips where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk that is full needs a mount of tmpfs, which is root's")
    return disk


def test_a_full_disk_leaves_nothing_half_written(small_disk: Path) -> None:
    try:
        writer = FileWriter(small_disk, wall_clock)
        first = writer.write(Kind.ANSWERS, bytes(40_000))
        with pytest.raises(OSError, match="space") as caught:
            writer.write(Kind.ANSWERS, bytes(range(256)) * 200)
        assert caught.value.errno == errno.ENOSPC
        assert [path.name for path in small_disk.iterdir()] == [first]
        writer.remove(first)
        writer.write(Kind.ANSWERS, bytes(range(256)) * 200)
        assert len(FileReader(small_disk).look((), 100).files) == 1
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)
        shutil.rmtree(small_disk)

"""A reader who does what pages say: in a folder of its own, at one shell and one Python."""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, Self

from .pages import REPOSITORY, Piece

SECONDS = 30.0
"""How long a command may take, and how long its reader waits for what the page says."""

_ONLY_READS = re.compile(r"tongban (status|\w+ (list|show))\b")
_ENDED = re.compile(r"\x01(\d+)\x01\n")

_SHELL = r"""
status=0
while IFS= read -r -d '' command <&3; do
    eval "(exit $status)
$command"
    status=$?
    printf '\001%d\001\n' $status
done
"""

_PYTHON = r"""
import os, sys, traceback
names = {"__name__": "__main__"}
source = os.fdopen(3, encoding="utf-8")
pending = ""
while part := source.read(1):
    if part != "\0":
        pending += part
        continue
    try:
        exec(compile(pending, "<page>", "exec"), names)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        status = 1
    print(f"\1{status}\1", flush=True)
    pending = ""
"""


class Session:
    """A shell or a Python that takes one text after the other."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        # What it starts stays in its process group, and ends with it.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{reading}', "-", *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[reading],
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
        os.close(reading)
        self._texts = os.fdopen(writing, "w", encoding="utf-8")
        self._lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()

    def run(self, text: str) -> tuple[int, str]:
        """Run a text; return its exit status and its output."""
        self._texts.write(f"{text}\0")
        self._texts.flush()
        output, until = "", time.monotonic() + SECONDS
        while not (ended := _ENDED.search(output)):
            output += self._line(until, f"{text!r} goes on; so far it said:\n{output}")
        return int(ended[1]), output[: ended.start()]

    def await_lines(self, expected: Sequence[str], output: str) -> str:
        """Return the output of something that goes on, once it has these lines."""
        until = time.monotonic() + SECONDS
        while lacks := missing(expected, output):
            output += self._line(until, f"no line {lacks!r}; so far it said:\n{output}")
        return output

    def end(self) -> None:
        """End it and whatever it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._texts.close()

    def _line(self, until: float, problem: str) -> str:
        try:
            return self._lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise AssertionError(problem) from None

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line)


class Reader:
    """Does what pages say, one piece after the other."""

    def __init__(self) -> None:
        # A short path, for sockets; it looks like the clone in which readers are.
        self._folder = Path(tempfile.mkdtemp(prefix="docs-"))
        (self._folder / "examples").symlink_to(REPOSITORY / "examples")
        (self._folder / ".venv").symlink_to(sys.prefix)
        self._environment = _environment(self._folder)
        self._shell = Session(["bash", "-c", _SHELL], self._folder, self._environment)
        self._python: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in (self._python, self._shell):
            if session:
                session.end()
        shutil.rmtree(self._folder)

    def do(self, pieces: Sequence[Piece]) -> None:
        """Do pieces in order; fail if what comes of one is not what its page says, or if one fails unsaid."""
        for piece, following in zip_longest(pieces, pieces[1:]):
            status = self._do(piece)
            told = following is not None and following.text == "echo $?"
            assert status == 0 or told, f"{piece.place}: {piece.text} ended with {status}, and the page does not say so"

    def _do(self, piece: Piece) -> int:
        if piece.kind == "console":
            return self._command(piece)
        here = Path(self._shell.run("pwd")[1].strip())
        if piece.kind == "python":
            return self._run_python(piece, here)
        with (here / piece.name).open("a" if piece.append else "x", encoding="utf-8") as file:
            file.write(f"\n{piece.text}" if piece.append else piece.text)
        return 0

    def _run_python(self, piece: Piece, here: Path) -> int:
        if self._python is None:
            self._python = Session([sys.executable, "-c", _PYTHON], here, self._environment)
        status, output = self._python.run(piece.text)
        _check(piece, output)
        return status

    def _command(self, piece: Piece) -> int:
        status, output = self._shell.run(piece.text)
        if piece.text.endswith("&"):
            output = self._shell.await_lines(piece.output, output)
        until = time.monotonic() + SECONDS
        while _ONLY_READS.match(piece.text) and missing(piece.output, output) and time.monotonic() < until:
            time.sleep(0.2)
            status, output = self._shell.run(piece.text)
        _check(piece, output)
        return status


def missing(expected: Sequence[str], output: str) -> str | None:
    """Return the first line that an output lacks, or None.

    The lines are there in order, with others between them; how wide the space between words is makes no difference.
    """
    lines = iter(output.splitlines())
    for one in expected:
        pattern = re.compile(".*".join(map(re.escape, _words(one).split("…"))))
        if not any(pattern.fullmatch(_words(line)) for line in lines):
            return one
    return None


def _words(line: str) -> str:
    return " ".join(line.split())


def _check(piece: Piece, output: str) -> None:
    lacks = missing(piece.output, output)
    assert lacks is None, f"{piece.place}: {piece.text}\n--- lacks the line:\n{lacks}\n--- and says:\n{output}"


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of a reader; what pip installs goes into the folder, and comes from this machine."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TONGBAN_", "PIP_", "PYTEST_"))}
    installed = str(folder / "installed")
    return clean | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(folder),
        "PYTHONPATH": installed,
        "PIP_TARGET": installed,
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

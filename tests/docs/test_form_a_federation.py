"""The how-to page on forming a federation does what it says: every file is written, every command runs."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "form-a-federation.md"
PATIENCE = 20.0
"""Seconds within which nodes have told each other what they offer."""

_BLOCK = re.compile(
    r"^```(?:\{code-block\} \w+\n:caption: (?P<file>\S+)(?P<append>, at the end)?|console)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


class Reader:
    """Does what the page says, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: list[subprocess.Popen[str]] = []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TONGBAN_")}
        self._environment = {**clean, "PATH": path}

    def write(self, file: str, text: str, *, append: bool) -> None:
        with (self._folder / file).open("a" if append else "x", encoding="utf-8") as stream:
            stream.write(f"\n{text}")

    def run(self, command: str, expected: list[str]) -> None:
        until = time.monotonic() + PATIENCE
        while missing := _missing(expected, self._output(command)):
            assert " list" in command, f"{command}: no line {missing}"
            assert time.monotonic() < until, f"{command}: no line {missing} within {PATIENCE:g} s"

    def _output(self, command: str) -> str:
        if command.endswith(" &"):
            return self._start(command.removesuffix(" &"))
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _start(self, command: str) -> str:
        node = subprocess.Popen(
            shlex.split(command),
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._nodes.append(node)
        assert node.stdout
        return node.stdout.readline()

    def stop(self) -> list[int]:
        """Stop the nodes and return their exit codes."""
        for node in self._nodes:
            node.terminate()
        codes = [node.wait(30) for node in self._nodes]
        for node in self._nodes:
            if node.stdout:
                node.stdout.close()
        return codes


def _missing(expected: list[str], output: str) -> list[str]:
    """Return the lines that the output lacks; … stands for anything."""
    lines = output.splitlines()
    patterns = {line: ".*".join(map(re.escape, line.split("…"))) for line in expected}
    return [line for line, pattern in patterns.items() if not any(re.fullmatch(pattern, one) for one in lines)]


def _with_free_ports(text: str) -> str:
    with ExitStack() as held:
        for address in sorted(set(re.findall(r"127\.0\.0\.1:\d+", text))):
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            text = text.replace(address, f"127.0.0.1:{listener.getsockname()[1]}")
    return text


def _commands(block: str) -> Iterator[tuple[str, list[str]]]:
    for one in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, *output = one.splitlines()
        yield command, output


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        for block in _BLOCK.finditer(_with_free_ports(PAGE.read_text(encoding="utf-8"))):
            if block["file"]:
                reader.write(block["file"], block["text"], append=bool(block["append"]))
                continue
            for command, output in _commands(block["text"]):
                reader.run(command, output)
    finally:
        codes = reader.stop()
    assert codes == [0, 0, 0]


def test_every_block_of_the_page_is_used() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(_BLOCK.findall(page)) == page.count("\n```") // 2

"""Nodes as processes: started, stopped, killed and started again, as an operator or a power cut would."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 30.0
STOP_SECONDS = 30.0


class NodeDidNotStart(Exception):
    """A node ended before it was ready, or was not ready in time; the text has the end of its log."""


def command(*arguments: str) -> list[str]:
    """Return the ``tongban`` command line of this Python environment."""
    return [str(Path(sys.executable).with_name("tongban")), *arguments]


@dataclass(slots=True)
class NodeProcess:
    """One node, in a process of its own."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that the node has besides those of this process."""
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """The file with everything that the node has logged, over all its starts."""
        return self.home / "node.log"

    @property
    def pid(self) -> int | None:
        """Process id of the running node."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> "NodeProcess":
        """Start the node.

        Raises:
            NodeDidNotStart: it ended, or was not ready in time.
        """
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command("node", "run", "--home", str(self.home)),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
            )
        if wait:
            self.await_ready()
        return self

    def await_ready(self) -> None:
        """Wait until a started node says that it is ready.

        Raises:
            NodeDidNotStart: it ended, or was not ready in time.
        """
        process = self._process
        if process is None or process.stdout is None:
            raise NodeDidNotStart(f"the node in {self.home} was not started")
        late = threading.Timer(READY_SECONDS, process.kill)
        late.start()
        line = process.stdout.readline()
        late.cancel()
        if not line:
            process.wait()
            raise NodeDidNotStart(f"the node in {self.home} ended with {process.returncode}:\n{self._end_of_log()}")

    def stop(self) -> int:
        """Ask the node to stop (SIGTERM) and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End the node as a power cut does (SIGKILL) and return its exit code."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(how)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        return code

    def _end_of_log(self) -> str:
        return "".join(self.log.read_text(encoding="utf-8").splitlines(keepends=True)[-20:])

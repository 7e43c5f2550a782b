"""Runs a bench from beginning to end."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tongban.core.errors import Refusal
from tongban.core.testing.processes import NodeDidNotStart
from tongban.federation.bench import machine, report
from tongban.federation.bench.ground import Ground, running
from tongban.federation.bench.measure import Rounds, measure
from tongban.federation.bench.rows import BenchFailed, Row


def run(rounds: Rounds, folder: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure, and return machine, versions and a table; nodes keep their data in a new folder inside this one.

    Raises:
        BenchFailed: something did not work; the new folder with the nodes' logs is left, and named.
    """
    with _new_folder(folder) as own:
        told = {**machine.told(own), "rounds": rounds.count, "seconds": rounds.seconds}
        with running(own) as ground:
            _introduce(ground, say)
            return {**told, "rows": report.table(measure(ground, rounds, say))}


@contextmanager
def _new_folder(parent: Path | None) -> Iterator[Path]:
    """Give a folder that goes in the end, unless something is to be looked up in it."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield folder
    except subprocess.CalledProcessError as error:
        raise BenchFailed(f"the federation cannot be laid out in {folder}: {error.stderr}") from None
    except (BenchFailed, Refusal, NodeDidNotStart, TimeoutError) as error:
        raise BenchFailed(f"{error} (the nodes' logs are in {folder})") from error
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _introduce(ground: Ground, say: Callable[[str], None]) -> None:
    """Say which process is which, for whoever wants to look into one."""
    for row in (Row.ECHO, Row.BARE_FORWARD, Row.SUBMIT_THROUGH):
        pids = ", ".join(f"{name} {pid}" for name, pid in ground.processes(row).items())
        say(f"{'nodes' if row is Row.SUBMIT_THROUGH else row.value}: process {pids}")

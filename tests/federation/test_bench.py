"""The bench measures everything that it says, in the shortest form; how fast anything is, no test says."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tongban.core.testing.processes import command
from tongban.federation.bench.rows import COMPARED_WITH, Row
from tongban.federation.cli.exit_codes import ExitCode


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command("bench", *map(str, arguments)), capture_output=True, text=True, check=False)


def _answer(*arguments: str | Path) -> Any:
    done = _run(*arguments, "--format", "json")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_every_row(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    short = ("--rounds", "1", "--seconds", "0.5", "--in-flight", "4", "--folder", tmp_path)
    run = _answer(*short, "--save", history)
    rows = {row["row"]: row for row in run["rows"]}
    assert list(rows) == [row.value for row in Row]
    for row in Row:
        found = rows[row.value]
        assert found["rate"] > 0, found
        assert found["cpu_a"] > 0, found
        assert (row is Row.DRAIN) or 0 < found["p50_ms"] <= found["p99_ms"]
        assert (row in COMPARED_WITH) == (found.get("x_cpu", 0) > 0) == (found.get("x_rate", 0) > 0)
    assert {name for name, row in rows.items() if row["cpu_b"]} == {
        "bare-forward",
        "forwarded-lookup",
        "submit-through",
        "drain",
    }
    assert {"measured_at", "tongban", "grpcio", "python", "machine", "sync_to_disk"} < set(run)
    assert list(tmp_path.iterdir()) == [history]
    kept = _answer("history", history)
    assert {(row["row"], row["rate"]) for row in kept} == {(row["row"], row["rate"]) for row in run["rows"]}

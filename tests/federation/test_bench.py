"""The bench measures everything that it says, in the shortest form; how fast anything is, no test says."""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tongban.core.testing.processes import command
from tongban.federation.bench import load, report
from tongban.federation.bench.cpu import CpuTimes
from tongban.federation.bench.load import Load, Sample, Target
from tongban.federation.bench.measure import Measured
from tongban.federation.bench.rows import COMPARED_WITH, BenchFailed, Row, with_needed
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.formation.keys import certificate_pem, node_certificate


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
    with_b = {name for name, row in rows.items() if row["cpu_b"]}
    assert with_b == {"bare-forward", "forwarded-lookup", "submit-through", "drain"}
    assert {"measured_at", "tongban", "grpcio", "python", "machine", "load_before", "sync_to_disk"} < set(run)
    assert list(tmp_path.iterdir()) == [history]
    kept = _answer("history", history)
    assert {(row["row"], row["rate"]) for row in kept} == {(row["row"], row["rate"]) for row in run["rows"]}


def _sample(rate: int, cpu: float) -> Sample:
    return Sample(calls=rate * 2, seconds=2.0, cpu={"A": cpu * rate * 2 / 10_000}, p50=0.001, p99=0.002)


def test_figures_are_medians_and_ratios_are_taken_in_each_round() -> None:
    rounds = [(1000, 1.0, 500, 3.0), (2000, 2.0, 500, 4.0), (1000, 1.0, 100, 9.0)]
    measured = [Measured(Row.ECHO, 16, _sample(rate, cpu)) for rate, cpu, _, _ in rounds]
    measured += [Measured(Row.LOCAL_LOOKUP, 16, _sample(rate, cpu)) for _, _, rate, cpu in rounds]
    echo, lookup = report.table(measured)
    assert (echo["row"], echo["rate"], echo["rate_min"], echo["rate_max"]) == ("echo", 1000, 1000, 2000)
    assert (lookup["rate"], lookup["cpu_a"], lookup["p50_ms"], lookup["p99_ms"]) == (500, 4.0, 1.0, 2.0)
    assert (lookup["x_cpu"], lookup["x_cpu_min"], lookup["x_cpu_max"]) == (3.0, 2.0, 9.0)
    assert (lookup["x_rate"], lookup["x_rate_min"], lookup["x_rate_max"]) == (0.25, 0.1, 0.5)


def test_a_row_brings_what_it_is_compared_with() -> None:
    assert with_needed([Row.LOCAL_LOOKUP]) == {Row.LOCAL_LOOKUP, Row.ECHO}
    assert with_needed([Row.DRAIN]) == {Row.DRAIN, Row.SUBMIT, Row.ECHO}


def test_processor_time_is_that_of_the_process() -> None:
    begin = time.process_time()
    cpu = CpuTimes({"A": os.getpid()})
    sum(range(1_000_000))
    used = cpu.used()["A"]
    assert 0 < used <= time.process_time() - begin


def test_a_call_that_fails_ends_the_bench() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificate_pem(node_certificate("310151", key, {"127.0.0.1"}, datetime.now(UTC)))
    with socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        target = Target(f"127.0.0.1:{nobody.getsockname()[1]}", certificate, "/bare.Bare/Call", b"")
        with pytest.raises(BenchFailed, match="UNAVAILABLE"):
            load.generate(Load(target, {}, in_flight=2, seconds=1.0, warm_up=0.1))


@pytest.mark.parametrize("line", ["{}", "no JSON", '{"rows": [{}]}', "[]"])
def test_a_history_with_something_else_in_it_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "history.jsonl").write_text(f"{line}\n", encoding="utf-8")
    done = _run("history", tmp_path / "history.jsonl")
    assert done.returncode == ExitCode.SETTINGS_WRONG
    assert "history.jsonl, line 1 is no run of the bench" in done.stderr

"""A first plugin is at most twenty lines."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "tongban-hangzhou-gjj"


def test_the_example_has_at_most_twenty_lines() -> None:
    (module,) = EXAMPLE.rglob("*.py")
    lines = [line for line in module.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert 0 < len(lines) <= 20


def test_its_lines_are_as_everybody_writes_them() -> None:
    ruff = Path(sys.executable).parent / "ruff"
    for arguments in (["check"], ["format", "--check"]):
        run = subprocess.run([ruff, *arguments, EXAMPLE], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr

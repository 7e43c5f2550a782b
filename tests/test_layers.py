"""The import contracts of ``.importlinter`` hold, and each of them notices what it forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOTS = ("core", "federation", "plugins", "protos")


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    sources = os.pathsep.join(str(folder / root) for root in ROOTS)
    environment = {**os.environ, "PYTHONPATH": sources, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for root in ROOTS:
        shutil.copytree(REPOSITORY / root, tmp_path / root, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / ".importlinter", tmp_path)
    return tmp_path


def test_the_repository_keeps_its_contracts() -> None:
    run = _lint_imports(REPOSITORY)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core/tongban/core/intruder.py", "import tongban.federation"),
        ("core/tongban/core/intruder.py", "import sqlite3"),
        ("federation/tongban/federation/carriers/intruder.py", "import httpx"),
        ("federation/tongban/federation/transport/intruder.py", "import uvicorn"),
        ("core/tongban/core/intruder.py", "import sqlalchemy"),
        ("core/tongban/core/intruder.py", "import grpc"),
        ("federation/tongban/federation/intruder.py", "from grpc import aio"),
        ("federation/tongban/federation/intruder.py", "import tongban.plugins"),
        ("plugins/tongban/plugins/intruder.py", "import tongban.federation"),
        ("protos/tongban/api/intruder.py", "import tongban.core"),
    ],
)
def test_a_forbidden_import_is_named(copy: Path, module: str, line: str) -> None:
    (copy / module).write_text(f"{line}\n", encoding="utf-8")
    run = _lint_imports(copy)
    assert run.returncode == 1
    assert "intruder -> " in run.stdout, run.stdout


@pytest.mark.parametrize("folder", ["bench", "carriers", "transport"])
def test_a_transport_may_import_grpc(copy: Path, folder: str) -> None:
    package = copy / "federation/tongban/federation" / folder
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "newcomer.py").write_text("import grpc\n", encoding="utf-8")
    run = _lint_imports(copy)
    assert run.returncode == 0, run.stdout

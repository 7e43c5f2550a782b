"""The distribution: one wheel from four source roots, with everything in them and nothing beside."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOTS = {"core": "core", "federation": "federation", "plugins": "plugins", "protos": "api"}
"""Source roots, and the package in each."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip_wheel, "-w", folder, REPOSITORY], check=True, capture_output=True)
    (built,) = folder.glob("tongban-*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def _sources(root: str) -> set[str]:
    files = (path for path in (REPOSITORY / root).rglob("*") if path.is_file())
    return {path.relative_to(REPOSITORY / root).as_posix() for path in files if "__pycache__" not in path.parts}


def test_the_namespace_has_no_init() -> None:
    spec = importlib.util.find_spec("tongban")
    assert spec is not None
    assert spec.origin is None
    assert not list(REPOSITORY.glob("*/tongban/__init__.py"))


@pytest.mark.parametrize("root", ROOTS)
def test_each_package_says_that_it_is_typed(root: str) -> None:
    assert (REPOSITORY / root / "tongban" / ROOTS[root] / "py.typed").is_file()


@pytest.mark.parametrize("root", ROOTS)
def test_the_wheel_holds_every_file_of_a_root(wheel: set[str], root: str) -> None:
    assert _sources(root) <= wheel


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    everything = set().union(*(_sources(root) for root in ROOTS))
    assert {name for name in wheel - everything if ".dist-info/" not in name} == set()


def test_the_wheel_has_one_top_level_name(wheel: set[str]) -> None:
    assert {name.partition("/")[0] for name in wheel if ".dist-info/" not in name} == {"tongban"}


def test_the_licence_is_in_the_wheel(wheel: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)

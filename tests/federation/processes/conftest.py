"""One federation of four real nodes, for all tests that leave it as it was."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.core.client import Client
from tongban.core.testing.federation import Federation

from .bad_plugin.tongban_bad_plugin import HANDLERS
from .looking import check_journals
from .people import CHONGMING, HEFEI, plan_of_four

BAD_PLUGIN = Path(__file__).parent / "bad_plugin"
SCRIPTED = Path(__file__).parents[1] / "scripted"
EXAMPLE = Path(__file__).parents[3] / "examples" / "tongban-hangzhou-gjj"

_LIMITS = "\n[limits]\nhandler_seconds = 0.5\nretry_seconds = 1.0\n"


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which nodes find these plugins, each installed as its distribution."""
    folder = tmp_path_factory.mktemp("plugins")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, folder, BAD_PLUGIN, SCRIPTED, EXAMPLE], check=True, capture_output=True)
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory, plugins: dict[str, str]) -> Iterator[Federation]:
    """Return a running federation of four, which a test leaves as it was."""
    folder = tmp_path_factory.mktemp("four")
    plan = plan_of_four(folder / "plan", ["REPAIRABLE", *HANDLERS])
    with Federation.lay_out(plan, folder / "f", plugins) as laid_out:
        with (laid_out.places[HEFEI].home / "node.toml").open("a", encoding="utf-8") as settings:
            settings.write(_LIMITS)
        yield laid_out.start()
        assert [node.stop() for node in laid_out.nodes.values()] == [0] * 4
        check_journals(laid_out)


@pytest.fixture
def window(federation: Federation) -> Iterator[Callable[[str], Client]]:
    """Return what opens a window of a member; all are closed in the end."""
    opened: list[Client] = []

    def open_window(member: str) -> Client:
        opened.append(federation.window(member))
        return opened[-1]

    yield open_window
    for client in opened:
        client.close()


@pytest.fixture(scope="session")
def material(federation: Federation) -> CaseMaterial:
    """Return a material that is at 崇明's node."""
    with federation.window(CHONGMING) as window:
        return window.upload("申请书".encode(), code="application", name="申请书.txt")


@pytest.fixture
def clerk(window: Callable[[str], Client]) -> Client:
    """Return a window of 崇明."""
    return window(CHONGMING)

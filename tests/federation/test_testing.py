"""What the test kit says when a federation for a test cannot be laid out or started."""

from pathlib import Path
from subprocess import CalledProcessError

import pytest

from tongban.core.testing.federation import Federation

PLAN = """
federation = "练习"
[[node]]
member = "310151"
name = "上海崇明"
[node.plugins.identity]
population = "missing.csv"
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def test_a_plugin_that_cannot_be_loaded_is_named_and_nothing_runs_on(plan: Path, tmp_path: Path) -> None:
    federation = Federation.lay_out(plan, tmp_path / "f")
    with pytest.raises(RuntimeError, match=r"310151: the plugin identity could not be loaded: .*missing\.csv"):
        federation.start()
    assert not any(node.running for node in federation.nodes.values())


def test_a_folder_that_is_not_empty_is_named(plan: Path, tmp_path: Path) -> None:
    Federation.lay_out(plan, tmp_path / "f")
    with pytest.raises(CalledProcessError) as caught:
        Federation.lay_out(plan, tmp_path / "f")
    assert "is not empty" in caught.value.__notes__[0]

"""Nodes that cannot start, or not with all that they should have: exit code and sentence say why."""

import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tongban.core.client import AdminClient
from tongban.core.testing.federation import Federation
from tongban.core.testing.processes import NodeProcess, command
from tongban.core.times import wall_clock
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.formation import NewNode, init_node

from .people import CHONGMING, HEFEI


def run(home: Path, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a node that must end by itself; return its exit code and what it said."""
    arguments = command("node", "run", "--home", str(home))
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder of a new node, with ports that are free."""
    folder = tmp_path / "home"
    init_node(folder, NewNode("340100", "安徽合肥", "127.0.0.1:0", "127.0.0.1:0", endpoint="127.0.0.1:1"), wall_clock())
    return folder


def change(home: Path, old: str, new: str) -> None:
    """Change the settings of a node."""
    settings = home / "node.toml"
    text = settings.read_text("utf-8")
    assert old in text
    settings.write_text(text.replace(old, new), encoding="utf-8")


class TestASecondNode:
    def test_in_the_same_folder_is_told_whose_it_is(self, federation: Federation) -> None:
        pid = federation.nodes[HEFEI].pid
        code, said = run(federation.places[HEFEI].home)
        assert code == ExitCode.NODE_TAKEN
        assert f"belongs to process {pid}: one process only may open a store" in said
        assert "Traceback" not in said
        with federation.admin(HEFEI) as admin:  # The admin socket is still the first one's.
            assert admin.status().member == HEFEI

    @pytest.mark.parametrize("door", ["windows", "peers"])
    def test_at_the_same_address_is_told_which(self, federation: Federation, home: Path, door: str) -> None:
        taken = getattr(federation.places[CHONGMING], door)
        change(home, f"[{door}]", f"[{door}]\n#")
        text = (home / "node.toml").read_text("utf-8").splitlines()
        place = next(i for i, line in enumerate(text) if line.startswith(f"[{door}]"))
        listen = next(i for i in range(place, len(text)) if text[i].startswith("listen"))
        text[listen] = f'listen = "{taken}"'
        (home / "node.toml").write_text("\n".join(text), encoding="utf-8")
        code, said = run(home)
        assert code == ExitCode.NODE_TAKEN
        assert f"the address of the {door} door is taken" in said
        assert f"change [{door}] in node.toml" in said
        assert "Traceback" not in said


class TestSettings:
    def test_that_are_wrong_are_all_told(self, home: Path) -> None:
        change(home, 'member = "340100"', 'member = "合肥"\ncolour = "red"')
        change(home, "threshold = 1", "threshold = 0\n[limits]\nhandler_seconds = -1\n")
        change(home, 'name = "安徽合肥"\n', "")
        code, said = run(home)
        assert code == ExitCode.SETTINGS_WRONG
        lines = said.splitlines()
        assert lines[0] == f"{home / 'node.toml'} cannot be used:"
        assert {line.split(":")[0].strip() for line in lines[1:]} == {
            "member",
            "colour",
            "name",
            "trust.threshold",
            "limits.handler_seconds",
        }
        assert all(line.endswith("it") or "correct" in line for line in lines[1:])

    def test_that_are_not_there_are_told(self, home: Path) -> None:
        (home / "node.toml").unlink()
        code, said = run(home)
        assert code == ExitCode.SETTINGS_WRONG
        assert "tongban init" in said

    @pytest.mark.parametrize("key", ["organisation.key", "encryption.key", "node.key", "node.crt", "data.key"])
    def test_with_keys_that_are_none_are_told(self, home: Path, key: str) -> None:
        (home / "keys" / key).write_bytes(b"garbage")
        code, said = run(home)
        assert code == ExitCode.SETTINGS_WRONG
        assert key in said
        assert "Traceback" not in said

    def test_without_keys_are_told(self, home: Path) -> None:
        (home / "keys" / "organisation.key").unlink()
        code, said = run(home)
        assert code == ExitCode.FILE_FAILED
        assert "organisation.key" in said

    def test_with_the_certificate_of_another_key_are_told(self, federation: Federation, home: Path) -> None:
        shutil.copy(federation.places[HEFEI].certificate, home / "keys" / "node.crt")
        code, said = run(home)
        assert code == ExitCode.SETTINGS_WRONG
        assert "node.crt is not the certificate of the key in" in said


class TestPlugins:
    def test_that_claim_one_item_are_both_named(self, home: Path, plugins: dict[str, str]) -> None:
        change(home, "enabled = []", 'enabled = ["bad", "twin"]')
        code, said = run(home, plugins)
        assert code == ExitCode.SETTINGS_WRONG
        assert "item APPROVE is claimed by the plugins bad and twin" in said
        assert "enable one of them in node.toml" in said

    def test_that_do_not_load_leave_the_others_and_say_why(self, home: Path, plugins: dict[str, str]) -> None:
        change(home, "enabled = []", 'enabled = ["bad", "exiting", "misspelt", "unloadable", "unknown", "desk"]')
        node = NodeProcess(home, plugins).start()
        with AdminClient(home / "admin" / "socket") as admin:
            told = {one.name: one for one in admin.plugins()}
            problems = list(admin.status().problems)
        assert node.stop() == 0
        assert {name for name, one in told.items() if one.loaded} == {"bad"}
        assert "APPROVE" in told["bad"].items
        for name, reason in {
            "exiting": "SystemExit",
            "misspelt": "tongban_itmes",
            "unloadable": "no_such_object",
            "unknown": "no installed distribution has a plugin unknown; installed are: bad,",
            "desk": "setting items",
        }.items():
            assert reason in told[name].problem
            assert any(name in problem for problem in problems), problems


def test_only_the_owner_can_enter_the_folder_of_the_admin_socket(federation: Federation) -> None:
    for place in federation.places.values():
        folder = place.socket.parent.stat()
        assert stat.S_IMODE(folder.st_mode) == 0o700
        assert stat.S_ISSOCK(place.socket.stat().st_mode)


def test_a_socket_that_a_killed_node_left_is_no_hindrance(home: Path) -> None:
    node = NodeProcess(home).start()
    node.kill()
    assert (home / "admin" / "socket").exists()
    node.start()
    with AdminClient(home / "admin" / "socket") as admin:
        assert admin.status().problems
    assert node.stop() == 0


def test_a_folder_whose_path_is_too_long_for_a_socket_is_told(home: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "home"
    deep.parent.mkdir(parents=True)
    shutil.copytree(home, deep)
    code, said = run(deep)
    assert code == ExitCode.NODE_TAKEN
    assert "set [admin] socket" in said

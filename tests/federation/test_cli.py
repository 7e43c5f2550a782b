"""The command line without a node: files, errors, exit codes, output. Each command is a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse
from tongban.api.documents.v1.documents_pb2 import Member
from tongban.api.evidence.v1.evidence_pb2 import Evidence, EvidenceRecord
from tongban.core.evidence import write
from tongban.core.merkle import leaf_hash
from tongban.core.signing import LocalSigner, generate_key, public_pem
from tongban.core.testing.processes import command
from tongban.federation.cli import app
from tongban.federation.cli.errors import told
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.cli.options import Format, OutputOptions
from tongban.federation.cli.output import show


def run(*arguments: str | Path, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without the settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TONGBAN_")}
    return subprocess.run(
        command(*map(str, arguments)),
        cwd=folder,
        env={**clean, **environment},
        input="",
        capture_output=True,
        text=True,
        check=False,
    )


def answer(*arguments: str | Path, folder: Path) -> Any:
    """Run a command that must succeed, and return its answer."""
    done = run(*arguments, "--format", "json", folder=folder)
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder of a node that does not run."""
    answer("init", "310151", "上海市崇明区", "--home", "node", folder=tmp_path)
    return tmp_path / "node"


def test_help_imports_nothing_that_only_a_node_needs() -> None:
    heavy = ["grpc", "sqlalchemy", "alembic", "cryptography", "google.protobuf", "rich"]
    code = f"""
import sys
from tongban.federation.cli import app
try:
    app(["--help"])
except SystemExit:
    print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_tells_its_version() -> None:
    assert run("--version").stdout.startswith("tongban ")


def _leaves(group: Any) -> Iterator[Any]:
    for one in group.commands.values():
        yield from _leaves(one) if hasattr(one, "commands") else [one]


def _answering() -> list[Any]:
    """Return every command but the demonstration, which tells a story and gives no answer."""
    return [one for one in _leaves(get_command(app)) if one.name != "demo"]


@pytest.mark.parametrize("one", _answering(), ids=lambda one: one.callback.__name__)
def test_every_command_says_how_it_speaks(one: Any) -> None:
    names = {parameter.name for parameter in one.params}
    assert names >= {"format", "language", "debug"}
    assert one.help


def test_a_federation_is_formed_with_files_alone(tmp_path: Path) -> None:
    assert answer("directory", "init", "长三角通办", "--folder", "authority", folder=tmp_path) == {
        "federation": "长三角通办",
        "public_key": "authority/authority.pem",
    }
    made = answer(
        *("init", "310151", "上海市崇明区", "--home", "node", "--authority", "authority/authority.pem"), folder=tmp_path
    )
    added = answer("directory", "add", "node/member.card", "--folder", "authority", folder=tmp_path)
    assert added == {"member": "310151", "name": "上海市崇明区", "key": made["key"]}
    published = answer("directory", "publish", "--folder", "authority", folder=tmp_path)
    assert (tmp_path / published["file"]).is_file()
    assert published["members"] == "310151"
    assert answer("directory", "sign", published["file"], "--folder", "authority", folder=tmp_path)["seals"] == 1
    assert answer("directory", "remove", "310151", "--folder", "authority", folder=tmp_path) == {"removed": "310151"}


def test_nothing_is_overwritten(home: Path) -> None:
    done = run("init", "310151", "上海市崇明区", "--home", home)
    assert done.returncode == ExitCode.SETTINGS_WRONG
    assert "choose another folder, for a key is never overwritten" in done.stderr


def test_all_errors_of_terms_are_told(tmp_path: Path) -> None:
    terms = 'name = "a b"\nparties = ["310151"]\nvalid_days = 1\n[[case]]\nid = "x"\nintake = "1"\nhandling = "2"\n'
    (tmp_path / "terms.toml").write_text(terms + 'items = []\nmode = "online"\n', encoding="utf-8")
    done = run("agreement", "draft", "terms.toml", "--out", "a.signed", "--format", "json", folder=tmp_path)
    assert done.returncode == ExitCode.SETTINGS_WRONG
    message = json.loads(done.stdout)["error"]["message"]
    told_of = [line.strip().partition(":")[0] for line in message.splitlines()[1:]]
    assert told_of == ["name", "parties", "case[1].intake", "case[1].handling", "case[1].items", "case[1].id"]
    assert not (tmp_path / "a.signed").exists()


def test_a_practice_federation_is_laid_out(tmp_path: Path) -> None:
    plan = 'federation = "练习"\n[[node]]\nmember = "310151"\nname = "上海市崇明区"\n'
    (tmp_path / "plan.toml").write_text(plan, encoding="utf-8")
    laid_out = answer("practice", "plan.toml", "p", folder=tmp_path)
    assert json.loads((tmp_path / "p/practice.json").read_text(encoding="utf-8")) == laid_out


class TestEvidence:
    @pytest.fixture
    def log(self, tmp_path: Path) -> Path:
        signer = LocalSigner(generate_key())
        data = Evidence(id="m1").SerializeToString()
        records = [EvidenceRecord(position=0, record=data, leaf=leaf_hash(data))]
        member = Member(id="310151", keys=[signer.public_key])
        with (tmp_path / "log").open("wb") as file:
            write(file, [ExportEvidenceResponse(records=records, member=member)])
        (tmp_path / "key.pem").write_bytes(public_pem(signer.public_key))
        return tmp_path / "log"

    def test_a_log_verifies_without_a_node(self, log: Path) -> None:
        found = answer("evidence", "verify", "log", "--key", "key.pem", folder=log.parent)
        assert (found["verified"], found["member"], found["records"], found["problems"]) == (True, "310151", 1, [])
        assert found["notes"] == ["records 0 to 0 are under no checkpoint of this file yet"]

    def test_an_altered_byte_is_named(self, log: Path) -> None:
        log.write_bytes(log.read_bytes().replace(b"m1", b"m2"))
        done = run("evidence", "verify", log, "--format", "json")
        assert done.returncode == ExitCode.EVIDENCE_WRONG
        [problem] = json.loads(done.stdout)["problems"]
        assert problem["place"] == "record 0"
        assert "record 0" in run("evidence", "verify", log).stdout

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        done = run("evidence", "verify", "missing", folder=tmp_path)
        assert done.returncode == ExitCode.FILE_FAILED
        assert done.stderr.startswith("Error: missing: No such file or directory")


class TestErrors:
    def test_a_node_that_does_not_run_is_named_with_a_remedy(self, home: Path) -> None:
        done = run("status", "--home", home)
        assert done.returncode == ExitCode.NODE_UNREACHABLE
        assert f"No node answers at {home}/admin/socket" in done.stderr
        assert done.stdout == ""

    def test_json_holds_errors_too_and_chinese_as_it_is(self, home: Path) -> None:
        done = run("status", "--format", "json", TONGBAN_HOME=str(home), TONGBAN_LANGUAGE="zh")
        assert done.returncode == ExitCode.NODE_UNREACHABLE
        assert done.stderr == ""
        assert "没有节点应答" in done.stdout
        assert json.loads(done.stdout)["error"].keys() == {"code", "message", "remedy", "field", "member", "reference"}

    def test_a_folder_of_nobody_is_named(self, tmp_path: Path) -> None:
        done = run("status", folder=tmp_path)
        assert done.returncode == ExitCode.SETTINGS_WRONG
        assert "make a node's folder with `tongban init`" in done.stderr

    def test_every_wrong_setting_is_named(self, home: Path) -> None:
        file = home / "node.toml"
        file.write_text(file.read_text(encoding="utf-8").replace("threshold", "treshold") + "reflection = 1\n")
        for one in ("status", "node run"):
            done = run(*one.split(), "--home", home)
            assert done.returncode == ExitCode.SETTINGS_WRONG
            assert "trust.treshold: there is no such key" in done.stderr

    @pytest.mark.parametrize("arguments", [["init"], ["case", "show"], ["status", "--hom", "x"], ["nothing"]])
    def test_a_wrong_command_line_is_told_as_json_too(self, arguments: list[str]) -> None:
        done = run(*arguments, "--format", "json")
        assert done.returncode == ExitCode.USAGE
        assert json.loads(done.stdout)["error"]["code"] == "USAGE"
        done = run(*arguments)
        assert done.returncode == ExitCode.USAGE
        assert done.stdout == ""

    def test_nobody_sees_a_traceback_who_did_not_ask_for_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(typer.Exit) as ended, told(OutputOptions()):
            raise ZeroDivisionError
        assert ended.value.exit_code == ExitCode.UNEXPECTED
        shown = capsys.readouterr().err
        assert "Traceback" not in shown
        assert "reference test_cli.py:" in shown
        with pytest.raises(typer.Exit), told(OutputOptions(debug=True)):
            raise ZeroDivisionError
        assert "Traceback" in capsys.readouterr().err


class TestTheCredentialOfAWindow:
    def test_what_is_missing_is_named(self, tmp_path: Path) -> None:
        done = run("case", "list", "--node", "localhost:1", folder=tmp_path)
        assert done.returncode == ExitCode.SETTINGS_WRONG
        assert "--token: the option is missing; add it, or --window FILE" in done.stderr
        assert "--node" not in done.stderr

    def test_a_wrong_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "window.toml").write_text('tokens = "x"\n', encoding="utf-8")
        done = run("case", "list", "--window", "window.toml", folder=tmp_path)
        assert done.returncode == ExitCode.SETTINGS_WRONG
        assert "tokens: there is no such key" in done.stderr

    def test_a_decision_is_one_thing(self, tmp_path: Path) -> None:
        credential = ["--node", "localhost:1", "--token", "x"]
        done = run("case", "decide", "1", "--accept", "--reject", "no", *credential)
        assert done.returncode == ExitCode.USAGE
        assert "name one of --accept, --approve, --reject, --refuse, --correct" in done.stderr
        done = run("case", "decide", "1", "--correct", "resolution", *credential)
        assert done.returncode == ExitCode.USAGE
        assert "--correct takes CODE=TEXT" in done.stderr


class TestOutput:
    def test_what_is_no_terminal_gets_plain_columns(self, capsys: pytest.CaptureFixture[str]) -> None:
        show([{"member": "310151", "name": "上海市崇明区", "ok": True}, {"member": "1", "name": "b"}], Format.TABLE)
        assert capsys.readouterr().out == "member  name          ok\n310151  上海市崇明区  yes\n1       b\n"

    def test_what_several_things_say_follows_as_tables(self, capsys: pytest.CaptureFixture[str]) -> None:
        show({"rows": [{"a": 1}], "name": "[b]x", "empty": "", "list": ["1", "2"]}, Format.TABLE)
        assert capsys.readouterr().out == "name  [b]x\nlist  1\n      2\n\nrows:\na\n1\n"

    def test_nothing_is_said_as_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        show([], Format.TABLE)
        show([], Format.JSON)
        assert capsys.readouterr().out == "none\n[]\n"

    def test_what_comes_one_by_one_is_a_line_each(self, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [{"place": 1, "says": "收件"}, {"place": 2, "says": ""}]
        show(iter(rows), Format.TABLE)
        assert capsys.readouterr().out == "1  收件\n2\n"
        show(iter(rows), Format.JSON)
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows

    def test_no_text_steers_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        show([{"name": "a\x1b[2Jb\n"}], Format.TABLE)
        assert capsys.readouterr().out == "name\na\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}\n"

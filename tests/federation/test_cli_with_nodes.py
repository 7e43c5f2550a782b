"""The command line and two running nodes: an operator's and an officer's day."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tongban.core import Party
from tongban.core.client import Client
from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id
from tongban.core.testing.federation import Federation, eventually
from tongban.core.testing.processes import command
from tongban.federation.cli.exit_codes import ExitCode

ITEM = "00013112700402"
FIRM, FIRM_CODE = "启东市拾月贸易有限公司", synthetic_credit_code("320681", 1)
AGENT, AGENT_NUMBER = "龚晓晨", synthetic_resident_id("310151", 1)
IDENTITY = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"

PLAN = f"""
federation = "通办测试"

[[node]]
member = "310151"
name = "上海市崇明区"
files = ["population.csv", "credit.csv"]
[node.plugins.identity]
population = "population.csv"
[node.plugins.credit]
register = "credit.csv"

[[node]]
member = "320681"
name = "江苏省启东市"
files = ["company-registration.toml"]
[node.plugins.desk]
items = "company-registration.toml"

[[agreement]]
name = "registration"
parties = ["310151", "320681"]
contact = "启东市行政审批局"
valid_days = 30
[[agreement.case]]
id = "registration"
intake = "310151"
handling = "320681"
items = ["{ITEM}"]
mode = "proxy_intake"
[[agreement.lookup]]
id = "identity"
asking = "320681"
answering = "310151"
method = "{IDENTITY}"
purposes = ["公司变更登记"]
"""


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("f")
    (folder / "population.csv").write_text(f"name,resident_id\n{AGENT},{AGENT_NUMBER}\n", encoding="utf-8")
    columns = "credit_code,kind,title,authority,recorded_on,shown_until,repaired"
    row = f"{FIRM_CODE},ADMINISTRATIVE,行政处罚,某局,2026-01-01,2099-01-01,0"
    (folder / "credit.csv").write_text(f"{columns}\n{row}\n", encoding="utf-8")
    example = files("tongban.plugins") / "desk/examples/company-registration.toml"
    (folder / "company-registration.toml").write_bytes(example.read_bytes())
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    with Federation.lay_out(folder / "plan.toml", folder / "p") as laid_out:
        yield laid_out.start()


@pytest.fixture(scope="module")
def chongming(federation: Federation) -> Path:
    return federation.places["310151"].home


@pytest.fixture(scope="module")
def qidong(federation: Federation) -> Path:
    return federation.places["320681"].home


@pytest.fixture(scope="module")
def clerk(chongming: Path) -> Path:
    """Return the file of a window of 崇明."""
    return _window(chongming, "clerk")


@pytest.fixture(scope="module")
def officer(qidong: Path) -> Path:
    """Return the file of a window of 启东 at which officers decide."""
    return _window(qidong, "officer", "--role", "officer", "--role", "lookup")


@pytest.fixture
def case_id(federation: Federation) -> str:
    """Return a new case, taken in at 崇明 for 启东 without the materials that it needs, arrived there."""
    with federation.window("310151") as window:
        case: str = window.submit(
            ITEM,
            deciding_place="320681",
            applicant=Party(FIRM, FIRM_CODE, is_organisation=True),
            agent=Party(AGENT, AGENT_NUMBER),
            form={"new_address": "启东市某路 1 号"},
        ).case_id
        eventually(lambda: window.case(case).events)
        return case


def _window(home: Path, name: str, *options: str) -> Path:
    out = home.parent / f"{name}.toml"
    answer("window", "add", name, "--home", home, "--out", out, *options)
    return out


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command, without the settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TONGBAN_")}
    return subprocess.run(command(*map(str, arguments)), env=clean, capture_output=True, text=True, check=False)


def answer(*arguments: str | Path) -> Any:
    """Run a command that must succeed, and return its answer."""
    done = run(*arguments, "--format", "json")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    return json.loads(done.stdout)


def refusal(*arguments: str | Path) -> dict[str, str]:
    """Run a command that a node must refuse, and return the error."""
    done = run(*arguments, "--format", "json")
    assert done.returncode == ExitCode.REFUSED, done.stdout + done.stderr
    error: dict[str, str] = json.loads(done.stdout)["error"]
    return error


class TestAnOperator:
    def test_sees_how_the_node_is(self, chongming: Path) -> None:
        said = answer("status", "--home", chongming)
        assert (said["member"], said["name"]) == ("310151", "上海市崇明区")
        assert [peer["member"] for peer in said["peers"]] == ["320681"]
        assert {one["state"] for one in said["documents"]} == {"fresh"}
        assert "江苏省启东市" in run("status", "--home", chongming).stdout

    def test_registers_a_window_once(self, chongming: Path, clerk: Path) -> None:
        assert clerk.stat().st_mode & 0o777 == 0o600
        [window] = [one for one in answer("window", "list", "--home", chongming) if one["window"] == "clerk"]
        assert window["roles"] == "intake, lookup"
        error = refusal("window", "add", "clerk", "--home", chongming)
        assert error["code"] == "WINDOW_EXISTS"
        assert refusal("window", "revoke", "nobody", "--home", chongming)["code"] == "WINDOW_NOT_FOUND"
        done = run("window", "add", "other", "--home", chongming, "--out", clerk)
        assert done.returncode == ExitCode.SETTINGS_WRONG
        assert "other" not in [one["window"] for one in answer("window", "list", "--home", chongming)]

    def test_is_shown_a_token_that_works(self, federation: Federation, chongming: Path) -> None:
        shown = answer("window", "add", "shown", "--home", chongming)
        certificate = federation.places["310151"].certificate
        credential = ["--node", shown["node"], "--token", shown["token"], "--ca", str(certificate)]
        assert isinstance(answer("case", "list", *credential), list)

    def test_sees_members_and_rows(self, chongming: Path) -> None:
        listed = answer("member", "list", "--home", chongming)
        assert [one["member"] for one in listed] == ["310151", "320681"]
        shown = answer("member", "show", "320681", "--home", chongming)
        assert [key["algorithm"] for key in shown["keys"]] == ["p256", "x25519"]
        assert refusal("member", "show", "999999", "--home", chongming)["code"] == "MEMBER_UNKNOWN"
        rows = answer("agreement", "list", "--home", chongming)
        assert {(row["row"], row["member"]) for row in rows} == {("registration", "310151"), ("identity", "320681")}

    def test_sees_documents_and_imports_none_twice_as_another(self, federation: Federation, chongming: Path) -> None:
        names = [one["name"] for one in answer("directory", "list", "--home", chongming)]
        assert names == [
            "agreement/310151/320681/registration",
            "catalogue/310151",
            "catalogue/320681",
            "directory",
        ]
        again = answer("directory", "import", federation.directory, "--home", chongming)
        assert again["version"] == 1
        [agreement] = federation.agreements
        assert answer("agreement", "import", agreement, "--home", chongming)["name"].startswith("agreement/")

    def test_signs_an_agreement_of_the_own_member_only(self, federation: Federation, chongming: Path) -> None:
        terms = federation.folder / "terms.toml"
        row = '[[case]]\nid = "a"\nintake = "320681"\nhandling = "{}"\nitems = ["1"]\nmode = "online"\n'
        for party, code in (("310151", ExitCode.OK), ("330100", ExitCode.REFUSED)):
            text = f'name = "second"\nparties = ["{party}", "320681"]\nvalid_days = 1\n{row.format(party)}'
            terms.write_text(text, encoding="utf-8")
            out = federation.folder / f"{party}.signed"
            assert answer("agreement", "draft", terms, "--out", out)["seals"] == 0
            assert run("agreement", "sign", out, "--home", chongming).returncode == code
        one_seal = federation.folder / "310151.signed"
        assert refusal("agreement", "import", one_seal, "--home", chongming)["code"] == "DOCUMENT_INVALID"

    def test_finds_items(self, chongming: Path) -> None:
        [item] = answer("catalogue", "list", "变更登记", "--home", chongming)
        assert (item["member"], item["code"], item["mode"]) == ("320681", ITEM, "proxy_intake")
        shown = answer("catalogue", "show", "320681", ITEM, "--home", chongming)
        assert [one["code"] for one in shown["materials"] if one["required"]] == ["application", "resolution"]

    def test_sees_plugins(self, chongming: Path) -> None:
        plugins = {one["plugin"]: one for one in answer("plugin", "list", "--home", chongming)}
        assert plugins["identity"]["loaded"]
        assert plugins["credit"]["sources"] == "credit"

    def test_exports_evidence_that_verifies_until_a_byte_is_changed(
        self, federation: Federation, chongming: Path
    ) -> None:
        log = federation.folder / "log"
        answer("evidence", "export", log, "--home", chongming)
        found = answer("evidence", "verify", log, "--directory", federation.directory)
        assert (found["verified"], found["member"], found["notes"]) == (True, "310151", [])
        assert found["records"] == found["covered"] > 0
        altered = bytearray(log.read_bytes())
        altered[altered.index(b"AddWindow")] ^= 1
        log.write_bytes(altered)
        done = run("evidence", "verify", log, "--directory", federation.directory)
        assert done.returncode == ExitCode.EVIDENCE_WRONG
        assert "its leaf hash does not fit" in done.stdout

    def test_starts_no_second_node(self, chongming: Path, federation: Federation) -> None:
        done = run("node", "run", "--home", chongming)
        assert done.returncode == ExitCode.NODE_TAKEN
        assert "one process only may open a store" in done.stderr
        copy = federation.folder / "copy"
        shutil.copytree(chongming, copy, ignore=shutil.ignore_patterns("node.db*", "admin", "node.log"))
        done = run("node", "run", "--home", copy)
        assert done.returncode == ExitCode.NODE_TAKEN, done.stderr


class TestAWindow:
    def test_verifies_an_identity_and_sees_it_masked(self, clerk: Path) -> None:
        found = answer("identity", "verify", AGENT, AGENT_NUMBER, "--purpose", "公司变更登记", "--window", clerk)
        assert (found["verdict"], found["verified_by"]) == ("match", "310151")
        assert (found["name"], found["number"]) == ("龚**", f"310{'*' * 13}{AGENT_NUMBER[-2:]}")
        found = answer("identity", "verify", "别人", AGENT_NUMBER, "--purpose", "公司变更登记", "--window", clerk)
        assert found["verdict"] == "mismatch"

    def test_asks_another_member_where_a_row_allows_it(self, officer: Path) -> None:
        there = ["--to", "310151", "--window", str(officer), "--officer", "wang.l"]
        found = answer("identity", "verify", AGENT, AGENT_NUMBER, "--purpose", "公司变更登记", *there)
        assert (found["verdict"], found["verified_by"]) == ("match", "310151")
        error = refusal("credit", "query", FIRM_CODE, "--purpose", "公司变更登记", *there)
        assert (error["code"], error["member"]) == ("NO_AGREEMENT_ROW", "310151")
        assert "启东市行政审批局" in error["remedy"]

    def test_queries_credit(self, clerk: Path) -> None:
        found = answer("credit", "query", FIRM_CODE, "--purpose", "公司变更登记", "--window", clerk)
        assert found["availability"] == "obtained"
        assert [one["title"] for one in found["records"]] == ["行政处罚"]

    def test_is_told_what_is_wrong_with_a_number(self, clerk: Path) -> None:
        error = refusal("credit", "query", FIRM_CODE[:-1] + "A", "--purpose", "x", "--window", clerk)
        assert (error["code"], error["field"]) == ("INVALID_FIELD", "credit_code")

    def test_with_a_wrong_token_or_certificate_gets_nowhere(self, clerk: Path, officer: Path) -> None:
        done = run("case", "list", "--window", clerk, "--token", "wrong", "--format", "json")
        assert json.loads(done.stdout)["error"]["code"] == "WINDOW_UNKNOWN"
        done = run("case", "list", "--window", clerk, "--ca", f"{officer}.crt")
        assert done.returncode == ExitCode.NODE_UNREACHABLE


class TestACase:
    def test_is_corrected_accepted_and_approved_with_a_paper_that_openssl_verifies(
        self, federation: Federation, clerk: Path, officer: Path, case_id: str
    ) -> None:
        there = ["--window", str(officer), "--officer", "wang.l"]
        eventually(lambda: answer("case", "show", case_id, *there)["state"] == "correction")
        with federation.window("310151") as window:
            _supplement(window, case_id)
        eventually(lambda: answer("case", "show", case_id, *there)["state"] == "arrived")
        assert answer("case", "decide", case_id, "--accept", *there)["state"] == "accepted"
        decided = answer("case", "decide", case_id, "--approve", "准予变更登记。", *there)
        assert decided["state"] == "approved"
        watched = run("case", "watch", case_id, "--window", clerk, "--format", "json").stdout.splitlines()
        acts = [json.loads(line)["act"] for line in watched]
        assert acts == ["received", "arrived", "correction_requested", "supplemented", "accepted", "decided"]
        shown = answer("case", "show", decided["case_number"], "--window", clerk)
        assert [one["officer"] for one in shown["timeline"]][-1] == "wang.l"
        assert shown["on_its_way"] == []
        saved = answer("case", "result", case_id, "--window", clerk, "--out", federation.folder / "paper.txt")
        assert saved["title"] == "准予变更登记通知书"
        verified = subprocess.run(saved["verify"].split(), capture_output=True, text=True, check=True)
        assert "Verified OK" in verified.stdout

    def test_shows_no_name_or_number_of_a_person(self, clerk: Path, case_id: str) -> None:
        for form in ("table", "json"):
            shown = run("case", "show", case_id, "--window", clerk, "--format", form).stdout
            assert FIRM in shown
            assert AGENT not in shown
            assert AGENT_NUMBER not in shown

    def test_is_listed_by_state(self, officer: Path, case_id: str) -> None:
        there = ["--window", str(officer), "--officer", "wang.l"]
        eventually(lambda: answer("case", "show", case_id, *there)["state"] == "correction")
        listed = answer("case", "list", "--state", "correction", "--item", ITEM, *there)
        assert case_id in [one["case_id"] for one in listed]
        assert answer("case", "list", "--state", "rejected", *there) == []

    def test_is_refused_with_the_right_authority(self, clerk: Path, officer: Path, case_id: str) -> None:
        there = ["--window", str(officer), "--officer", "wang.l"]
        eventually(lambda: answer("case", "show", case_id, *there)["state"] == "correction")
        reason = ["--refuse", "不属于本机关职权范围", "--right-authority", "南通市数据局"]
        assert answer("case", "decide", case_id, *reason, *there)["state"] == "not_accepted"
        eventually(lambda: answer("case", "show", case_id, "--window", clerk)["state"] == "not_accepted")
        last = answer("case", "show", case_id, "--window", clerk)["timeline"][-1]
        assert last["says"] == "不属于本机关职权范围 南通市数据局"

    def test_that_nobody_knows_is_said_so(self, clerk: Path) -> None:
        error = refusal("case", "show", "31015100000000", "--window", clerk)
        assert (error["code"], error["member"]) == ("CASE_UNKNOWN", "310151")
        assert "核对编号" in refusal("case", "show", "1", "--window", clerk, "--language", "zh")["remedy"]


def _supplement(window: Client, case_id: str) -> None:
    materials = [window.upload(b"material", code=code, name=f"{code}.txt") for code in ("application", "resolution")]
    window.supplement(case_id, materials=materials)

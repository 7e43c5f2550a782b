"""The whole story on four real nodes: once by the clients, once by the command line."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tongban.api.cases.v1.acts_pb2 import Act
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_ARRIVED, CASE_STATE_CORRECTION
from tongban.api.catalogue.v1.catalogue_pb2 import MODE_PROXY_INTAKE
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED
from tongban.core import Accept, Approve
from tongban.core.case import record
from tongban.core.client import Client
from tongban.core.sources import Verdict
from tongban.core.testing.federation import Federation, eventually
from tongban.core.testing.processes import command
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.demo import proofs

from .looking import await_state, check_log
from .people import AGENT, BORROWER, CHONGMING, FIRM, HANGZHOU, HEFEI, ITEM, LOAN_ITEM, PURPOSE, QIDONG

OpenWindow = Callable[[str], Client]

ACTS = ["received", "arrived", "correction_requested", "supplemented", "accepted", "decided"]


def test_a_matter_is_handled_from_end_to_end(
    federation: Federation, window: OpenWindow, clerk: Client, tmp_path: Path
) -> None:
    officer, keys = window(QIDONG), proofs.keys_of(federation.directory, federation.authority)
    [found] = clerk.find_items("公司变更登记注册")
    assert (found.member, found.item.code, found.mode) == (QIDONG, ITEM, MODE_PROXY_INTAKE)
    agent = clerk.verify_person(AGENT.name, AGENT.number, purpose=PURPOSE)
    firm = clerk.verify_organisation(FIRM.name, FIRM.number, purpose=PURPOSE)
    assert (agent.verdict, firm.verdict) == (Verdict.MATCH, Verdict.MATCH)
    content = b"%PDF-1.7\n" + os.urandom(300_000)
    application = clerk.upload(content, code="application", name="变更登记申请书.pdf")
    answer = clerk.submit(
        ITEM,
        deciding_place="320681",
        applicant=FIRM,
        agent=AGENT,
        form={"new_address": "启东市虚构路 8 号"},
        materials=[application],
        assertions=[agent.assertion, firm.assertion],
    )
    assert list(answer.missing_materials) == ["resolution"]
    assert proofs.openssl_agrees(proofs.save(answer.receipt, keys, tmp_path, "receipt"))
    asked = await_state(clerk, answer.case_id, CASE_STATE_CORRECTION)
    assert [one.code for one in asked.correction.items] == ["resolution"]
    clerk.supplement(answer.case_id, materials=[clerk.upload(b"x", code="resolution", name="股东会决议.txt")])
    await_state(officer, answer.case_id, CASE_STATE_ARRIVED)
    assert eventually(lambda: officer.fetch_material(answer.case_id, application.digest)) == content
    assert officer.decide(answer.case_id, Accept()).case_number
    officer.decide(answer.case_id, Approve("准予变更登记。"))
    await_state(clerk, answer.case_id, CASE_STATE_APPROVED)
    case = clerk.case(answer.case_id)
    assert [Act.FromString(one.act.act).WhichOneof("content") for one in case.events] == ACTS
    view = record.verify(keys, case.events)
    assert view is not None
    assert view.closed
    result = clerk.result(answer.case_id)
    assert result.issuer == QIDONG
    assert proofs.openssl_agrees(proofs.save(result, keys, tmp_path, "result"))
    assert clerk.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).availability == AVAILABILITY_OBTAINED
    instant = clerk.submit(LOAN_ITEM, deciding_place="330100", applicant=BORROWER).case_id
    await_state(clerk, instant, CASE_STATE_APPROVED)
    assert clerk.result(instant).issuer == HANGZHOU
    for member in (CHONGMING, QIDONG, HANGZHOU):
        check_log(federation, member)


class Shell:
    """The command line, as people and programs use it."""

    def run(self, *arguments: str | Path, code: ExitCode = ExitCode.OK) -> str:
        """Run a command and return what it said."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TONGBAN_")}
        line = command(*map(str, arguments), "--format", "json")
        done = subprocess.run(line, env=clean, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (code, ""), done.stdout + done.stderr
        return done.stdout

    def ask(self, *arguments: str | Path, code: ExitCode = ExitCode.OK) -> Any:
        """Run a command and return its answer."""
        return json.loads(self.run(*arguments, code=code))


def test_a_matter_is_handled_by_the_command_line(federation: Federation, tmp_path: Path) -> None:
    shell, here, there = Shell(), federation.places[CHONGMING].home, federation.places[QIDONG].home
    clerk_file, officer_file = tmp_path / "clerk.toml", tmp_path / "officer.toml"
    shell.ask("window", "add", "story-clerk", "--home", here, "--out", clerk_file)
    shell.ask("window", "add", "story-officer", "--home", there, "--out", officer_file, "--role", "officer")
    clerk = ["--window", str(clerk_file), "--officer", "zhang.w"]
    officer = ["--window", str(officer_file), "--officer", "li.q"]

    [item] = shell.ask("catalogue", "list", "公司变更登记注册", "--home", here)
    assert (item["member"], item["code"], item["mode"]) == (QIDONG, ITEM, "proxy_intake")
    shown = shell.ask("catalogue", "show", QIDONG, ITEM, "--home", here)
    assert [one["code"] for one in shown["materials"] if one["required"]] == ["application", "resolution"]
    verified = shell.ask("identity", "verify", AGENT.name, AGENT.number, "--purpose", PURPOSE, *clerk)
    assert (verified["verdict"], AGENT.number in json.dumps(verified)) == ("match", False)
    credit = shell.ask("credit", "query", FIRM.number, "--to", QIDONG, "--purpose", PURPOSE, *clerk)
    assert [one["title"] for one in credit["records"]] == ["按期公示年度报告"]
    refused = shell.ask(
        "credit", "query", FIRM.number, "--to", QIDONG, "--purpose", "看看", *clerk, code=ExitCode.REFUSED
    )
    assert refused["error"]["code"] == "NO_AGREEMENT_ROW"

    case_id = _submitted(federation)
    eventually(lambda: shell.ask("case", "show", case_id, *officer)["state"] == "arrived")
    listed = shell.ask("case", "list", "--state", "arrived", "--item", ITEM, *officer)
    assert case_id in [one["case_id"] for one in listed]
    accepted = shell.ask("case", "decide", case_id, "--accept", *officer)
    assert accepted["state"] == "accepted"
    shell.ask("case", "decide", accepted["case_number"], "--approve", "准予变更登记。", *officer)
    watched = [json.loads(line) for line in shell.run("case", "watch", case_id, *clerk).splitlines()]
    assert [one["act"] for one in watched] == ["received", "arrived", "accepted", "decided"]
    shown = shell.ask("case", "show", case_id, *clerk)
    assert (shown["state"], shown["on_its_way"], AGENT.name in json.dumps(shown)) == ("approved", [], False)
    saved = shell.ask("case", "result", case_id, *clerk, "--out", tmp_path / "result.txt")
    subprocess.run(shlex.split(saved["verify"]), check=True, capture_output=True)

    plugins = {one["plugin"]: one for one in shell.ask("plugin", "list", "--home", federation.places[HEFEI].home)}
    assert (plugins["bad"]["loaded"], plugins["bad"]["distribution"]) == (True, "tongban-bad-plugin 0.1.0")
    status = shell.ask("status", "--home", here)
    assert {one["member"] for one in status["peers"] if one["linked"]} >= {QIDONG}
    log = tmp_path / "chongming.evidence"
    shell.ask("evidence", "export", log, "--home", here)
    found = shell.ask("evidence", "verify", log, "--directory", federation.directory)
    assert (found["verified"], found["member"], found["problems"]) == (True, CHONGMING, [])


def _submitted(federation: Federation) -> str:
    """Hand in a case with all its materials, for which there is no command, and return its id."""
    with federation.window(CHONGMING) as window:
        materials = [window.upload(b"x", code=code, name=f"{code}.txt") for code in ("application", "resolution")]
        answer = window.submit(
            ITEM,
            deciding_place="320681",
            applicant=FIRM,
            agent=AGENT,
            form={"new_address": "启东市虚构路 9 号"},
            materials=materials,
        )
        return answer.case_id

"""Three real nodes, of which the middle one passes on all that the others say to each other, and can read nothing."""

import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_ARRIVED, CASE_STATE_CORRECTION
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, SIDE_RELAYED, Evidence
from tongban.core import Accept, Approve, codes
from tongban.core.client import Client
from tongban.core.sources import Verdict
from tongban.core.testing.federation import Federation

from .looking import Log, await_delivery, await_state, check_journals, check_log, refusal_of
from .people import AGENT, CHONGMING, CREDIT, FIRM, IDENTITY, ITEM, PURPOSE, QIDONG, plan_of_two

JIANGSU = "320000"

ADDRESS, TEXT, CONTENT = "启东市金丝雀路 36 号", "准予变更登记,金丝雀。", "金丝雀的申请书".encode() * 3000
"""What only the two members of the case may know."""

SECRETS = [
    one.encode() for one in (AGENT.name, AGENT.number, FIRM.name, FIRM.number, ADDRESS, TEXT, "按期公示年度报告")
] + [CONTENT[:60]]

_SETTINGS = {
    CHONGMING: f'\n[carriers."{QIDONG}"]\nkind = "relay"\nthrough = "{JIANGSU}"\n',
    QIDONG: f'\n[carriers."{CHONGMING}"]\nkind = "relay"\nthrough = "{JIANGSU}"\n',
    JIANGSU: f'\n[relay]\nfor = ["{CHONGMING}"]\n',
}


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Return a running federation in which 江苏 stands between 崇明 and 启东."""
    folder = tmp_path_factory.mktemp("relayed")
    plan = plan_of_two(folder / "plan")
    with plan.open("a", encoding="utf-8") as file:
        file.write(f'\n[[node]]\nmember = "{JIANGSU}"\nname = "江苏省"\n')
    with Federation.lay_out(plan, folder / "f") as laid_out:
        for member, text in _SETTINGS.items():
            with (laid_out.places[member].home / "node.toml").open("a", encoding="utf-8") as settings:
                settings.write(text)
        yield laid_out.start()
        assert [node.stop() for node in laid_out.nodes.values()] == [0] * 3
        check_journals(laid_out)


def test_promise_36_the_middle_node_relays_a_whole_case_and_look_ups_and_can_read_nothing(relayed: Federation) -> None:
    logs = {member: Log(relayed, member) for member in relayed.places}
    with relayed.window(CHONGMING) as clerk, relayed.window(QIDONG) as officer:
        case_id = whole_case(clerk, officer)
        assert clerk.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).availability == AVAILABILITY_OBTAINED
        verified = officer.verify_person(AGENT.name, AGENT.number, to=CHONGMING, purpose=PURPOSE)
        assert verified.verdict == Verdict.MATCH
        assert officer.fetch_material(case_id, sha256(CONTENT).hexdigest()) == CONTENT
        refusal = refusal_of(lambda: clerk.query_credit(FIRM.number, to=QIDONG, purpose="看看"), codes.NO_AGREEMENT_ROW)
        assert refusal.member == QIDONG
    for member in (CHONGMING, QIDONG):
        await_delivery(relayed, member)
    one_story({member: log.records() for member, log in logs.items()})
    for member in relayed.places:
        check_log(relayed, member)
    relay = relayed.places[JIANGSU].home
    for path in (one for one in relay.rglob("*") if one.is_file() and not one.is_symlink()):
        assert found(path.read_bytes()) == [], path
    assert found(memory(relayed.nodes[CHONGMING].pid)) != []
    assert found(memory(relayed.nodes[JIANGSU].pid)) == []


def whole_case(clerk: Client, officer: Client) -> str:
    """Take a case from its submission over a correction to its result; return its id."""
    application = clerk.upload(CONTENT, code="application", name="变更登记申请书.txt")
    form = {"new_address": ADDRESS}
    answer = clerk.submit(ITEM, deciding_place=QIDONG, applicant=FIRM, agent=AGENT, form=form, materials=[application])
    await_state(clerk, answer.case_id, CASE_STATE_CORRECTION)
    clerk.supplement(answer.case_id, materials=[clerk.upload(b"x", code="resolution", name="股东会决议.txt")])
    await_state(officer, answer.case_id, CASE_STATE_ARRIVED)
    officer.decide(answer.case_id, Accept())
    officer.decide(answer.case_id, Approve(TEXT))
    await_state(clerk, answer.case_id, CASE_STATE_APPROVED)
    assert TEXT in clerk.result(answer.case_id).content.decode()
    return answer.case_id


def one_story(logs: dict[str, list[Evidence]]) -> None:
    """Check that what one side asked, the relay passed on and the other answered, each by the same sealed bytes."""
    asked, relayed, answered = [
        {exchange(one) for log in logs.values() for one in log if one.side == side}
        for side in (SIDE_ASKED, SIDE_RELAYED, SIDE_ANSWERED)
    ]
    assert asked == relayed == answered
    assert {method for method, _, _ in asked} >= {IDENTITY, CREDIT}
    assert sum("Deliver" in method for method, _, _ in asked) == 2 + 6  # acts and events
    for one in (record for member in (CHONGMING, QIDONG) for record in logs[member]):
        assert one.through == (JIANGSU if one.side == SIDE_ASKED else "")
        assert [hop.member for hop in one.hops] == ([JIANGSU] if one.side == SIDE_ANSWERED else [])
    assert {one.side for one in logs[JIANGSU]} == {SIDE_RELAYED}


def exchange(one: Evidence) -> tuple[str, bytes, bytes]:
    return one.method, one.question.SerializeToString(), one.answer.SerializeToString()


def found(data: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in data]


def memory(pid: int | None) -> bytes:
    """Return what a process of ours has in its memory and can change (proc(5))."""
    held = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines():
            place, rights = line.split()[:2]
            start, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw"):
                with suppress(OSError):  # Regions come and go while the process runs.
                    held.append(os.pread(file.fileno(), end - start, start))
    return b"".join(held)

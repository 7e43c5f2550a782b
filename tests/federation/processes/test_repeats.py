"""The same command again: the recorded answer, once done, and never two cases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tongban.api.cases.v1.cases_pb2 import (
    CASE_STATE_APPROVED,
    CASE_STATE_ARRIVED,
    CASE_STATE_CORRECTION,
    SubmitCaseResponse,
)
from tongban.core import Accept, Approve, Party, Reject, codes
from tongban.core.client import Client, Decision
from tongban.core.testing.federation import Federation

from .looking import await_state, refusal_of, submit_company_change
from .people import AGENT, APPLICANT, BORROWER, CHONGMING, FIRM, HEFEI, ITEM, LOAN_ITEM, QIDONG


def submit(window: Client, request_id: str, place: str = "启东市虚构路 2 号") -> SubmitCaseResponse:
    """Hand in a case under an id of the window's own."""
    form = {"new_address": place}
    return window.submit(ITEM, deciding_place="320681", applicant=FIRM, agent=AGENT, form=form, request_id=request_id)


def test_the_same_case_gets_the_same_receipt(clerk: Client) -> None:
    answers = [submit(clerk, "again").SerializeToString() for _ in range(3)]
    assert len(set(answers)) == 1
    case_id = SubmitCaseResponse.FromString(answers[0]).case_id
    assert len([one for one in clerk.cases(limit=1000) if one.case_id == case_id]) == 1


def test_the_same_case_from_two_clients_at_once_gets_the_same_receipt(federation: Federation, clerk: Client) -> None:
    before = {one.case_id for one in clerk.cases(limit=1000)}
    with ExitStack() as opened, ThreadPoolExecutor(8) as pool:
        clients = [opened.enter_context(federation.window(CHONGMING)) for _ in range(2)]
        under_way = [
            pool.submit(lambda number=number: submit(clients[number % 2], f"at-once-{number // 4}").SerializeToString())  # type: ignore[misc]
            for number in range(20)
        ]
        answers = [one.result() for one in under_way]
    assert [len(set(answers[place : place + 4])) for place in range(0, 20, 4)] == [1] * 5
    cases = {one.case_id for one in clerk.cases(limit=1000)} - before
    assert cases == {SubmitCaseResponse.FromString(one).case_id for one in answers}
    assert len(cases) == 5
    numbers = {SubmitCaseResponse.FromString(one).intake_number for one in answers}
    assert len(numbers) == 5


def test_another_case_under_the_same_id_is_refused(clerk: Client) -> None:
    first = submit(clerk, "reused")
    refusal = refusal_of(lambda: submit(clerk, "reused", "启东市虚构路 3 号"), codes.REQUEST_REUSED)
    assert refusal.facts["id"] == "reused"
    assert refusal.facts["recorded"] != refusal.facts["sent"]
    assert submit(clerk, "reused") == first


def test_the_same_decision_is_recorded_once(window: Callable[[str], Client], clerk: Client) -> None:
    officer = window(QIDONG)
    case_id = submit_company_change(clerk)
    await_state(clerk, case_id, CASE_STATE_CORRECTION)
    materials = [clerk.upload(b"x", code=code, name=f"{code}.txt") for code in ("application", "resolution")]
    for _ in range(2):
        clerk.supplement(case_id, materials=materials, request_id="supplement-once")
    await_state(officer, case_id, CASE_STATE_ARRIVED)
    accepted = [officer.decide(case_id, Accept(), request_id="accept-once").case_number for _ in range(2)]
    assert len(set(accepted)) == 1
    refusal_of(lambda: officer.decide(case_id, Approve("准予。"), request_id="accept-once"), codes.REQUEST_REUSED)
    refusal_of(lambda: officer.decide(case_id, Accept()), codes.CASE_STEP)
    officer.decide(case_id, Approve("准予。"), request_id="approve-once")
    officer.decide(case_id, Approve("准予。"), request_id="approve-once")
    await_state(clerk, case_id, CASE_STATE_APPROVED)
    assert len(clerk.case(case_id).events) == 6


def test_of_two_officers_at_once_one_decides(
    federation: Federation, window: Callable[[str], Client], clerk: Client
) -> None:
    case_id = clerk.submit("NEVER-RETURN", deciding_place="340100", applicant=APPLICANT).case_id
    officer = window(HEFEI)
    await_state(officer, case_id, CASE_STATE_ARRIVED)
    with ThreadPoolExecutor(2) as pool:
        decisions: list[Decision] = [Approve("准予。"), Reject("不准予。可依法申请行政复议。")]
        asked = [pool.submit(officer.decide, case_id, one) for one in decisions]
        errors = [one.exception() for one in asked]
    assert len([one for one in errors if one is None]) == 1
    refused = next(one for one in asked if one.exception() is not None)
    refusal_of(refused.result, codes.CASE_STEP)
    assert len(officer.case(case_id).events) == 4


def test_only_the_handling_member_decides(clerk: Client) -> None:
    case_id = clerk.submit(LOAN_ITEM, deciding_place="330100", applicant=BORROWER).case_id
    await_state(clerk, case_id, CASE_STATE_APPROVED)
    other = clerk.submit(LOAN_ITEM, deciding_place="330100", applicant=Party("钱塘丁", BORROWER.number)).case_id
    refusal = refusal_of(lambda: clerk.decide(other, Approve("准予。")), codes.CASE_STEP)
    assert "only 330100.gjj decides this case" in refusal.message

"""Plugins that fail in every way: their own cases wait, with a named outcome; everybody else is served."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_ARRIVED, CaseSummary
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, AVAILABILITY_UNAVAILABLE
from tongban.api.identity.v1.identity_pb2 import VERDICT_UNAVAILABLE, Assertion
from tongban.core import Approve, codes
from tongban.core.client import Client
from tongban.core.identifiers import synthetic_credit_code
from tongban.core.sources import Verdict
from tongban.core.testing.federation import Federation, eventually

from .bad_plugin.tongban_bad_plugin import HANDLERS
from .looking import Log, await_state, check_sentences, refusal_of
from .people import APPLICANT, CHONGMING, HEFEI, IDENTITY, PURPOSE

OpenWindow = Callable[[str], Client]

FAILED, TIMEOUT, FIELD = "HANDLER_FAILED", "HANDLER_TIMEOUT", "INVALID_FIELD"

OUTCOMES = {
    "RAISE-ERROR": FAILED,
    "RAISE-ERROR-LATER": FAILED,
    "END-PROCESS": FAILED,
    "END-PROCESS-LATER": FAILED,
    "INTERRUPT": FAILED,
    "STOP-ITERATION": FAILED,
    "TIME-OUT": FAILED,
    "CANCEL": FAILED,
    "GIVE-TEXT": FAILED,
    "GIVE-NUMBER-AS-TEXT": FAILED,
    "ASK-FOR-NOTHING": FIELD,
    "TALK-WITHOUT-END": FIELD,
    "NEVER-RETURN": TIMEOUT,
    "NEVER-RETURN-LATER": TIMEOUT,
}
"""By item: what hinders its cases."""

UNANSWERED = ["庐州报错", "庐州退出", "庐州乱答", "庐州不答", "庐州久等"]
"""Names for which the identity source fails."""


@pytest.fixture
def officer(window: OpenWindow) -> Client:
    """Return a window of 合肥."""
    return window(HEFEI)


@pytest.fixture(autouse=True)
def _no_node_ends(federation: Federation) -> Iterator[None]:
    pids = {member: node.pid for member, node in federation.nodes.items()}
    yield
    assert {member: node.pid for member, node in federation.nodes.items()} == pids
    assert None not in pids.values()


def submit(clerk: Client, item: str) -> str:
    """Hand in a case for 合肥 and return its id."""
    return clerk.submit(item, deciding_place="340100", applicant=APPLICANT).case_id


def hindered(officer: Client, case_id: str) -> CaseSummary:
    """Wait until a handler has failed at a case."""
    return eventually(lambda: one if "handler" in (one := officer.case(case_id).summary).hindrance else None)


def test_every_way_to_fail_has_an_outcome() -> None:
    assert set(OUTCOMES) | {"APPROVE", "APPROVE-LATER"} == set(HANDLERS)


@pytest.fixture(scope="module")
def waiting(federation: Federation) -> Iterator[dict[str, str]]:
    """Return a case of each item that fails; officers decide them in the end."""
    with federation.window(CHONGMING) as clerk, federation.window(HEFEI) as officer:
        cases = {item: submit(clerk, item) for item in OUTCOMES}
        yield cases
        for case_id in cases.values():
            officer.decide(case_id, Approve("准予。"))
            await_state(clerk, case_id, CASE_STATE_APPROVED)


class TestAHandlerThatFails:
    @pytest.mark.parametrize(("item", "outcome"), OUTCOMES.items())
    def test_hinders_its_case_by_name(self, waiting: dict[str, str], officer: Client, item: str, outcome: str) -> None:
        summary = hindered(officer, waiting[item])
        assert summary.state == CASE_STATE_ARRIVED
        assert f"({outcome}" in summary.hindrance
        check_sentences([summary.hindrance])
        assert len(officer.case(waiting[item]).events) == 2  # 收件, 到件: nothing is half done.

    def test_is_told_to_the_operator(self, federation: Federation, waiting: dict[str, str], officer: Client) -> None:
        for case_id in waiting.values():
            hindered(officer, case_id)
        with federation.admin(HEFEI) as admin:
            eventually(lambda: admin.status().handlers_failing == len(waiting))
            assert any("wait for their handler" in problem for problem in admin.status().problems)

    def test_holds_up_no_other_case(self, waiting: dict[str, str], clerk: Client, officer: Client) -> None:
        more = [submit(clerk, item) for item in ("NEVER-RETURN", "NEVER-RETURN-LATER", "END-PROCESS") * 5]
        begun = time.monotonic()
        await_state(clerk, submit(clerk, "APPROVE"), CASE_STATE_APPROVED)
        await_state(clerk, submit(clerk, "APPROVE-LATER"), CASE_STATE_APPROVED)
        assert time.monotonic() - begun < 5.0
        for case_id in more:
            officer.decide(case_id, Approve("准予。"))

    def test_leaves_the_case_to_officers(self, clerk: Client, officer: Client) -> None:
        case_id = submit(clerk, "RAISE-ERROR")
        hindered(officer, case_id)
        decided = officer.decide(case_id, Approve("准予。"))
        assert decided.state == CASE_STATE_APPROVED
        await_state(clerk, case_id, CASE_STATE_APPROVED)
        eventually(lambda: not officer.case(case_id).summary.hindrance)
        assert len(clerk.case(case_id).events) == 4  # 收件, 到件, 受理, 决定


def test_a_reference_leads_to_the_inside_of_the_error(federation: Federation, clerk: Client, officer: Client) -> None:
    case_id = submit(clerk, "RAISE-ERROR")
    reference = hindered(officer, case_id).hindrance.rstrip(")").split()[-1]
    log = federation.nodes[HEFEI].log.read_text("utf-8")
    [line] = [line for line in log.splitlines() if f"reference {reference}:" in line]
    assert "ValueError" in line
    assert "raise_error" in line
    officer.decide(case_id, Approve("准予。"))


def test_a_case_goes_on_by_itself_once_its_handler_works(
    federation: Federation, clerk: Client, officer: Client
) -> None:
    case_id = submit(clerk, "REPAIRABLE")
    hindered(officer, case_id)
    (federation.places[HEFEI].home / "repaired").touch()
    await_state(clerk, case_id, CASE_STATE_APPROVED)
    assert len(clerk.case(case_id).events) == 4  # 收件, 到件, 受理, 决定
    assert f"{case_id}/2" in clerk.result(case_id).content.decode()


class TestAnIdentitySourceThatFails:
    @pytest.mark.parametrize("name", UNANSWERED)
    @pytest.mark.parametrize("asking", [CHONGMING, HEFEI])
    def test_gives_no_verdict_and_never_a_negative(
        self, federation: Federation, window: OpenWindow, asking: str, name: str
    ) -> None:
        log = Log(federation, HEFEI)
        found = window(asking).verify_person(name, APPLICANT.number, to=HEFEI, purpose=PURPOSE)
        assert found.verdict is None
        assert Assertion.FromString(found.assertion.assertion).verdict == VERDICT_UNAVAILABLE
        assert log.codes(IDENTITY) == [""]

    def test_gives_nothing_that_a_case_can_rely_on(self, clerk: Client) -> None:
        found = clerk.verify_person(UNANSWERED[0], APPLICANT.number, to=HEFEI, purpose=PURPOSE)
        refusal = refusal_of(
            lambda: clerk.submit("APPROVE", deciding_place="340100", applicant=APPLICANT, assertions=[found.assertion]),
            codes.ASSERTION_INVALID,
        )
        assert refusal.field == "assertions"

    def test_answers_others_meanwhile(self, clerk: Client) -> None:
        with ThreadPoolExecutor(10) as pool:
            hanging = [pool.submit(_verdict, clerk, "庐州久等") for _ in range(20)]
            assert _verdict(clerk, APPLICANT.name) is Verdict.MATCH
            assert not all(one.done() for one in hanging)
            assert {one.result() for one in hanging} == {None}

    def test_answers_many_at_once(self, clerk: Client) -> None:
        with ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(_verdict, clerk, "庐州慢答") for _ in range(20)]
            assert {one.result() for one in asked} == {Verdict.MATCH}


def _verdict(window: Client, name: str) -> Verdict | None:
    return window.verify_person(name, APPLICANT.number, to=HEFEI, purpose=PURPOSE).verdict


@pytest.mark.parametrize(
    ("serial", "availability"),
    [
        (0, AVAILABILITY_OBTAINED),
        (1, AVAILABILITY_UNAVAILABLE),
        (4, AVAILABILITY_UNAVAILABLE),
        (5, AVAILABILITY_UNAVAILABLE),
    ],
    ids=["works", "raises", "gives no records", "gives text"],
)
def test_a_credit_source_that_fails_gives_no_clean_bill(clerk: Client, serial: int, availability: int) -> None:
    found = clerk.query_credit(synthetic_credit_code("340100", serial), to=HEFEI, purpose=PURPOSE)
    assert (found.availability, list(found.records)) == (availability, [])

"""Nodes that stop and come back: what was acknowledged is there, and what they knew they know."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from tongban.api.cases.v1.cases_pb2 import (
    CASE_STATE_APPROVED,
    CASE_STATE_ARRIVED,
    CASE_STATE_CORRECTION,
    SubmitCaseResponse,
    WatchCaseResponse,
)
from tongban.core import Approve, Refusal, codes
from tongban.core.client import Client
from tongban.core.testing.federation import Federation, eventually

from .looking import await_delivery, await_state, check_log, refusal_of, submit_company_change
from .people import APPLICANT, BORROWER, CHONGMING, FIRM, HANGZHOU, HEFEI, ITEM, LOAN_ITEM, PURPOSE, QIDONG

SUBMISSIONS = 50


def submit(window: Client, number: int) -> SubmitCaseResponse:
    """Hand in one of many cases."""
    form = {"new_address": f"启东市虚构路 {number} 号"}
    return window.submit(ITEM, deciding_place="320681", applicant=FIRM, form=form, request_id=f"stop-{number}")


def test_what_was_acknowledged_while_a_node_stopped_is_there(
    federation: Federation, window: Callable[[str], Client], clerk: Client
) -> None:
    before = {one.case_id for one in clerk.cases(item_code=ITEM, limit=1000)}
    acknowledged: dict[int, bytes] = {}
    refused: dict[int, Refusal] = {}
    some = threading.Event()

    def attempt(number: int) -> None:
        try:
            acknowledged[number] = submit(clerk, number).SerializeToString()
        except Refusal as refusal:
            refused[number] = refusal
        if len(acknowledged) >= SUBMISSIONS // 5:
            some.set()

    with ThreadPoolExecutor(10) as pool:
        under_way = [pool.submit(attempt, number) for number in range(SUBMISSIONS)]
        assert some.wait(20.0)
        begun = time.monotonic()
        assert federation.nodes[CHONGMING].stop() == 0
        assert time.monotonic() - begun < 5.0
        for one in under_way:
            one.result()
    federation.nodes[CHONGMING].start()
    assert 0 < len(acknowledged) < SUBMISSIONS
    assert {one.code for one in refused.values()} <= {codes.NODE_UNREACHABLE, codes.STOPPING}
    assert {number: one.facts["request_id"] for number, one in refused.items()} == {n: f"stop-{n}" for n in refused}
    eventually(lambda: clerk.find_items())
    for number, receipt in acknowledged.items():
        assert submit(clerk, number).SerializeToString() == receipt
    for number in refused:
        submit(clerk, number)
    await_delivery(federation, CHONGMING)
    cases = {one.case_id for one in clerk.cases(item_code=ITEM, limit=1000)} - before
    assert len(cases) == SUBMISSIONS
    assert cases <= {one.case_id for one in window(QIDONG).cases(item_code=ITEM, limit=1000)}
    check_log(federation, CHONGMING)


def test_a_node_knows_after_a_restart_what_it_knew(
    federation: Federation, window: Callable[[str], Client], clerk: Client
) -> None:
    case_id = submit_company_change(clerk)
    await_state(clerk, case_id, CASE_STATE_CORRECTION)
    case = clerk.case(case_id)
    documents = list(clerk.documents())
    for member in (CHONGMING, QIDONG):
        assert federation.nodes[member].stop() == 0
    for member in (CHONGMING, QIDONG):
        federation.nodes[member].start()
    with federation.window(CHONGMING) as again:  # The token is the old one.
        assert again.case(case_id).events == case.events
        assert list(again.documents()) == documents
        assert again.query_credit(FIRM.number, to=QIDONG, purpose=PURPOSE).records
        assert {one.member for one in again.find_items()} == {QIDONG, HANGZHOU, HEFEI}
    assert window(QIDONG).case(case_id).events == case.events


def test_a_watcher_goes_on_where_it_was(federation: Federation, window: Callable[[str], Client]) -> None:
    clerk, officer = window(CHONGMING), window(HEFEI)
    case_id = clerk.submit("NEVER-RETURN", deciding_place="340100", applicant=APPLICANT).case_id
    seen: SimpleQueue[WatchCaseResponse] = SimpleQueue()

    def watch() -> None:
        for update in clerk.watch(case_id, timeout=60.0):
            seen.put(update)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        first = [seen.get(timeout=20.0) for _ in range(2)]
        assert federation.nodes[CHONGMING].stop() == 0
        federation.nodes[CHONGMING].start()
        officer.decide(case_id, Approve("准予。"))
        watching.result(30.0)
    rest = [seen.get() for _ in range(seen.qsize())]
    assert [one.summary.state for one in rest][-1] == CASE_STATE_APPROVED
    assert len(first + rest) == 4


def test_a_window_that_leaves_takes_its_calls_with_it(federation: Federation, window: Callable[[str], Client]) -> None:
    clerk, officer = window(CHONGMING), window(HEFEI)
    case_id = clerk.submit("NEVER-RETURN", deciding_place="340100", applicant=APPLICANT).case_id
    leaving = federation.window(CHONGMING)
    with ThreadPoolExecutor(1) as pool:
        updates = leaving.watch(case_id)
        next(updates)
        watching = pool.submit(lambda: list(updates))
        leaving.close()
        refusal_of(lambda: watching.result(10.0), codes.NODE_UNREACHABLE)
    await_state(officer, case_id, CASE_STATE_ARRIVED)
    officer.decide(case_id, Approve("准予。"))


def test_a_node_stops_while_handlers_hang(federation: Federation, window: Callable[[str], Client]) -> None:
    clerk = window(CHONGMING)
    cases = [
        clerk.submit(item, deciding_place="340100", applicant=APPLICANT).case_id
        for item in ("NEVER-RETURN", "NEVER-RETURN-LATER")
    ]
    for case_id in cases:
        eventually(lambda case_id=case_id: window(HEFEI).case(case_id).summary.hindrance)  # type: ignore[misc]
    begun = time.monotonic()
    assert federation.nodes[HEFEI].stop() == 0
    assert time.monotonic() - begun < 5.0
    federation.nodes[HEFEI].start()
    with federation.window(HEFEI) as officer:
        for case_id in cases:
            officer.decide(case_id, Approve("准予。"))
            await_state(clerk, case_id, CASE_STATE_APPROVED)


def test_a_killed_node_finishes_what_it_had_begun(federation: Federation, clerk: Client) -> None:
    case_id = clerk.submit(LOAN_ITEM, deciding_place="330100", applicant=BORROWER).case_id
    federation.nodes[HANGZHOU].kill()
    federation.nodes[CHONGMING].kill()
    federation.nodes[HANGZHOU].start()
    federation.nodes[CHONGMING].start()
    await_state(clerk, case_id, CASE_STATE_APPROVED)
    assert len(clerk.case(case_id).events) == 4
    for member in (CHONGMING, HANGZHOU):
        check_log(federation, member)

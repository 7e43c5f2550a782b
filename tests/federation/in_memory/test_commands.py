"""Commands of windows: repeated, reused, wrong, and given all at once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import CorrectionItem
from tongban.api.evidence.v1.evidence_pb2 import SIDE_LOCAL
from tongban.core import codes
from tongban.core.codes import Code
from tongban.core.errors import Refusal

from . import calls
from .laid_out import CHONGMING, HANGZHOU, INSTANT_ITEM, QIDONG, UNSHARED_ITEM
from .outcomes import refused
from .town import Town
from .waiting import again_and_again

CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])


async def test_the_same_submission_gets_the_same_receipt(town: Town) -> None:
    first = await calls.submit(town.window(CHONGMING))
    second = await calls.submit(town.window(CHONGMING))
    await town.restart(CHONGMING)
    third = await calls.submit(town.window(CHONGMING))
    assert first.SerializeToString() == second.SerializeToString() == third.SerializeToString()
    assert len(await town.nodes[CHONGMING].resources.store.cases()) == 1


async def test_a_request_id_for_other_content_is_refused(town: Town) -> None:
    await calls.submit(town.window(CHONGMING))
    with refused(codes.REQUEST_REUSED) as caught:
        await calls.submit(town.window(CHONGMING), calls.submission(form={"new_address": "别处"}))
    assert caught.value.facts["recorded"] != caught.value.facts["sent"]
    assert len(await town.nodes[CHONGMING].resources.store.cases()) == 1
    assert await town.errors(CHONGMING) == ["", "REQUEST_REUSED"]


WRONG: dict[str, tuple[dict[str, Any], Code]] = {
    "an item that nobody has": ({"item": "NONE"}, codes.ITEM_UNKNOWN),
    "an item without a row": ({"item": UNSHARED_ITEM}, codes.NO_AGREEMENT_ROW),
    "another city's place": ({"deciding_place": "110101"}, codes.WRONG_AUTHORITY),
    "a form without a required field": ({"form": {}}, codes.FORM_FIELD),
    "a form with a field too many": ({"form": {"new_address": "x", "old": "y"}}, codes.FORM_FIELD),
    "a material that was not uploaded": ({"materials": [calls.MATERIAL]}, codes.MATERIAL_UNKNOWN),
    "no applicant": ({"applicant": None}, codes.INVALID_FIELD),
}


@pytest.mark.parametrize(("changes", "code"), WRONG.values(), ids=WRONG)
async def test_a_wrong_submission_leaves_nothing_but_evidence(town: Town, changes: dict[str, Any], code: Code) -> None:
    with refused(code):
        await calls.submit(town.window(CHONGMING), calls.submission(**changes))
    record = (await town.evidence(CHONGMING))[-1]
    assert (record.side, record.error_code) == (SIDE_LOCAL, code.name)
    await _nothing_happened(town)


async def test_the_row_that_a_case_lacks_is_named(town: Town) -> None:
    with refused(codes.NO_AGREEMENT_ROW) as caught:
        await calls.submit(town.window(CHONGMING), calls.submission(item=UNSHARED_ITEM))
    row = f"case from {CHONGMING} to {QIDONG}, item {UNSHARED_ITEM}"
    assert caught.value.facts["row"] == (await town.evidence(CHONGMING))[-1].agreement_row == row
    assert caught.value.facts["contact"] == "启东市行政审批局 0513-00000000"


async def test_the_wrong_authority_is_told_the_right_one(town: Town) -> None:
    with refused(codes.WRONG_AUTHORITY) as caught:
        await calls.submit(town.window(CHONGMING, to=HANGZHOU))
    assert caught.value.facts["right_member"] == QIDONG


async def _nothing_happened(town: Town) -> None:
    store = town.nodes[CHONGMING].resources.store
    assert await store.cases() == []
    assert await store.outbox_counts() == []
    assert await town.errors(QIDONG) == []


# Many at once.


async def test_fifty_submissions_at_once_are_fifty_cases_with_numbers_of_their_own(town: Town) -> None:
    window, requests = town.window(CHONGMING), [calls.submission(f"s-{i}", INSTANT_ITEM) for i in range(50)]
    receipts = await asyncio.gather(*(calls.submit(window, request) for request in requests))
    assert len({receipt.case_id for receipt in receipts}) == 50
    assert sorted(int(receipt.intake_number.rpartition("-")[2]) for receipt in receipts) == list(range(1, 51))
    for receipt in receipts:
        await town.case_is(CHONGMING, receipt.case_id, cases.CASE_STATE_APPROVED)
    numbers = [(await calls.get_case(window, receipt.case_id)).summary.case_number for receipt in receipts]
    assert len(set(numbers)) == 50


async def test_one_submission_sent_twenty_times_at_once_is_one_case(town: Town) -> None:
    receipts = await asyncio.gather(*(calls.submit(town.window(CHONGMING)) for _ in range(20)))
    assert len({receipt.SerializeToString() for receipt in receipts}) == 1
    assert len(await town.nodes[CHONGMING].resources.store.cases()) == 1


async def test_of_twenty_officers_who_decide_at_once_one_decides(town: Town) -> None:
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    outcomes = await asyncio.gather(*(_decided(town, case_id, i) for i in range(20)))
    assert Counter(outcomes) == {"": 1, "CASE_STEP": 19}
    held = await calls.get_case(town.window(QIDONG), case_id)
    assert len(held.events) == 4  # received, arrived, accepted, decided
    await town.case_is(CHONGMING, case_id, held.summary.state)
    assert (await calls.get_case(town.window(CHONGMING), case_id)).events == held.events


async def _decided(town: Town, case_id: str, number: int) -> str:
    officer = town.window(QIDONG, officer=f"officer-{number}")
    said: dict[str, Any] = {"approve": cases.ApproveCase(text=f"准予,{number} 号。")}
    if number % 2:
        said = {"reject": cases.RejectCase(reason=f"不予,{number} 号。")}
    try:
        await calls.decide(officer, case_id, f"d-{number}", **said)
    except Refusal as refusal:
        return refusal.code.name
    return ""


async def test_one_decision_sent_many_times_gets_the_same_answer_each_time(town: Town) -> None:
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    officer, approval = town.window(QIDONG), cases.ApproveCase(text="准予变更登记。")
    answers = await again_and_again(lambda: calls.decide(officer, case_id, approve=approval))
    assert len({answer.SerializeToString() for answer in answers}) == 1
    assert len((await calls.get_case(officer, case_id)).events) == 4


async def test_one_supplement_sent_many_times_gets_the_same_answer_each_time(town: Town) -> None:
    case_id = await _corrected(town)
    clerk, form = town.window(CHONGMING), {"new_address": "汇龙镇人民路 2 号"}
    answers = await again_and_again(lambda: calls.supplement(clerk, case_id, form=form))
    assert len({answer.SerializeToString() for answer in answers}) == 1
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)


async def test_of_supplements_at_once_one_is_taken_and_nobody_else_is_hurt(town: Town) -> None:
    case_id = await _corrected(town)
    supplements = [_supplemented(town, case_id, number) for number in range(10)]
    others = [_submitted(town, number) for number in range(10)]
    outcomes = await asyncio.gather(*supplements, *others)
    assert Counter(outcomes[:10]) == {"": 1, "CASE_STEP": 9}
    assert Counter(outcomes[10:]) == {"": 10}
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)


async def _corrected(town: Town) -> str:
    """Return a case that waits for a supplement."""
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await calls.decide(town.window(QIDONG), case_id, request_correction=CORRECTION)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_CORRECTION)
    return case_id


async def _supplemented(town: Town, case_id: str, number: int) -> str:
    try:
        await calls.supplement(town.window(CHONGMING), case_id, f"p-{number}", form={"new_address": f"{number} 号"})
    except Refusal as refusal:
        return refusal.code.name
    return ""


async def _submitted(town: Town, number: int) -> str:
    try:
        await calls.submit(town.window(CHONGMING), calls.submission(f"other-{number}"))
    except Refusal as refusal:
        return refusal.code.name
    return ""

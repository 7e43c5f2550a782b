"""Refusals that name the true reason where steps come too early, too late or twice."""

import pytest

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import CorrectionItem
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import codes
from tongban.core.registry import Brought
from tongban.federation.calls import Call, Door
from tongban.federation.cases import commands

from . import calls
from .laid_out import CHONGMING, DESK_ITEM, QIDONG, LaidOut, brought
from .outcomes import refused
from .town import Town
from .waiting import until

CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])


async def test_an_own_case_that_has_not_arrived_cannot_be_decided(town: Town) -> None:
    del town.nodes[QIDONG].resources.registry.items[DESK_ITEM]  # Its own handling side does not take it.
    case_id = (await calls.submit(town.window(QIDONG))).case_id
    with refused(codes.CASE_STEP) as caught:
        await calls.decide(town.window(QIDONG), case_id, accept=cases.AcceptCase())
    assert caught.value.facts["state"] == "received"
    assert caught.value.rule == "a case is decided after its arrival"


async def test_a_supplement_of_an_item_that_nobody_publishes_any_more_says_so(laid_out: LaidOut) -> None:
    gone: set[str] = set()

    def brings(member: str) -> list[Brought]:
        return [
            Brought(one.plugin, [item for item in one.items if item.code not in gone], one.identity, one.credit)
            for one in brought(member)
        ]

    async with Town(laid_out, brings) as town:
        await town.start(CHONGMING, QIDONG)
        case_id = (await calls.submit(town.window(CHONGMING))).case_id
        await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
        await calls.decide(town.window(QIDONG), case_id, request_correction=CORRECTION)
        await town.case_is(CHONGMING, case_id, cases.CASE_STATE_CORRECTION)
        gone.add(DESK_ITEM)
        await town.restart(QIDONG)
        keeper = town.nodes[CHONGMING].resources.keeper
        await until(lambda: (QIDONG, DESK_ITEM) not in keeper.view.items)
        with refused(codes.ITEM_UNKNOWN):
            await calls.supplement(town.window(CHONGMING), case_id, form={"new_address": "汇龙镇人民路 2 号"})


@pytest.mark.parametrize(("to", "officer"), [(QIDONG, "zhang.w"), ("", "li.s")], ids=["member", "officer"])
async def test_a_request_id_for_another_member_or_officer_is_refused(town: Town, to: str, officer: str) -> None:
    await calls.submit(town.window(CHONGMING))
    with refused(codes.REQUEST_REUSED):
        await calls.submit(town.window(CHONGMING, to=to, officer=officer))
    assert len(await town.nodes[CHONGMING].resources.store.cases()) == 1


def test_the_same_content_for_another_method_is_another_command() -> None:
    request, context = calls.submission(), CallContext()
    one, other = [Call(Door.WINDOWS, f"{calls.CASES}/{name}", b"", context, 1.0) for name in ("SubmitCase", "Other")]
    assert commands.digest_of(one, request) == commands.digest_of(one, request)
    assert commands.digest_of(one, request) != commands.digest_of(other, request)

"""What a case contains is checked on both sides: 启东 does not rely on what 崇明 should have checked."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.cases.v1.acts_pb2 import CaseMaterial, CorrectionItem, Supplemented
from tongban.api.common.v1.common_pb2 import Party
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest
from tongban.api.identity.v1.identity_pb2 import (
    VERDICT_MATCH,
    VERDICT_NOT_FOUND,
    Assertion,
    SignedAssertion,
)
from tongban.core import codes, sealing
from tongban.core.sealing import Leaf, seal_all
from tongban.core.times import timestamp
from tongban.federation.cases.checks import party_digest

from . import acts, calls
from .laid_out import CHONGMING, NOW, QIDONG
from .outcomes import refused
from .peers import Peer
from .town import Town

DELIVER_ACT = f"{calls.EXCHANGE}/DeliverAct"
CORRECTION = cases.RequestCorrection(items=[CorrectionItem(code="application", text="请补交变更登记申请书")])
OTHER = CaseMaterial(code="scan", name="照片", digest="0" * 64, size=1, media_type="image/jpeg")
ADDRESS = {"new_address": "汇龙镇人民路 2 号"}


@pytest.fixture
def town(town: Town) -> Town:
    """The federation, but that nothing reaches 崇明: its acts are handed over by hand."""
    town.net.cut(CHONGMING)
    return town


async def deliver(town: Town, number: int = 1, at: datetime = NOW, **content: Any) -> str:
    """Hand over an act of 崇明; return the error code."""
    signer = town.nodes[CHONGMING].resources.signer
    signed = await acts.sealed(signer, acts.act(number=number, at=at, **content))
    return (await Peer(town.nodes[QIDONG], CHONGMING, signer).ask(DELIVER_ACT, DeliverActRequest(act=signed))).code


async def events(town: Town) -> int:
    return len(await town.nodes[QIDONG].resources.store.events(acts.new_case_id()))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a form without a required field": ({"form": {}}, "FORM_FIELD"),
    "a form with a field too many": ({"form": {**ADDRESS, "old": "y"}}, "FORM_FIELD"),
    "a material that the item does not ask for": ({"materials": [OTHER]}, "INVALID_FIELD"),
    "two materials under one code": ({"materials": [calls.MATERIAL, calls.MATERIAL]}, "INVALID_FIELD"),
}


@pytest.mark.parametrize(("changes", "code"), WRONG.values(), ids=WRONG)
async def test_an_intake_that_the_item_does_not_allow_is_refused(
    town: Town, changes: dict[str, Any], code: str
) -> None:
    assert await deliver(town, received=acts.received(**changes)) == code
    assert await town.nodes[QIDONG].resources.store.cases() == []
    assert await town.errors(QIDONG) == [code]


async def test_another_version_of_the_item_is_no_reason_to_refuse_what_fits(town: Town) -> None:
    assert await deliver(town, received=acts.received(item_version=7, materials=[calls.MATERIAL])) == ""


SUPPLEMENTS = {
    "an empty required field": (Supplemented(form={"new_address": ""}), "FORM_FIELD"),
    "a field too many": (Supplemented(form={"old": "y"}), "FORM_FIELD"),
    "a material that the item does not ask for": (Supplemented(materials=[OTHER]), "INVALID_FIELD"),
    "a right one": (Supplemented(materials=[calls.MATERIAL]), ""),
}


@pytest.mark.parametrize(("supplement", "code"), SUPPLEMENTS.values(), ids=SUPPLEMENTS)
async def test_a_supplement_that_the_item_does_not_allow_is_refused(
    town: Town, supplement: Supplemented, code: str
) -> None:
    await deliver(town)
    await calls.decide(town.window(QIDONG), acts.new_case_id(), request_correction=CORRECTION)
    assert await deliver(town, 2, supplemented=supplement) == code
    assert await events(town) == (3 if code else 4)


# Assertions


async def assertion(town: Town, by: str, **changes: Any) -> SignedAssertion:
    """Return what 崇明 found out about the agent, sealed by a member."""
    right = {
        "assertion_id": "a-1",
        "member": CHONGMING,
        "party_digest": party_digest(calls.AGENT),
        "verdict": VERDICT_MATCH,
        "verified_at": timestamp(NOW),
        "expires_at": timestamp(NOW + timedelta(minutes=10)),
    }
    data = Assertion(**{**right, **changes}).SerializeToString()
    (seal,) = await seal_all(town.nodes[by].resources.signer, [Leaf(sealing.ASSERTION, data)])
    return SignedAssertion(assertion=data, seal=seal)


RELIED_ON: dict[str, tuple[str, dict[str, Any], str]] = {
    "that is right": (CHONGMING, {}, ""),
    "that its member did not seal": (QIDONG, {}, "ASSERTION_INVALID"),
    "of a member that the directory does not list": (CHONGMING, {"member": "110101"}, "ASSERTION_INVALID"),
    "about somebody else": (CHONGMING, {"party_digest": party_digest(Party())}, "ASSERTION_INVALID"),
    "that is no match": (CHONGMING, {"verdict": VERDICT_NOT_FOUND}, "ASSERTION_INVALID"),
    "that had expired": (CHONGMING, {"expires_at": timestamp(NOW)}, "ASSERTION_INVALID"),
}


@pytest.mark.parametrize(("by", "changes", "code"), RELIED_ON.values(), ids=RELIED_ON)
async def test_only_an_assertion_that_could_be_relied_on_is_taken(
    town: Town, by: str, changes: dict[str, Any], code: str
) -> None:
    given = [await assertion(town, by, **changes)]
    assert await deliver(town, received=acts.received(agent=calls.AGENT.person, assertions=given)) == code


async def test_an_assertion_counts_as_of_the_time_of_the_act(town: Town) -> None:
    given = [await assertion(town, CHONGMING)]
    town.clocks[QIDONG].turn(timedelta(days=2))
    assert await deliver(town, received=acts.received(agent=calls.AGENT.person, assertions=given)) == ""


# Two materials under one code


async def test_a_window_hands_in_one_material_for_each_requirement(town: Town) -> None:
    await calls.upload(town.window(CHONGMING))
    with refused(codes.INVALID_FIELD) as caught:
        await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.MATERIAL] * 2))
    assert caught.value.field == "materials[1].code"
    assert "application is there already" in caught.value.rule
    assert caught.value.remedy
    assert await town.nodes[CHONGMING].resources.store.cases() == []

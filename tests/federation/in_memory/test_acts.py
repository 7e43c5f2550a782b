"""Acts that the intake member hands over: each stands once, and one that cannot stand changes nothing."""

from typing import Any

import pytest

from tongban.api.cases.v1.acts_pb2 import Act, SignedAct, Supplemented
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest, DeliverActResponse

from . import acts, calls
from .laid_out import CHONGMING, HANGZHOU, QIDONG, UNSHARED_ITEM
from .peers import Answered, Peer
from .town import Town
from .waiting import again_and_again

DELIVER_ACT = f"{calls.EXCHANGE}/DeliverAct"


@pytest.fixture
def town(town: Town) -> Town:
    """The federation, but that nothing reaches 崇明: its acts are handed over by hand."""
    town.net.cut(CHONGMING)
    return town


def peer(town: Town, member: str = CHONGMING) -> Peer:
    """Return a member that hands acts to 启东 by messages made by hand."""
    return Peer(town.nodes[QIDONG], member, town.nodes[member].resources.signer)


async def deliver(town: Town, one: Act, author: str = CHONGMING) -> Answered:
    """Hand over an act of 崇明, sealed by `author`."""
    signed = await acts.sealed(town.nodes[author].resources.signer, one)
    return await peer(town).ask(DELIVER_ACT, DeliverActRequest(act=signed))


async def events(town: Town, case_id: str | None = None) -> int:
    return len(await town.nodes[QIDONG].resources.store.events(case_id or acts.new_case_id()))


async def test_an_act_stands_once_and_a_repeat_gets_the_recorded_answer(town: Town) -> None:
    first = await deliver(town, acts.act())
    second = await deliver(town, acts.act())
    await town.restart(QIDONG)
    third = await deliver(town, acts.act())
    assert first == second == third == Answered(DeliverActResponse(sequence=1).SerializeToString(), "")
    assert await events(town) == 2  # received and arrived
    assert await town.errors(QIDONG) == ["", "", ""]


async def test_an_act_handed_over_again_and_again_stands_once(town: Town) -> None:
    answers = await again_and_again(lambda: deliver(town, acts.act()))
    assert set(answers) == {Answered(DeliverActResponse(sequence=1).SerializeToString(), "")}
    assert await events(town) == 2


async def test_an_act_with_the_number_of_another_one_is_refused(town: Town) -> None:
    await deliver(town, acts.act())
    other = acts.act(received=acts.received(deciding_place="320600"))
    assert (await deliver(town, other)).code == "REQUEST_REUSED"
    assert await events(town) == 2


SUPPLEMENT = Supplemented(form={"new_address": "汇龙镇人民路 2 号"})

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a supplement before its number": ({"number": 3, "supplemented": SUPPLEMENT}, "ACT_OUT_OF_ORDER"),
    "a supplement that nobody asked for": ({"number": 2, "supplemented": SUPPLEMENT}, "CASE_STEP"),
    "a second intake": ({"number": 2, "received": acts.received()}, "CASE_STEP"),
    "a step of the handling member": ({"number": 2, "accepted": acts.ACCEPTED}, "RECORD_INVALID"),
    "nothing": ({"number": 2, "received": None}, "INVALID_FIELD"),
}


@pytest.mark.parametrize(("changes", "code"), WRONG.values(), ids=WRONG)
async def test_an_act_that_cannot_come_next_is_refused(town: Town, changes: dict[str, Any], code: str) -> None:
    await deliver(town, acts.act())
    assert (await deliver(town, acts.act(**changes))).code == code
    assert await events(town) == 2
    assert await town.errors(QIDONG) == ["", code]


BEGINNINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a supplement of an unknown case": ({"number": 2, "supplemented": SUPPLEMENT}, "ACT_OUT_OF_ORDER"),
    "a first act that is no intake": ({"supplemented": SUPPLEMENT}, "CASE_STEP"),
    "a step of the handling member": ({"accepted": acts.ACCEPTED}, "CASE_STEP"),
    "a case id of another division": ({"case": acts.new_case_id(QIDONG)}, "RECORD_INVALID"),
    "a matter of another member": ({"received": acts.received(handling=HANGZHOU)}, "RECORD_INVALID"),
    "an intake number of another member": (
        {"received": acts.received(intake_number="SJ-320681-20261012-0001")},
        "RECORD_INVALID",
    ),
    "an intake number of no member": ({"received": acts.received(intake_number="1")}, "RECORD_INVALID"),
    "an item that nobody has": ({"received": acts.received(item_code="NONE")}, "ITEM_UNKNOWN"),
    "an item without a row": ({"received": acts.received(item_code=UNSHARED_ITEM)}, "NO_AGREEMENT_ROW"),
    "an act of another member": ({"author": HANGZHOU}, "MESSAGE_ALTERED"),
}


@pytest.mark.parametrize(("changes", "code"), BEGINNINGS.values(), ids=BEGINNINGS)
async def test_a_case_that_cannot_begin_so_is_refused(town: Town, changes: dict[str, Any], code: str) -> None:
    assert (await deliver(town, acts.act(**changes))).code == code
    assert await town.nodes[QIDONG].resources.store.cases() == []
    assert await town.errors(QIDONG) == [code]


async def test_the_missing_row_of_a_case_is_named(town: Town) -> None:
    await deliver(town, acts.act(received=acts.received(item_code=UNSHARED_ITEM)))
    record = (await town.evidence(QIDONG))[-1]
    assert record.agreement_row == f"case from {CHONGMING} to {QIDONG}, item {UNSHARED_ITEM}"


@pytest.mark.parametrize("known", [False, True], ids=["before its author did", "after its author did"])
async def test_a_member_cannot_hand_over_the_act_of_another(town: Town, known: bool) -> None:
    await town.start(HANGZHOU)
    if known:
        await deliver(town, acts.act())
    signed = await acts.sealed(town.nodes[CHONGMING].resources.signer, acts.act())
    answered = await peer(town, HANGZHOU).ask(DELIVER_ACT, DeliverActRequest(act=signed))
    assert answered.code == "RECORD_INVALID"
    assert await events(town) == (2 if known else 0)


async def test_a_member_cannot_take_part_in_a_case_of_others(town: Town) -> None:
    await town.start(HANGZHOU)
    await deliver(town, acts.act())
    own = acts.act(HANGZHOU, supplemented=SUPPLEMENT)
    signed = await acts.sealed(town.nodes[HANGZHOU].resources.signer, own)
    answered = await peer(town, HANGZHOU).ask(DELIVER_ACT, DeliverActRequest(act=signed))
    assert answered.code == "RECORD_INVALID"
    assert await events(town) == 2


async def test_an_act_that_its_author_did_not_seal_is_refused(town: Town) -> None:
    await town.start(HANGZHOU)
    assert (await deliver(town, acts.act(), author=HANGZHOU)).code == "MESSAGE_ALTERED"
    signed = await acts.sealed(town.nodes[CHONGMING].resources.signer, acts.act())
    changed = Act.FromString(signed.act)
    changed.received.form["new_address"] = "别处"
    forged = SignedAct(act=changed.SerializeToString(), seal=signed.seal)
    assert (await peer(town).ask(DELIVER_ACT, DeliverActRequest(act=forged))).code == "MESSAGE_ALTERED"
    assert await events(town) == 0


async def test_a_request_that_is_none_is_refused(town: Town) -> None:
    assert (await peer(town).ask(DELIVER_ACT, b"\xff")).code == "MALFORMED"
    assert (await peer(town).ask(DELIVER_ACT, DeliverActRequest())).code == "INVALID_FIELD"

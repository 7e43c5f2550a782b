"""Events that the handling member hands back: each is believed only as the next of its case."""

from dataclasses import dataclass
from typing import Any

import pytest

from tongban.api.cases.v1.acts_pb2 import Act, Arrived, SignedAct, SignedEvent
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, CASE_STATE_RECEIVED
from tongban.api.exchange.v1.exchange_pb2 import DeliverEventRequest
from tongban.core.signing import Signer

from . import acts, calls
from .laid_out import CHONGMING, HANGZHOU, QIDONG
from .peers import Answered, Peer
from .town import Town

DELIVER_EVENT = f"{calls.EXCHANGE}/DeliverEvent"


@dataclass(frozen=True)
class Handover:
    """A case of 崇明 that 启东 puts in order by hand."""

    town: Town
    case_id: str
    intake: SignedAct

    @property
    def signer(self) -> Signer:
        return self.town.nodes[QIDONG].resources.signer

    async def arrival(self, **changes: Any) -> SignedAct:
        plain = {"author": QIDONG, "case": self.case_id, "arrived": Arrived()}
        return await acts.sealed(self.signer, acts.act(**{**plain, **changes}))

    async def deliver(self, signed: SignedEvent, member: str = QIDONG) -> Answered:
        peer = Peer(self.town.nodes[CHONGMING], member, self.town.nodes[member].resources.signer)
        return await peer.ask(DELIVER_EVENT, DeliverEventRequest(event=signed))

    async def events(self) -> int:
        return len(await self.town.nodes[CHONGMING].resources.store.events(self.case_id))


@pytest.fixture
async def handover(town: Town) -> Handover:
    """A case that was taken in while 启东 could not be reached."""
    town.net.cut(QIDONG)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    (pending,) = (await calls.get_case(town.window(CHONGMING), case_id)).pending
    return Handover(town, case_id, pending)


async def test_an_event_stands_once_and_a_repeat_is_no_news(handover: Handover, town: Town) -> None:
    first = await acts.ordered(handover.signer, None, handover.intake)
    for _ in range(3):
        assert await handover.deliver(first) == Answered(b"", "")
    assert await handover.events() == 1
    held = await calls.get_case(town.window(CHONGMING), handover.case_id)
    assert (held.summary.state, len(held.pending)) == (CASE_STATE_RECEIVED, 0)
    second = await acts.ordered(handover.signer, acts.after(None, first), await handover.arrival())
    await handover.deliver(second)
    assert await calls.state(town.window(CHONGMING), handover.case_id) == CASE_STATE_ARRIVED


async def test_another_event_at_the_same_place_is_refused(handover: Handover) -> None:
    await handover.deliver(await acts.ordered(handover.signer, None, handover.intake))
    other = await acts.ordered(handover.signer, None, handover.intake, time={"seconds": 1})
    assert (await handover.deliver(other)).code == "REQUEST_REUSED"


async def test_an_event_before_its_turn_is_refused_and_may_come_again(handover: Handover) -> None:
    first = await acts.ordered(handover.signer, None, handover.intake)
    second = await acts.ordered(handover.signer, acts.after(None, first), await handover.arrival())
    assert (await handover.deliver(second)).code == "ACT_OUT_OF_ORDER"
    assert [(await handover.deliver(one)).code for one in (first, second)] == ["", ""]
    assert await handover.events() == 2


async def test_an_event_of_an_unknown_case_is_refused(handover: Handover) -> None:
    stranger = await acts.sealed(handover.signer, acts.act(QIDONG, case=acts.new_case_id(), arrived=Arrived()))
    assert (await handover.deliver(await acts.ordered(handover.signer, None, stranger))).code == "CASE_UNKNOWN"


async def test_only_the_handling_member_puts_acts_in_order(handover: Handover, town: Town) -> None:
    await town.start(HANGZHOU)
    right = await acts.ordered(handover.signer, None, handover.intake)
    foreign = await acts.ordered(town.nodes[HANGZHOU].resources.signer, None, handover.intake)
    assert (await handover.deliver(right, HANGZHOU)).code == "RECORD_INVALID"
    assert (await handover.deliver(foreign, HANGZHOU)).code == "RECORD_INVALID"
    assert (await handover.deliver(foreign, QIDONG)).code == "MESSAGE_ALTERED"
    assert await handover.events() == 0
    assert (await town.errors(CHONGMING))[-3:] == ["RECORD_INVALID", "RECORD_INVALID", "MESSAGE_ALTERED"]


async def test_an_event_must_name_the_act_that_it_brings(handover: Handover) -> None:
    wrong = await acts.ordered(handover.signer, None, handover.intake, act_digest=bytes(32))
    assert (await handover.deliver(wrong)).code == "RECORD_INVALID"


async def test_an_event_must_follow_the_one_before_it(handover: Handover) -> None:
    first = await acts.ordered(handover.signer, None, handover.intake)
    await handover.deliver(first)
    view = acts.after(None, first)
    wrong = await acts.ordered(handover.signer, view, await handover.arrival(), previous=bytes(32))
    assert (await handover.deliver(wrong)).code == "RECORD_INVALID"
    assert await handover.events() == 1


async def test_an_act_of_another_case_is_refused(handover: Handover) -> None:
    first = await acts.ordered(handover.signer, None, handover.intake)
    await handover.deliver(first)
    foreign = await handover.arrival(case=acts.new_case_id())
    wrong = await acts.ordered(handover.signer, acts.after(None, first), foreign, case_id=handover.case_id)
    assert (await handover.deliver(wrong)).code == "RECORD_INVALID"
    assert await handover.events() == 1


async def test_the_handling_member_cannot_make_acts_of_the_intake_member(handover: Handover) -> None:
    act = Act.FromString(handover.intake.act)
    act.received.form["new_address"] = "别处"
    forged = await acts.sealed(handover.signer, act)
    assert (await handover.deliver(await acts.ordered(handover.signer, None, forged))).code == "MESSAGE_ALTERED"


async def test_the_handling_member_cannot_leave_a_step_out(handover: Handover) -> None:
    first = await acts.ordered(handover.signer, None, handover.intake)
    await handover.deliver(first)
    accepted = await acts.sealed(handover.signer, acts.act(QIDONG, case=handover.case_id, accepted=acts.ACCEPTED))
    skipping = await acts.ordered(handover.signer, acts.after(None, first), accepted)
    assert (await handover.deliver(skipping)).code == "CASE_STEP"

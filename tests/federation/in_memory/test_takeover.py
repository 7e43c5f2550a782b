"""Nobody takes over a case that another member has taken in, and nobody begins it with another intake."""

from tongban.api.cases.v1.acts_pb2 import Act, SignedAct
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED, CASE_STATE_RECEIVED
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest, DeliverEventRequest

from . import acts, calls
from .laid_out import CHONGMING, HANGZHOU, QIDONG
from .peers import Answered, Peer
from .town import Town

DELIVER_ACT, DELIVER_EVENT = f"{calls.EXCHANGE}/DeliverAct", f"{calls.EXCHANGE}/DeliverEvent"


def peer(town: Town, member: str) -> Peer:
    """Return a member that speaks to 崇明 by messages made by hand."""
    return Peer(town.nodes[CHONGMING], member, town.nodes[member].resources.signer)


async def taken_in(town: Town) -> str:
    """Return a case of 崇明 that 启东 has not got yet."""
    town.net.cut(QIDONG)
    return (await calls.submit(town.window(CHONGMING))).case_id


async def test_a_case_that_is_not_in_order_yet_cannot_be_taken_over(town: Town) -> None:
    await town.start(HANGZHOU)
    case_id = await taken_in(town)
    content = acts.received(handling=CHONGMING)
    signed = await acts.sealed(town.nodes[HANGZHOU].resources.signer, acts.act(HANGZHOU, 1, case_id, received=content))
    assert (await peer(town, HANGZHOU).ask(DELIVER_ACT, DeliverActRequest(act=signed))).code == "RECORD_INVALID"
    held = await calls.get_case(town.window(CHONGMING), case_id)
    assert (held.summary.state, held.summary.handling, list(held.events)) == (CASE_STATE_RECEIVED, QIDONG, [])
    town.net.heal(QIDONG)
    await town.case_is(CHONGMING, case_id, CASE_STATE_ARRIVED)


async def test_the_handling_member_cannot_begin_a_case_with_an_intake_of_its_own(town: Town) -> None:
    case_id = await taken_in(town)
    signer = town.nodes[QIDONG].resources.signer
    foreign = await acts.sealed(signer, acts.act(QIDONG, 1, case_id))
    assert await _begun_with(town, foreign) == "RECORD_INVALID"


async def test_the_handling_member_cannot_begin_a_case_with_another_intake_of_the_same_author(town: Town) -> None:
    case_id = await taken_in(town)
    (pending,) = (await calls.get_case(town.window(CHONGMING), case_id)).pending
    other = Act.FromString(pending.act)
    other.received.form["new_address"] = "别处"
    signed = await acts.sealed(town.nodes[CHONGMING].resources.signer, other)
    assert await _begun_with(town, signed) == "RECORD_INVALID"
    assert await _begun_with(town, pending) == ""


async def _begun_with(town: Town, signed: SignedAct) -> str:
    event = await acts.ordered(town.nodes[QIDONG].resources.signer, None, signed)
    answered: Answered = await peer(town, QIDONG).ask(DELIVER_EVENT, DeliverEventRequest(event=event))
    return answered.code

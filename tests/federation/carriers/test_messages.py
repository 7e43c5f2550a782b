"""Messages that are not what they should be are refused whichever carrier brought them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tongban.api.cases.v1.acts_pb2 import Act, SignedAct
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED
from tongban.api.exchange.v1.exchange_pb2 import (
    DeliverActRequest,
    DeliverActResponse,
    Header,
    LinkResponse,
    Question,
    SealedMessage,
)
from tongban.core.errors import Refusal, refusal_of
from tongban.core.registry import Brought
from tongban.core.times import wall_clock

from ..in_memory import calls
from ..in_memory.acts import act, new_case_id, sealed
from ..in_memory.faults import Wiretap, flipped, with_header
from ..in_memory.laid_out import CHONGMING, CREDIT, CREDIT_PURPOSE, FIRM, HANGZHOU, QIDONG, LaidOut, brought
from ..in_memory.peers import Peer
from ..in_memory.test_leaving import SlowSource
from ..in_memory.town import Town
from ..in_memory.waiting import eventually, until
from .real import CARRIERS, FOLDER, HTTP, town_of

DELIVER_ACT = f"{calls.EXCHANGE}/DeliverAct"
TOLD = CallContext(to=QIDONG, purpose=CREDIT_PURPOSE, consent_id="授权-1")
FAST = [carrier for carrier in CARRIERS if carrier != FOLDER]
"""Carriers on which a caller waits for its answer."""

LOOK_UP = QueryCreditRequest(credit_code=FIRM.number)


async def question(town: Town, method: str, body: Message, **header: Any) -> Question:
    """Return a question of 崇明 to 启东, made by hand."""
    return await Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer).question(
        method, body, **header
    )


async def answer_to(town: Town, asked: Question) -> SealedMessage:
    """Have 崇明's carrier bring a question to 启东; return the answer that comes back."""
    tap = town.net.way = Wiretap()
    await town.nodes[CHONGMING].resources.asking.carrier.send(QIDONG, [asked])
    digest = sha256(asked.message.header).digest()

    def answers() -> list[SealedMessage]:
        back = [LinkResponse.FromString(frame.data).answers for frame in tap.frames if frame.back]
        return [one for some in back for one in some if Header.FromString(one.header).question_digest == digest]

    await until(lambda: bool(answers()))
    return answers()[0]


async def refusal_to(town: Town, asked: Question) -> Refusal:
    return refusal_of(Status.FromString((await answer_to(town, asked)).body))


async def first_act(town: Town) -> SignedAct:
    said = act(case=new_case_id(), at=wall_clock())
    return await sealed(town.nodes[CHONGMING].resources.signer, said)


async def not_believed(town: Town, carrier: str, asked: Question) -> None:
    """Bring a question that its sender did not seal: it is refused, or dropped where only seals tell who asks."""
    if carrier == HTTP:
        await town.nodes[CHONGMING].resources.asking.carrier.send(QIDONG, [asked])
        await until(lambda: town.nodes[QIDONG].resources.admission.unproven == 1)
        assert await town.errors(QIDONG) == []
    else:
        assert (await refusal_to(town, asked)).code.name == "MESSAGE_ALTERED"


async def test_an_altered_message_is_not_believed(town: Town, carrier: str) -> None:
    asked = await question(town, DELIVER_ACT, DeliverActRequest(act=await first_act(town)))
    asked.message.body = flipped(asked.message.body)
    await not_believed(town, carrier, asked)


async def test_an_altered_header_is_not_believed(town: Town, carrier: str) -> None:
    asked = await question(town, DELIVER_ACT, DeliverActRequest(act=await first_act(town)))
    with_header(asked.message, window="hall-2")
    await not_believed(town, carrier, asked)


async def test_a_misaddressed_message_is_refused(town: Town) -> None:
    asked = await question(town, DELIVER_ACT, DeliverActRequest(), receiver=HANGZHOU)
    assert (await refusal_to(town, asked)).code.name == "MESSAGE_MISADDRESSED"
    assert await town.errors(QIDONG) == ["MESSAGE_MISADDRESSED"]


async def test_a_message_that_another_member_sealed_is_not_believed(town: Town, carrier: str) -> None:
    forger = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[QIDONG].resources.signer)
    await not_believed(town, carrier, await forger.question(DELIVER_ACT, DeliverActRequest()))


@pytest.mark.parametrize("valid", [timedelta(minutes=-6), timedelta(days=31)], ids=["expired", "valid for too long"])
async def test_a_message_out_of_its_time_is_refused(town: Town, valid: timedelta) -> None:
    asked = await question(town, DELIVER_ACT, DeliverActRequest(), valid=valid)
    assert (await refusal_to(town, asked)).code.name == "MESSAGE_EXPIRED"
    assert await town.errors(QIDONG) == ["MESSAGE_EXPIRED"]


async def test_acts_are_valid_longer_than_look_ups(town: Town) -> None:
    month, signed = timedelta(days=30), await first_act(town)
    asked = await question(town, DELIVER_ACT, DeliverActRequest(act=signed), valid=month)
    assert DeliverActResponse.FromString((await answer_to(town, asked)).body).sequence == 1
    asked = await question(town, CREDIT, LOOK_UP, context=TOLD, valid=timedelta(minutes=11))
    assert (await refusal_to(town, asked)).code.name == "MESSAGE_EXPIRED"


async def test_a_recorded_look_up_is_not_answered_again(town: Town) -> None:
    asked = await question(town, CREDIT, LOOK_UP, context=TOLD)
    assert not Header.FromString((await answer_to(town, asked)).header).status
    assert (await refusal_to(town, asked)).code.name == "MESSAGE_REPLAYED"
    assert await town.errors(QIDONG) == ["", "MESSAGE_REPLAYED"]


async def test_a_repeated_act_gets_its_recorded_answer(town: Town) -> None:
    signed = await first_act(town)
    asked = await question(town, DELIVER_ACT, DeliverActRequest(act=signed))
    answers = [await answer_to(town, asked), await answer_to(town, asked)]
    assert answers[0].body == answers[1].body
    events = (await calls.get_case(town.window(QIDONG), Act.FromString(signed.act).case_id)).events
    assert len(events) == 2


async def test_a_refusal_brings_its_details(town: Town) -> None:
    refusal = await refusal_to(town, await question(town, DELIVER_ACT, DeliverActRequest()))
    assert (refusal.code.name, refusal.field, refusal.member) == ("INVALID_FIELD", "act", QIDONG)
    assert refusal.message_zh


@pytest.fixture
def source() -> SlowSource:
    return SlowSource()


@pytest.fixture
async def slow_town(carrier: str, laid_out: LaidOut, source: SlowSource) -> AsyncIterator[Town]:
    """A town whose 启东 does not answer about credit."""

    def brings(member: str) -> list[Brought]:
        own = brought(member)
        for one in own:
            one.credit = one.credit and source
        return own

    async with town_of(laid_out, carrier, wall_clock, brings) as town:
        yield await town.start(CHONGMING, QIDONG)


@pytest.mark.parametrize("carrier", FAST)
async def test_a_caller_that_leaves_is_told_to_the_peer(slow_town: Town, source: SlowSource) -> None:
    asked = asyncio.create_task(calls.query(slow_town.asker(seconds=20)))
    await source.asked.wait()
    asked.cancel()
    await eventually(lambda: _left(slow_town))


async def _left(town: Town) -> bool:
    asked, answered = [await town.evidence(member) for member in (CHONGMING, QIDONG)]
    told = [(one.side, one.error_code) for one in (*asked[-1:], *answered[-1:])]
    return told == [(SIDE_ASKED, "CALLER_LEFT"), (SIDE_ANSWERED, "CALLER_LEFT")]


@pytest.mark.parametrize("carrier", FAST)
async def test_a_slow_question_holds_up_no_other(slow_town: Town, source: SlowSource) -> None:
    asked = asyncio.create_task(calls.query(slow_town.asker(seconds=20)))
    await source.asked.wait()
    case_id = (await calls.submit(slow_town.window(CHONGMING))).case_id
    await eventually(lambda: _known(slow_town, case_id))
    assert not asked.done()
    asked.cancel()


async def _known(town: Town, case_id: str) -> bool:
    return await town.nodes[QIDONG].resources.store.case(case_id) is not None

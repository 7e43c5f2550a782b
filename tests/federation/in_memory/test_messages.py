"""Messages between nodes that are not what they should be: each is refused by name, and both logs tell of it."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, QueryCreditRequest
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.core.signing import LocalSigner, generate_key

from . import calls
from .faults import Wiretap, dropping
from .laid_out import BULKY_CODE, CHONGMING, CREDIT, CREDIT_PURPOSE, FIRM, HANGZHOU, QIDONG
from .outcomes import refused
from .peers import Peer
from .town import Town
from .waiting import eventually

CONTEXT = {"purpose": CREDIT_PURPOSE, "consent_id": "授权-1"}
TOLD = CallContext(to=QIDONG, **CONTEXT)
REQUEST = QueryCreditRequest(credit_code=FIRM.number)


def peer(town: Town, certified: str = CHONGMING) -> Peer:
    """Return 崇明, which asks 启东 by messages made by hand."""
    return Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer, certified)


async def test_a_good_question_is_in_both_logs_with_the_same_seals(town: Town) -> None:
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
    asked, answered = (await town.evidence(CHONGMING))[-1], (await town.evidence(QIDONG))[-1]
    assert (asked.side, answered.side) == (SIDE_ASKED, SIDE_ANSWERED)
    assert asked.question == answered.question
    assert asked.answer == answered.answer
    assert answered.agreement_row == "agreement/310151/320681/registration#credit"


@pytest.mark.parametrize("back", [False, True], ids=["question", "answer"])
async def test_a_frame_that_is_none_ends_the_link_and_the_next_call_gets_another(town: Town, back: bool) -> None:
    town.net.way = lambda frame: [(0.0, replace(frame, data=b"\xff\xff") if frame.back == back else frame)]
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(town.asker())
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"] * 3
    town.net.way = Wiretap()
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_a_recorded_message_cannot_be_asked_again(town: Town, restarted: bool) -> None:
    tap = town.net.way = Wiretap()
    await calls.query(town.asker())
    if restarted:
        await town.restart(QIDONG)
    town.net.post(tap.questions()[0])
    await eventually(lambda: _has(town, QIDONG, ["", "MESSAGE_REPLAYED"]))
    assert await town.errors(CHONGMING) == [""]


async def test_a_message_is_replayed_even_when_it_was_refused(town: Town) -> None:
    question = await peer(town).question(CREDIT, REQUEST)
    assert (await peer(town).hand(question)).code == "NO_AGREEMENT_ROW"
    assert (await peer(town).hand(question)).code == "MESSAGE_REPLAYED"


async def test_the_same_message_twice_at_once_is_answered_once(town: Town) -> None:
    town.net.way = lambda frame: [(0.0, frame)] * (1 if frame.back else 2)
    with suppress(Refusal):  # Whichever of the two answers comes first is taken.
        await calls.query(town.asker())
    await eventually(lambda: _has(town, QIDONG, ["", "MESSAGE_REPLAYED"], in_any_order=True))


async def test_a_message_for_another_member_is_refused(town: Town) -> None:
    await town.start(HANGZHOU)
    town.net.way = lambda frame: [(0.0, frame if frame.back else replace(frame, answering=HANGZHOU))]
    with refused(codes.DEADLINE):  # What another member answers is no answer.
        await calls.query(town.asker(seconds=0.6))
    assert await town.errors(HANGZHOU) == ["MESSAGE_MISADDRESSED"]
    assert await town.errors(CHONGMING) == ["DEADLINE"]


@pytest.mark.parametrize("minutes", [7, -6], ids=["expired", "from the future"])
async def test_a_message_out_of_its_time_is_refused(town: Town, minutes: int) -> None:
    town.clocks[QIDONG].turn(timedelta(minutes=minutes))
    with refused(codes.MESSAGE_EXPIRED):
        await calls.query(town.asker())
    assert await town.errors(CHONGMING) == ["MESSAGE_EXPIRED"]
    assert await town.errors(QIDONG) == ["MESSAGE_EXPIRED"]


@pytest.mark.parametrize("minutes", [5, -4])
async def test_clocks_may_differ_by_some_minutes(town: Town, minutes: int) -> None:
    town.clocks[QIDONG].turn(timedelta(minutes=minutes))
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED


async def test_a_message_that_would_be_valid_for_too_long_is_refused(town: Town) -> None:
    answered = await peer(town).ask(CREDIT, REQUEST, valid=timedelta(minutes=11), context=TOLD)
    assert answered.code == "MESSAGE_EXPIRED"


async def test_a_sender_that_the_directory_does_not_list_is_refused(town: Town) -> None:
    for connection, code in ((CHONGMING, "PEER_UNKNOWN"), ("440100", "MESSAGE_ALTERED")):
        stranger = Peer(town.nodes[QIDONG], "440100", LocalSigner(generate_key()), connection)
        assert (await stranger.ask(CREDIT, REQUEST, context=TOLD)).code == code
    assert await town.errors(QIDONG) == ["PEER_UNKNOWN", "MESSAGE_ALTERED"]


async def test_a_member_cannot_speak_over_the_connection_of_another(town: Town) -> None:
    assert (await peer(town, certified=HANGZHOU).ask(CREDIT, REQUEST, context=TOLD)).code == "PEER_UNKNOWN"
    assert await town.errors(QIDONG) == ["PEER_UNKNOWN"]


async def test_a_member_cannot_seal_in_the_name_of_another(town: Town) -> None:
    await town.start(HANGZHOU)
    forger = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[HANGZHOU].resources.signer, CHONGMING)
    assert (await forger.ask(CREDIT, REQUEST, context=TOLD)).code == "MESSAGE_ALTERED"
    assert await town.errors(QIDONG) == ["MESSAGE_ALTERED"]


async def test_a_request_that_is_too_large_does_not_leave(town: Town) -> None:
    with refused(codes.TOO_LARGE):
        await town.asker().call(CREDIT, CallContext(officer="x" * (4 << 20)), QueryCreditRequest)
    assert await town.errors(CHONGMING) == ["TOO_LARGE"]
    assert await town.errors(QIDONG) == []


async def test_an_answer_that_is_too_large_is_a_refusal_in_both_logs(town: Town) -> None:
    with refused(codes.TOO_LARGE):
        await calls.query(town.asker(seconds=20), BULKY_CODE)
    assert await town.errors(CHONGMING) == ["TOO_LARGE"]
    assert await town.errors(QIDONG) == ["TOO_LARGE"]


@pytest.mark.parametrize("back", [False, True], ids=["question", "answer"])
async def test_a_message_that_is_lost_is_a_deadline_in_the_asker_s_log(town: Town, back: bool) -> None:
    town.net.way = dropping(lambda frame: frame.back == back)
    with refused(codes.DEADLINE):
        await calls.query(town.asker(seconds=0.6))
    assert await town.errors(CHONGMING) == ["DEADLINE"]
    assert await town.errors(QIDONG) == ([""] if back else [])


async def test_a_peer_that_cannot_be_reached_is_told_and_recorded(town: Town) -> None:
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(town.asker())
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"] * 3
    town.net.heal(QIDONG)
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED


async def test_a_link_that_breaks_ends_the_calls_that_wait_for_it(town: Town) -> None:
    town.net.way = dropping(lambda frame: frame.back)
    asked = asyncio.create_task(calls.query(town.asker()))
    await eventually(lambda: _has(town, QIDONG, [""]))
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await asked
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"] * 3


async def _has(town: Town, member: str, errors: list[str], *, in_any_order: bool = False) -> bool:
    found = await town.errors(member)
    return sorted(found) == sorted(errors) if in_any_order else found == errors

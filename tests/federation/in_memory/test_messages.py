"""Messages between nodes that are not what they should be: each is refused by name, and both logs tell of it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.api.common.v1.common_pb2 import CallContext, Seal
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, QueryCreditRequest
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED
from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, SealedMessage
from tongban.core import codes
from tongban.core.codes import Code
from tongban.core.errors import Refusal
from tongban.core.signing import LocalSigner, generate_key
from tongban.federation.carriers.memory import Frame
from tongban.federation.transport.memory import MemoryClient

from . import calls
from .faults import Wiretap, altering_answers, altering_questions, dropping, flipped, with_header
from .laid_out import BULKY_CODE, CHONGMING, CREDIT, CREDIT_PURPOSE, FIRM, HANGZHOU, QIDONG, LaidOut
from .outcomes import refused
from .peers import Liar, Peer
from .town import Town
from .waiting import eventually

CONTEXT = {"purpose": CREDIT_PURPOSE, "consent_id": "授权-1"}
TOLD = CallContext(to=QIDONG, **CONTEXT)
REQUEST = QueryCreditRequest(credit_code=FIRM.number)


def asking(town: Town) -> MemoryClient:
    """Return a window of 崇明 that asks 启东."""
    return town.window(CHONGMING, to=QIDONG, seconds=2.0, **CONTEXT)


def peer(town: Town, certified: str = CHONGMING) -> Peer:
    """Return 崇明, which asks 启东 by messages made by hand."""
    return Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer, certified)


async def test_a_good_question_is_in_both_logs_with_the_same_seals(town: Town) -> None:
    assert (await calls.query(asking(town))).availability == AVAILABILITY_OBTAINED
    asked, answered = (await town.evidence(CHONGMING))[-1], (await town.evidence(QIDONG))[-1]
    assert (asked.side, answered.side) == (SIDE_ASKED, SIDE_ANSWERED)
    assert asked.question == answered.question
    assert asked.answer == answered.answer
    assert answered.agreement_row == "agreement/310151/320681/registration#credit"


def _set(attribute: str, change: Callable[[bytes], object]) -> Callable[[SealedMessage], None]:
    return lambda message: setattr(message, attribute, change(getattr(message, attribute)))


def _resealed(**changes: object) -> Callable[[SealedMessage], None]:
    return lambda message: message.seal.MergeFrom(Seal(**changes))  # type: ignore[arg-type]


ALTERATIONS: dict[str, Callable[[SealedMessage], None]] = {
    "a bit of the body": _set("body", flipped),
    "a longer body": _set("body", lambda body: body + b"\0"),
    "no body": _set("body", lambda body: b""),
    "the signature": lambda message: _resealed(signature=flipped(message.seal.signature))(message),
    "another key": _resealed(key_id="0" * 32),
    "another place in the seal's tree": lambda message: _resealed(
        tree_size=message.seal.tree_size + 1, leaf_index=message.seal.leaf_index + 1
    )(message),
    "a longer path in the seal's tree": lambda message: message.seal.path.append(bytes(32)),
}

HEADERS: dict[str, Callable[[SealedMessage], None]] = {
    "the purpose": lambda message: with_header(message, context=CallContext(purpose="别的用途")),
    "the method": lambda message: with_header(message, method=f"{CREDIT}2"),
    "the window": lambda message: with_header(message, window="hall-2"),
    "the digest of the body": lambda message: with_header(message, body_digest=bytes(32)),
}

ANSWERS = {
    **ALTERATIONS,
    "the status": lambda message: with_header(message, status=7),
    "the sender": lambda message: with_header(message, sender=HANGZHOU),
    "the receiver": lambda message: with_header(message, receiver=HANGZHOU),
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
async def test_an_altered_question_is_refused(town: Town, alter: Callable[[SealedMessage], None]) -> None:
    town.net.way = altering_questions(alter)
    with refused(codes.MESSAGE_ALTERED):
        await calls.query(asking(town))
    assert await town.errors(CHONGMING) == ["MESSAGE_ALTERED"]
    assert await town.errors(QIDONG) == ["MESSAGE_ALTERED"]


@pytest.mark.parametrize("alter", HEADERS.values(), ids=HEADERS)
async def test_a_question_with_an_altered_header_is_refused_and_its_asker_hears_nothing_to_its_own_question(
    town: Town, alter: Callable[[SealedMessage], None]
) -> None:
    town.net.way = altering_questions(alter)
    with refused(codes.DEADLINE):
        await calls.query(replace(asking(town), seconds=0.6))
    assert await town.errors(CHONGMING) == ["DEADLINE"]
    assert await town.errors(QIDONG) == ["MESSAGE_ALTERED"]


@pytest.mark.parametrize("alter", ANSWERS.values(), ids=ANSWERS)
async def test_an_altered_answer_is_not_believed(town: Town, alter: Callable[[SealedMessage], None]) -> None:
    town.net.way = altering_answers(alter)
    with refused(codes.MESSAGE_ALTERED):
        await calls.query(asking(town))
    assert await town.errors(CHONGMING) == ["MESSAGE_ALTERED"]
    assert await town.errors(QIDONG) == [""]


LIES: dict[str, tuple[bytes, dict[str, object], Code]] = {
    "an answer to another question": (b"", {"question_digest": bytes(range(32))}, codes.DEADLINE),
    "a question": (b"", {"receiver": QIDONG}, codes.MESSAGE_ALTERED),
    "an answer that nobody asked for": (b"", {"id": "nobody"}, codes.DEADLINE),
    "a status that there is not": (b"", {"status": 17}, codes.DEADLINE),
    "a refusal that is none": (b"\xff", {"status": 7}, codes.MESSAGE_ALTERED),
    "a refusal without a code": (b"", {"status": 7}, codes.INTERNAL),
}


@pytest.mark.parametrize(("body", "header", "code"), LIES.values(), ids=LIES)
async def test_a_peer_that_answers_wrongly_with_its_own_seal(
    town: Town, body: bytes, header: dict[str, object], code: Code
) -> None:
    asker, liar = town.nodes[CHONGMING].resources.asking, town.nodes[QIDONG].resources.signer
    asker.carrier = Liar(asker, liar, body, header)
    with refused(code):
        await calls.query(replace(asking(town), seconds=0.2))
    record = (await town.evidence(CHONGMING))[-1]
    assert (record.side, record.error_code) == (SIDE_ASKED, code.name)
    assert record.HasField("answer") is (code is not codes.DEADLINE)


async def test_a_late_answer_is_not_taken_for_one_to_the_next_attempt(laid_out: LaidOut) -> None:
    async with Town(laid_out) as town:
        town.ask_seconds = 1.0
        await town.start(CHONGMING, QIDONG)
        town.net.way = Late()
        receipt = await calls.submit(town.window(CHONGMING))
        await town.case_is(QIDONG, receipt.case_id, CASE_STATE_ARRIVED)
        told = ["", "DEADLINE", "", "", ""]  # the submission, two attempts, two events
        await eventually(lambda: _has(town, CHONGMING, told, in_any_order=True))


class Late:
    """Has the first answer to 崇明 arrive while the second attempt is still on its way."""

    def __init__(self) -> None:
        self._questions, self._answers = 0, 0

    def __call__(self, frame: Frame) -> list[tuple[float, Frame]]:
        if frame.asking != CHONGMING:
            return [(0.0, frame)]
        if frame.back:
            self._answers += 1
            return [(1.7 if self._answers == 1 else 0.0, frame)]
        self._questions += bool(LinkRequest.FromString(frame.data).questions)
        return [(0.0 if self._questions == 1 else 0.6, frame)]


@pytest.mark.parametrize("back", [False, True], ids=["question", "answer"])
async def test_a_frame_that_is_none_ends_the_link_and_the_next_call_gets_another(town: Town, back: bool) -> None:
    town.net.way = lambda frame: [(0.0, replace(frame, data=b"\xff\xff") if frame.back == back else frame)]
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(asking(town))
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"]
    town.net.way = Wiretap()
    assert (await calls.query(asking(town))).availability == AVAILABILITY_OBTAINED


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_a_recorded_message_cannot_be_asked_again(town: Town, restarted: bool) -> None:
    tap = town.net.way = Wiretap()
    await calls.query(asking(town))
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
        await calls.query(asking(town))
    await eventually(lambda: _has(town, QIDONG, ["", "MESSAGE_REPLAYED"], in_any_order=True))


async def test_a_message_for_another_member_is_refused(town: Town) -> None:
    await town.start(HANGZHOU)
    town.net.way = lambda frame: [(0.0, frame if frame.back else replace(frame, answering=HANGZHOU))]
    with refused(codes.DEADLINE):  # What another member answers is no answer.
        await calls.query(replace(asking(town), seconds=0.6))
    assert await town.errors(HANGZHOU) == ["MESSAGE_MISADDRESSED"]
    assert await town.errors(CHONGMING) == ["DEADLINE"]


@pytest.mark.parametrize("minutes", [7, -6], ids=["expired", "from the future"])
async def test_a_message_out_of_its_time_is_refused(town: Town, minutes: int) -> None:
    town.clocks[QIDONG].turn(timedelta(minutes=minutes))
    with refused(codes.MESSAGE_EXPIRED):
        await calls.query(asking(town))
    assert await town.errors(CHONGMING) == ["MESSAGE_EXPIRED"]
    assert await town.errors(QIDONG) == ["MESSAGE_EXPIRED"]


@pytest.mark.parametrize("minutes", [5, -4])
async def test_clocks_may_differ_by_some_minutes(town: Town, minutes: int) -> None:
    town.clocks[QIDONG].turn(timedelta(minutes=minutes))
    assert (await calls.query(asking(town))).availability == AVAILABILITY_OBTAINED


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
        await asking(town).call(CREDIT, CallContext(officer="x" * 66_561), QueryCreditRequest)
    assert await town.errors(CHONGMING) == ["TOO_LARGE"]
    assert await town.errors(QIDONG) == []


async def test_an_answer_that_is_too_large_is_a_refusal_in_both_logs(town: Town) -> None:
    with refused(codes.TOO_LARGE):
        await calls.query(asking(town), BULKY_CODE)
    assert await town.errors(CHONGMING) == ["TOO_LARGE"]
    assert await town.errors(QIDONG) == ["TOO_LARGE"]


@pytest.mark.parametrize("back", [False, True], ids=["question", "answer"])
async def test_a_message_that_is_lost_is_a_deadline_in_the_asker_s_log(town: Town, back: bool) -> None:
    town.net.way = dropping(lambda frame: frame.back == back)
    with refused(codes.DEADLINE):
        await calls.query(replace(asking(town), seconds=0.6))
    assert await town.errors(CHONGMING) == ["DEADLINE"]
    assert await town.errors(QIDONG) == ([""] if back else [])


async def test_a_peer_that_cannot_be_reached_is_told_and_recorded(town: Town) -> None:
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(asking(town))
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"]
    town.net.heal(QIDONG)
    assert (await calls.query(asking(town))).availability == AVAILABILITY_OBTAINED


async def test_a_link_that_breaks_ends_the_calls_that_wait_for_it(town: Town) -> None:
    town.net.way = dropping(lambda frame: frame.back)
    asked = asyncio.create_task(calls.query(asking(town)))
    await eventually(lambda: _has(town, QIDONG, [""]))
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await asked
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"]


async def _has(town: Town, member: str, errors: list[str], *, in_any_order: bool = False) -> bool:
    found = await town.errors(member)
    return sorted(found) == sorted(errors) if in_any_order else found == errors

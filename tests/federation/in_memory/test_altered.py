"""Messages that somebody alters on their way, and answers that are none: nobody believes them, and both logs tell."""

from collections.abc import Callable

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.api.common.v1.common_pb2 import CallContext, Seal
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ASKED
from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, SealedMessage
from tongban.core import codes
from tongban.core.codes import Code
from tongban.federation.carriers.memory import Frame

from . import calls
from .faults import altering_answers, altering_questions, flipped, is_of_documents_only, with_header
from .laid_out import CHONGMING, CREDIT, HANGZHOU, QIDONG, LaidOut
from .outcomes import refused
from .peers import Liar
from .town import Town
from .waiting import eventually


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
        await calls.query(town.asker())
    assert await town.errors(CHONGMING) == ["MESSAGE_ALTERED"]
    assert await town.errors(QIDONG) == ["MESSAGE_ALTERED"]


@pytest.mark.parametrize("alter", HEADERS.values(), ids=HEADERS)
async def test_a_question_with_an_altered_header_is_refused_and_its_asker_hears_nothing_to_its_own_question(
    town: Town, alter: Callable[[SealedMessage], None]
) -> None:
    town.net.way = altering_questions(alter)
    with refused(codes.DEADLINE):
        await calls.query(town.asker(seconds=0.6))
    assert await town.errors(CHONGMING) == ["DEADLINE"]
    assert await town.errors(QIDONG) == ["MESSAGE_ALTERED"]


@pytest.mark.parametrize("alter", ANSWERS.values(), ids=ANSWERS)
async def test_an_altered_answer_is_not_believed(town: Town, alter: Callable[[SealedMessage], None]) -> None:
    town.net.way = altering_answers(alter)
    with refused(codes.MESSAGE_ALTERED):
        await calls.query(town.asker())
    assert await town.errors(CHONGMING) == ["MESSAGE_ALTERED"]
    assert await town.errors(QIDONG) == [""]


LIES: dict[str, tuple[bytes, dict[str, object], Code]] = {
    "an answer to another question": (b"", {"question_digest": bytes(range(32))}, codes.DEADLINE),
    "a question": (b"", {"receiver": QIDONG}, codes.MESSAGE_ALTERED),
    "an answer that nobody asked for": (b"", {"id": "nobody"}, codes.DEADLINE),
    "a status that there is not": (b"", {"status": 17}, codes.MESSAGE_ALTERED),
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
        await calls.query(town.asker(seconds=0.2))
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
        if frame.asking != CHONGMING or is_of_documents_only(frame):
            return [(0.0, frame)]
        if frame.back:
            self._answers += bool(LinkResponse.FromString(frame.data).answers)
            return [(1.7 if self._answers == 1 else 0.0, frame)]
        self._questions += bool(LinkRequest.FromString(frame.data).questions)
        return [(0.0 if self._questions == 1 else 0.6, frame)]


async def _has(town: Town, member: str, errors: list[str], *, in_any_order: bool = False) -> bool:
    found = await town.errors(member)
    return sorted(found) == sorted(errors) if in_any_order else found == errors

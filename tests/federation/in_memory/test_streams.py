"""Streams between members: what proves them, and what both logs tell."""

from collections.abc import Callable, Iterable
from contextlib import aclosing

import pytest

from tongban.api.evidence.v1.evidence_pb2 import (
    SIDE_ANSWERED,
    SIDE_ASKED,
    SIDE_LOCAL,
    STAGE_ENDED,
    STAGE_OPENED,
    STAGE_UNFINISHED,
)
from tongban.api.exchange.v1.exchange_pb2 import StreamRequest, StreamResponse
from tongban.core import codes
from tongban.core.codes import Code
from tongban.core.errors import Refusal
from tongban.federation.carriers.memory_streams import StreamWay

from ..scripted.tongban_scripted import Step, Told
from .faults import flipped, with_header
from .halls import collected, hall, last, stages
from .laid_out import CHONGMING, HANGZHOU, QIDONG, SCRIPT
from .outcomes import refused
from .town import Town


async def test_both_logs_tell_its_opening_before_a_byte_passes_and_its_sealed_end(town: Town) -> None:
    async with aclosing(hall(town).stream(f"{SCRIPT}/Many", Step(number=3), Told)) as answers:
        await anext(answers)
        for member in (CHONGMING, QIDONG):
            assert await stages(town, member) == [(STAGE_OPENED, "")]
        assert [one.number async for one in answers] == [1, 2]
    (opened, ended), (there_opened, there) = await last(town, CHONGMING), await last(town, QIDONG)
    assert {one.id for one in (opened, ended, there_opened, there)} == {opened.id}
    assert (ended.side, there.side) == (SIDE_ASKED, SIDE_ANSWERED)
    assert (ended.stage, there.stage, ended.answers.messages) == (STAGE_ENDED, STAGE_ENDED, 3)
    assert (ended.answers, ended.answer, ended.question) == (there.answers, there.answer, there.question)
    assert opened.question.header
    assert not opened.HasField("answer")
    assert there.agreement_row.endswith("#script-Many")


async def test_a_stream_of_the_own_member_has_two_records_too(town: Town) -> None:
    await collected(hall(town, QIDONG).converse(f"{SCRIPT}/Chat", [Step()] * 3, Told))
    opened, ended = await last(town, QIDONG)
    assert (opened.side, opened.stage, ended.stage) == (SIDE_LOCAL, STAGE_OPENED, STAGE_ENDED)
    assert opened.id == ended.id != ""
    assert (ended.requests.messages, ended.answers.messages) == (3, 3)


async def test_a_status_of_the_service_is_proved_like_an_answer(town: Town) -> None:
    with pytest.raises(Refusal):
        await collected(hall(town).stream(f"{SCRIPT}/Many", Step(what="fail", number=2), Told))
    for member in (CHONGMING, QIDONG):
        ended = (await last(town, member))[1]
        assert (ended.stage, ended.status, ended.error_code) == (STAGE_ENDED, 9, "SERVICE_STATUS")


# What is altered on the way.


def at(number: int, back: bool, change: Callable[[bytes], Iterable[bytes]]) -> StreamWay:
    """Change one message of a stream, counted from 0."""
    passed = 0

    def way(part: bytes, going_back: bool) -> Iterable[bytes]:
        nonlocal passed
        kind = StreamResponse if going_back else StreamRequest
        if going_back is not back or kind.FromString(part).WhichOneof("part") != "message":
            return [part]
        passed += 1
        return change(part) if passed == number + 1 else [part]

    return way


def ends(change: Callable[[StreamResponse], object]) -> StreamWay:
    """Change the end of a stream."""

    def way(part: bytes, back: bool) -> Iterable[bytes]:
        if not back:
            return [part]
        response = StreamResponse.FromString(part)
        if response.HasField("end"):
            change(response)
        return [response.SerializeToString()]

    return way


def _end_of(**fields: object) -> Callable[[StreamResponse], object]:
    return lambda response: with_header(response.end.message, **fields)


ALTERED: dict[str, tuple[StreamWay, Code]] = {
    "an answer": (at(1, True, lambda part: [flipped(part)]), codes.STREAM_ALTERED),
    "an answer is left out": (at(1, True, lambda part: []), codes.STREAM_ALTERED),
    "an answer comes twice": (at(1, True, lambda part: [part, part]), codes.STREAM_ALTERED),
    "a request": (at(1, False, lambda part: [flipped(part)]), codes.STREAM_ALTERED),
    "a request is left out": (at(1, False, lambda part: []), codes.STREAM_ALTERED),
    "a request comes twice": (at(1, False, lambda part: [part, part]), codes.STREAM_ALTERED),
    "the status": (ends(lambda one: setattr(one.end, "status", b"\x08\x05")), codes.STREAM_ALTERED),
    "the end's body": (ends(lambda one: one.end.message.ClearField("body")), codes.MESSAGE_ALTERED),
    "the end's header": (ends(_end_of(status=5)), codes.MESSAGE_ALTERED),
    "the end's sender": (ends(_end_of(sender=HANGZHOU)), codes.MESSAGE_ALTERED),
    "no end": (ends(lambda one: one.ClearField("end")), codes.MESSAGE_ALTERED),
}


@pytest.mark.parametrize(("way", "code"), ALTERED.values(), ids=ALTERED)
async def test_what_was_altered_is_not_believed(town: Town, way: StreamWay, code: Code) -> None:
    town.net.stream_way = way
    steps = [Step(number=number, data=b"data") for number in range(1, 5)]
    with refused(code):
        await collected(hall(town).converse(f"{SCRIPT}/Chat", steps, Told))
    assert await stages(town, CHONGMING) == [(STAGE_OPENED, ""), (STAGE_UNFINISHED, code.name)]


async def test_the_end_of_another_stream_is_not_believed(town: Town) -> None:
    ends_seen: list[StreamResponse] = []

    def swap(response: StreamResponse) -> None:
        ends_seen.append(StreamResponse.FromString(response.SerializeToString()))
        response.CopyFrom(ends_seen[0])

    town.net.stream_way = ends(swap)
    await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    with refused(codes.MESSAGE_ALTERED):
        await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))


async def test_a_stream_that_ends_without_its_end_is_unfinished(town: Town) -> None:
    town.net.stream_way = lambda part, back: [] if StreamResponse.FromString(part).HasField("end") else [part]
    with refused(codes.STREAM_UNFINISHED):
        await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    assert await stages(town, CHONGMING) == [(STAGE_OPENED, ""), (STAGE_UNFINISHED, "STREAM_UNFINISHED")]

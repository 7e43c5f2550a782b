"""Streams between members: what proves them, what breaks them, and what both logs tell."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any

import pytest

from tongban.api.evidence.v1.evidence_pb2 import (
    SIDE_ANSWERED,
    SIDE_ASKED,
    SIDE_LOCAL,
    STAGE_ENDED,
    STAGE_OPENED,
    STAGE_UNFINISHED,
    Evidence,
)
from tongban.api.exchange.v1.exchange_pb2 import StreamRequest, StreamResponse
from tongban.core import codes
from tongban.core.codes import Code
from tongban.core.errors import Refusal
from tongban.federation.carriers.memory_streams import StreamWay, whole
from tongban.federation.exchange import stream_answering
from tongban.federation.exchange.stream_answering import AnsweredStream
from tongban.federation.transport.memory import MemoryClient

from ..scripted.tongban_scripted import Step, Told
from .faults import flipped, with_header
from .laid_out import CHONGMING, HANGZHOU, QIDONG, SCRIPT, SCRIPT_PURPOSE, LaidOut
from .outcomes import refused
from .peers import Peer
from .town import Town
from .waiting import eventually


def hall(town: Town, member: str = CHONGMING, purpose: str = SCRIPT_PURPOSE) -> MemoryClient:
    return town.window(member, seconds=5.0, to=QIDONG, purpose=purpose)


async def collected(answers: AsyncGenerator[Any, None]) -> list[int]:
    async with aclosing(answers):
        return [one.number async for one in answers]


async def last(town: Town, member: str, count: int = 2) -> list[Evidence]:
    """Return the last records about the scripted service in a member's log."""
    return [one for one in await town.evidence(member) if one.method.startswith(SCRIPT)][-count:]


async def stages(town: Town, member: str) -> list[tuple[int, str]]:
    return [(one.stage, one.error_code) for one in await last(town, member)]


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


# Who may open one.


async def test_without_a_row_it_is_refused_in_both_logs(town: Town) -> None:
    with refused(codes.NO_AGREEMENT_ROW):
        await collected(hall(town, purpose="好奇").stream(f"{SCRIPT}/Many", Step(number=2), Told))
    assert await stages(town, CHONGMING) == [(STAGE_OPENED, ""), (STAGE_ENDED, "NO_AGREEMENT_ROW")]
    assert (await stages(town, QIDONG))[-1] == (0, "NO_AGREEMENT_ROW")


class Opening:
    """Keeps the first part of a stream."""

    def __init__(self) -> None:
        self.part = b""

    def __call__(self, part: bytes, back: bool) -> Iterable[bytes]:
        self.part = self.part or part
        return whole(part, back)


async def handed(town: Town, certified: str | None, *parts: bytes) -> StreamResponse:
    """Hand parts to 启东 as a carrier does, and return its first answer."""
    coming, answers = [*parts, None], list[bytes]()

    async def read() -> bytes | None:
        return coming.pop(0)

    async def write(part: bytes) -> None:
        answers.append(part)

    ask = town.nodes[QIDONG].house.node.ask
    await AnsweredStream(ask, read, write, lambda: certified, lambda: False).run()
    return StreamResponse.FromString(answers[0])


async def test_a_recorded_opening_opens_nothing_again(town: Town) -> None:
    town.net.stream_way = opening = Opening()
    await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    again = await handed(town, CHONGMING, opening.part)
    assert again.HasField("refused")
    assert (await stages(town, QIDONG))[-1] == (0, "MESSAGE_REPLAYED")


async def test_a_certificate_of_somebody_else_opens_nothing(town: Town) -> None:
    town.net.stream_way = opening = Opening()
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    town.net.heal(QIDONG)
    await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    assert (await handed(town, HANGZHOU, opening.part)).HasField("refused")
    assert (await stages(town, QIDONG))[-1] == (0, "PEER_UNKNOWN")


async def test_a_certificate_of_nobody_opens_nothing(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    question = await peer.question(f"{SCRIPT}/Many", Step(number=2), context=hall(town).context)
    part = StreamRequest()
    part.opening.message.CopyFrom(question.message)
    assert (await handed(town, None, part.SerializeToString())).HasField("refused")
    assert (await stages(town, QIDONG))[-1] == (0, "PEER_UNKNOWN")


async def test_who_opens_a_stream_and_says_nothing_is_sent_away(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read() -> bytes | None:
        await asyncio.Event().wait()
        return None

    async def write(part: bytes) -> None:
        raise AssertionError("it gives no answer")

    monkeypatch.setattr(stream_answering, "OPENING_SECONDS", 0.1)
    stream = AnsweredStream(town.nodes[QIDONG].house.node.ask, read, write, lambda: CHONGMING, lambda: False)
    with refused(codes.DEADLINE):
        await asyncio.wait_for(stream.run(), 5.0)


async def test_so_many_streams_may_go_to_one_peer(laid_out: LaidOut) -> None:
    with (laid_out.folder / CHONGMING / "node.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[limits]\npeer_streams = 1\n")
    async with Town(laid_out) as town:
        await town.start(CHONGMING, QIDONG)
        async with aclosing(hall(town).stream(f"{SCRIPT}/Many", Step(number=100_000), Told)) as answers:
            await anext(answers)
            with refused(codes.PEER_BUSY):
                await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
        assert await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told)) == [0, 1]


@pytest.mark.parametrize("part", [b"", b"\xff", StreamRequest(message=b"x").SerializeToString()])
async def test_what_is_no_opening_is_told_to_whoever_sent_it(town: Town, part: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        await handed(town, CHONGMING, part)
    assert caught.value.code in (codes.MALFORMED, codes.INVALID_FIELD)


async def test_a_method_that_streams_cannot_be_asked_over_the_link_nor_another_on_a_stream(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    said = {"context": hall(town).context}
    assert (await peer.ask(f"{SCRIPT}/Many", Step(), **said)).code == "STREAM_IMPOSSIBLE"
    question = await peer.question(f"{SCRIPT}/One", Step(), **said)
    part = StreamRequest()
    part.opening.message.CopyFrom(question.message)
    assert (await handed(town, CHONGMING, part.SerializeToString())).HasField("refused")
    assert (await stages(town, QIDONG))[-1] == (0, "STREAM_IMPOSSIBLE")


# How it breaks off.


async def seen(town: Town) -> list[int]:
    """Return how many generators were closed, requests taken and answers given."""
    told = await hall(town).call(f"{SCRIPT}/One", Step(what="seen"), Told)
    return [int(one) for one in told.what.split()]


@pytest.mark.parametrize("member", [CHONGMING, QIDONG])
@pytest.mark.parametrize("method", ["Many", "Plain"])
async def test_a_window_that_leaves_closes_the_plugins_generator(town: Town, member: str, method: str) -> None:
    closed, _, _ = await seen(town)
    async with aclosing(hall(town, member).stream(f"{SCRIPT}/{method}", Step(number=100_000), Told)) as answers:
        await anext(answers)
    await eventually(lambda: _closed(town, closed + 1))
    for log in {member, QIDONG}:
        assert [one for one in await town.evidence(log) if one.stage][-1].stage == STAGE_UNFINISHED
        assert "CALLER_LEFT" in await town.errors(log)


async def _closed(town: Town, count: int) -> bool:
    return (await seen(town))[0] == count


async def test_a_slow_reader_slows_the_plugin(town: Town) -> None:
    _, _, given = await seen(town)
    async with aclosing(hall(town).stream(f"{SCRIPT}/Many", Step(number=100_000), Told)) as answers:
        for _ in range(5):
            await anext(answers)
            await asyncio.sleep(0.02)
        assert (await seen(town))[2] - given < 20


async def test_a_plugin_that_takes_nothing_slows_its_asker(town: Town) -> None:
    pulled = 0

    async def requests() -> AsyncGenerator[Any, None]:
        nonlocal pulled
        yield Step(what="hang")
        while True:
            pulled += 1
            yield Step()

    window = hall(town)
    waiting = asyncio.create_task(collected(window.converse(f"{SCRIPT}/Sum", requests(), Told)))
    await asyncio.sleep(0.3)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert pulled < 10


async def test_a_way_that_breaks_is_told_and_recorded_on_both_sides(town: Town) -> None:
    async with aclosing(hall(town).stream(f"{SCRIPT}/Many", Step(number=100_000), Told)) as answers:
        await anext(answers)
        town.net.cut(QIDONG)
        with refused(codes.STREAM_UNFINISHED):
            await collected(answers)
    assert await stages(town, CHONGMING) == [(STAGE_OPENED, ""), (STAGE_UNFINISHED, "STREAM_UNFINISHED")]
    await eventually(lambda: _unfinished(town, QIDONG, "CALLER_LEFT"))


async def _unfinished(town: Town, member: str, code: str) -> bool:
    return (STAGE_UNFINISHED, code) in await stages(town, member)


async def test_a_member_that_cannot_be_reached_is_told_at_once(town: Town) -> None:
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    assert await stages(town, CHONGMING) == [(STAGE_OPENED, ""), (STAGE_UNFINISHED, "PEER_UNAVAILABLE")]


async def test_a_plugin_that_hangs_between_answers_is_ended_and_one_that_waits_for_its_caller_is_not(
    laid_out: LaidOut,
) -> None:
    with (laid_out.folder / QIDONG / "node.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[limits]\nhandler_seconds = 0.3\n")

    async def slowly() -> AsyncGenerator[Any, None]:
        for number in range(3):
            await asyncio.sleep(0.4)
            yield Step(number=number)

    async with Town(laid_out) as town:
        await town.start(CHONGMING, QIDONG)
        for method in ("Many", "Plain"):
            with refused(codes.HANDLER_TIMEOUT):
                await collected(hall(town).stream(f"{SCRIPT}/{method}", Step(what="hang", number=2), Told))
        assert await collected(hall(town).converse(f"{SCRIPT}/Chat", slowly(), Told)) == [0, 1, 2]
        assert await collected(hall(town).converse(f"{SCRIPT}/Sum", slowly(), Told)) == [3]
        async with aclosing(hall(town).stream(f"{SCRIPT}/Many", Step(number=3), Told)) as answers:
            async for _ in answers:
                await asyncio.sleep(0.4)


async def test_the_time_that_the_asker_waits_ends_a_stream(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    question = await peer.question(f"{SCRIPT}/Many", Step(what="hang"), context=hall(town).context)
    part = StreamRequest()
    part.opening.message.CopyFrom(question.message)
    part.opening.timeout_ms = 200
    with refused(codes.DEADLINE) as caught:
        await handed(town, CHONGMING, part.SerializeToString())
    assert caught.value.facts == {"seconds": "0.2"}
    assert (await stages(town, QIDONG))[-1] == (STAGE_UNFINISHED, "DEADLINE")


async def test_a_certificate_that_leaves_the_directory_ends_a_stream(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    question = await peer.question(f"{SCRIPT}/Many", Step(what="hang"), context=hall(town).context)
    part, listed = StreamRequest(), [CHONGMING]
    part.opening.message.CopyFrom(question.message)

    async def read() -> bytes | None:
        return part.SerializeToString()

    async def write(part: bytes) -> None:
        raise AssertionError("it gives no answer")

    ask = town.nodes[QIDONG].house.node.ask
    stream = AnsweredStream(ask, read, write, lambda: listed[0] if listed else None, lambda: False)
    running = asyncio.create_task(stream.run())
    await eventually(lambda: _opened(town))
    listed.clear()
    with refused(codes.PEER_UNKNOWN):
        await running
    assert (await stages(town, QIDONG))[-1] == (STAGE_UNFINISHED, "PEER_UNKNOWN")


async def _opened(town: Town) -> bool:
    return (STAGE_OPENED, "") in await stages(town, QIDONG)

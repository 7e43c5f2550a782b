"""Streams that break off, or go slowly: each side is told, and nobody holds what nobody waits for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from tongban.api.evidence.v1.evidence_pb2 import (
    STAGE_OPENED,
    STAGE_UNFINISHED,
)
from tongban.api.exchange.v1.exchange_pb2 import StreamRequest
from tongban.core import codes
from tongban.federation.exchange.stream_answering import AnsweredStream

from ..scripted.tongban_scripted import Step, Told
from .halls import collected, hall, handed, stages
from .laid_out import CHONGMING, QIDONG, SCRIPT, LaidOut
from .outcomes import refused
from .peers import Peer
from .town import Town
from .waiting import eventually


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

"""Who may open a stream, and how often."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing

import pytest

from tongban.api.evidence.v1.evidence_pb2 import (
    STAGE_ENDED,
    STAGE_OPENED,
)
from tongban.api.exchange.v1.exchange_pb2 import StreamRequest
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.carriers.memory_streams import whole
from tongban.federation.exchange import stream_answering
from tongban.federation.exchange.stream_answering import AnsweredStream

from ..scripted.tongban_scripted import Step, Told
from .halls import collected, hall, handed, stages
from .laid_out import CHONGMING, HANGZHOU, QIDONG, SCRIPT, LaidOut
from .outcomes import refused
from .peers import Peer
from .town import Town


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

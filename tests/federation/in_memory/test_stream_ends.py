"""How streams end that cannot end well: a store that fails, a peer that answers too little, too much or nonsense."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from tongban.api.evidence.v1.evidence_pb2 import STAGE_OPENED, STAGE_UNFINISHED
from tongban.api.exchange.v1.exchange_pb2 import Header, SealedEnd, StreamEnd, StreamRequest, StreamResponse
from tongban.core import codes
from tongban.core.sealing import seal_all
from tongban.federation.exchange import messages
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Unit
from tongban.federation.tally import Tally

from ..scripted.tongban_scripted import Step, Told
from .halls import collected, hall, last, stages
from .laid_out import CHONGMING, QIDONG, SCRIPT
from .outcomes import refused
from .town import Town


def failing_store(town: Town, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a member's disk fail for what is recorded of the scripted service from now on."""
    store = town.nodes[member].resources.store
    whole = store.commit_all

    async def commit_all(units: Sequence[Unit]) -> Any:
        if any(b"scripted.v1" in record for unit in units for record in unit.evidence):
            raise StoreFailed("/var/lib/tongban/node.db: disk I/O error")
        return await whole(units)

    monkeypatch.setattr(store, "commit_all", commit_all)


@pytest.mark.parametrize(("member", "fails"), [(QIDONG, QIDONG), (CHONGMING, CHONGMING), (CHONGMING, QIDONG)])
async def test_a_stream_whose_end_cannot_be_recorded_is_refused_like_any_call(
    town: Town, member: str, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = hall(town, member).stream(f"{SCRIPT}/Many", Step(number=3), Told)
    await anext(answers)
    failing_store(town, fails, monkeypatch)
    with refused(codes.STORE_FAILED) as caught:
        await collected(answers)
    assert caught.value.member == fails
    assert caught.value.reference
    assert "node.db" not in str(caught.value)


class Lying:
    """A carrier whose peer gives so many answers, says so in its sealed end, and has asked nobody."""

    def __init__(self, town: Town, answers: int, end: bytes | None = None) -> None:
        self._town = town
        self._answers = answers
        self._end = end

    async def stream(self, peer: str, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        opening = StreamRequest.FromString(await anext(parts)).opening.message
        async for _ in parts:
            pass
        tally = Tally()
        for _ in range(self._answers):
            tally.add(b"")
            yield StreamResponse(message=b"").SerializeToString()
        end = StreamEnd(requests=Tally().told(), answers=tally.told()).SerializeToString()
        header = Header.FromString(opening.header)
        body = end if self._end is None else self._end
        unsealed = messages.answer(opening, header, QIDONG, body, 0, self._town.clocks[QIDONG]())
        [seal] = await seal_all(self._town.nodes[QIDONG].resources.signer, [unsealed.leaf])
        yield StreamResponse(end=SealedEnd(message=unsealed.sealed(seal))).SerializeToString()


def lied_to(town: Town, monkeypatch: pytest.MonkeyPatch, lying: Lying) -> None:
    streams = town.nodes[CHONGMING].house.node._forwarder._streams
    monkeypatch.setattr(streams, "_carrier", lying)


@pytest.mark.parametrize("answers", [0, 2, 3])
async def test_a_method_with_one_answer_has_one(town: Town, answers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lied_to(town, monkeypatch, Lying(town, answers))
    with refused(codes.STREAM_ALTERED) as caught:
        await collected(hall(town).converse(f"{SCRIPT}/Sum", [], Told))
    assert caught.value.facts["member"] == QIDONG
    assert await stages(town, CHONGMING) == [(STAGE_OPENED, ""), (STAGE_UNFINISHED, "STREAM_ALTERED")]


@pytest.mark.parametrize("answers", [0, 2])
async def test_one_with_a_stream_of_them_may_have_any_number(
    town: Town, answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lied_to(town, monkeypatch, Lying(town, answers))
    assert len(await collected(hall(town).converse(f"{SCRIPT}/Chat", [], Told))) == answers


async def test_an_end_that_is_none_is_the_peers_fault(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    lied_to(town, monkeypatch, Lying(town, 1, b"\xff"))
    with refused(codes.MESSAGE_ALTERED) as caught:
        await collected(hall(town).converse(f"{SCRIPT}/Chat", [], Told))
    assert (caught.value.facts["member"], caught.value.field) == (QIDONG, "")


@pytest.mark.parametrize("part", [b"\xff\xff", b"", StreamResponse(end=SealedEnd()).SerializeToString()])
async def test_a_part_that_is_none_is_the_peers_fault(town: Town, part: bytes) -> None:
    town.net.stream_way = lambda whole, back: [part] if back else [whole]
    with refused(codes.MESSAGE_ALTERED) as caught:
        await collected(hall(town).stream(f"{SCRIPT}/Many", Step(number=2), Told))
    assert (caught.value.facts["member"], caught.value.field) == (QIDONG, "")
    assert (await last(town, CHONGMING))[-1].error_code == "MESSAGE_ALTERED"

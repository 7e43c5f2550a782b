"""Callers that leave before there is an answer: what was asked is in the logs all the same."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, SIDE_LOCAL
from tongban.core.documents import DIRECTORY
from tongban.core.registry import Brought
from tongban.core.sources import CreditRecord
from tongban.federation.formation import Age, publish, read_document

from . import calls
from .laid_out import CHONGMING, CREDIT_PURPOSE, NOW, QIDONG, LaidOut, brought
from .town import Town
from .waiting import eventually


class SlowSource:
    """A credit source that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def __call__(self, credit_code: str) -> Sequence[CreditRecord]:
        self.asked.set()
        await asyncio.Event().wait()
        return []


@pytest.fixture
def source() -> SlowSource:
    return SlowSource()


@pytest.fixture
async def town(laid_out: LaidOut, source: SlowSource) -> AsyncIterator[Town]:
    """The federation, with a credit source in 启东 that does not answer."""

    def brings(member: str) -> list[Brought]:
        own = brought(member)
        for one in own:
            one.credit = one.credit and source
        return own

    async with Town(laid_out, brings) as town:
        yield await town.start(CHONGMING, QIDONG)


async def _leave(call: "asyncio.Task[object]", source: SlowSource) -> None:
    await source.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_window_that_leaves_while_a_peer_is_asked(town: Town, source: SlowSource) -> None:
    window = town.window(CHONGMING, to=QIDONG, purpose=CREDIT_PURPOSE, consent_id="授权-1")
    await _leave(asyncio.create_task(calls.query(window)), source)
    await eventually(lambda: _is_told(town, QIDONG, SIDE_ANSWERED))
    await eventually(lambda: _is_told(town, CHONGMING, SIDE_ASKED))
    asked, answered = (await town.evidence(CHONGMING))[-1], (await town.evidence(QIDONG))[-1]
    assert asked.question == answered.question


async def test_a_window_that_leaves_its_own_node(town: Town, source: SlowSource) -> None:
    window = town.window(QIDONG, purpose=CREDIT_PURPOSE)
    await _leave(asyncio.create_task(calls.query(window)), source)
    await eventually(lambda: _is_told(town, QIDONG, SIDE_LOCAL))


async def _is_told(town: Town, member: str, side: int) -> bool:
    record = (await town.evidence(member))[-1]
    return (record.side, record.error_code) == (side, "CALLER_LEFT")


@pytest.mark.parametrize("steps", range(1, 12))
async def test_a_command_is_done_whole_or_not_at_all_whenever_its_caller_leaves(town: Town, steps: int) -> None:
    path = await asyncio.to_thread(publish, town.laid_out.folder / "authority", Age(), NOW)
    newer = read_document(path, "directory")
    call = asyncio.create_task(calls.import_document(town.admin(CHONGMING), newer))
    for _ in range(steps):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await eventually(lambda: _has_evidence(town))
    (stored,) = [row for row in await town.nodes[CHONGMING].resources.store.documents() if row.name == DIRECTORY]
    held = town.nodes[CHONGMING].resources.keeper.view.directory
    assert held is not None
    assert held.document.version == stored.version


async def _has_evidence(town: Town) -> bool:
    return bool(await town.errors(CHONGMING))

"""An outbox that is full: further cases are refused whole, and those that were taken in go their way."""

import pytest

from tongban.api.admin.v1.admin_pb2 import GetStatusRequest, GetStatusResponse
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.core import codes

from . import calls
from .laid_out import CHONGMING, QIDONG, LaidOut
from .outcomes import refused
from .town import Town
from .waiting import eventually

MOST = 3


@pytest.fixture
async def quiet(laid_out: LaidOut) -> Town:
    with (laid_out.folder / CHONGMING / "node.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[limits]\noutbox_messages = {MOST}\nretry_seconds = 2.0\n")
    return Town(laid_out)


async def problems(town: Town) -> list[str]:
    status = await town.admin(CHONGMING).call(f"{calls.ADMIN}/GetStatus", GetStatusRequest(), GetStatusResponse)
    return [one for one in status.problems if one.startswith("cases for")]


async def test_cases_beyond_are_refused_whole_and_taken_in_when_there_is_room(quiet: Town) -> None:
    async with quiet as town:
        await town.start(CHONGMING, QIDONG)
        town.net.cut(QIDONG)
        window = town.window(CHONGMING)
        taken = [await calls.submit(window, calls.submission(f"s-{number}")) for number in range(MOST)]
        for _ in range(2):
            with refused(codes.OUTBOX_FULL) as caught:
                await calls.submit(window, calls.submission("s-beyond"))
        assert caught.value.facts == {"member": QIDONG, "waiting": str(MOST)}
        assert caught.value.retry_seconds == 2.0
        assert await problems(town) == [f"cases for {QIDONG} are refused: {MOST} messages wait, and no more may"]
        assert await calls.submit(window, calls.submission("s-0")) == taken[0]  # A repeat has its answer.
        store = town.nodes[CHONGMING].resources.store
        assert len(await store.cases()) == MOST
        assert (await town.errors(CHONGMING)).count("OUTBOX_FULL") == 2

        await town.restart(CHONGMING)  # What waits is counted anew.
        with refused(codes.OUTBOX_FULL):
            await calls.submit(town.window(CHONGMING), calls.submission("s-beyond"))

        town.net.heal(QIDONG)
        for one in taken:
            await town.case_is(QIDONG, one.case_id, CASE_STATE_ARRIVED)
        await eventually(lambda: _no_problem(town))
        later = await calls.submit(town.window(CHONGMING), calls.submission("s-beyond"))
        await town.case_is(QIDONG, later.case_id, CASE_STATE_ARRIVED)


async def _no_problem(town: Town) -> bool:
    return not await problems(town)

"""Look-ups that did not reach their peer are asked again within the caller's time; commands are not."""

import asyncio
import time
from dataclasses import replace

from tongban.core import codes
from tongban.core.arity import Arity
from tongban.federation.transport.memory import MemoryClient

from ..scripted.tongban_scripted import Step, Told
from . import calls
from .faults import Wiretap
from .laid_out import CHONGMING, QIDONG, SCRIPT, SCRIPT_PURPOSE
from .outcomes import refused
from .town import Town


async def test_a_peer_that_is_back_soon_answers_and_each_attempt_is_in_the_log(town: Town) -> None:
    await calls.query(town.asker())
    town.net.cut(QIDONG)
    asked = asyncio.create_task(calls.query(town.asker(seconds=5.0)))
    await asyncio.sleep(0.3)
    town.net.heal(QIDONG)
    assert (await asked).records
    told = await town.errors(CHONGMING)
    assert told == ["", "PEER_UNAVAILABLE", "PEER_UNAVAILABLE", ""]
    assert await town.errors(QIDONG) == ["", ""]


async def test_a_link_that_breaks_costs_one_attempt_under_a_new_id(town: Town) -> None:
    tap = town.net.way = Wiretap()
    await calls.query(town.asker())
    before = len([one for one in await town.evidence(CHONGMING) if one.method.endswith("QueryCredit")])
    town.net.way = lambda frame: []
    asked = asyncio.create_task(calls.query(town.asker(seconds=5.0)))
    await asyncio.sleep(0.1)
    town.net.way = tap
    town.net.cut(QIDONG)
    town.net.heal(QIDONG)
    assert (await asked).records
    records = [one for one in await town.evidence(CHONGMING) if one.method.endswith("QueryCredit")][before:]
    assert [one.error_code for one in records] == ["PEER_UNAVAILABLE", ""]
    assert len({one.id for one in records}) == 2


async def test_a_peer_that_stays_away_is_named_after_three_attempts(town: Town) -> None:
    town.net.cut(QIDONG)
    begun = time.monotonic()
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(town.asker(seconds=10.0))
    assert time.monotonic() - begun < 5.0
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"] * 3


async def test_a_caller_with_little_time_is_told_at_once(town: Town) -> None:
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(town.asker(seconds=0.15))
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"]


async def test_a_peer_that_answers_late_is_not_asked_again(town: Town) -> None:
    town.net.way = lambda frame: []
    with refused(codes.DEADLINE):
        await calls.query(town.asker(seconds=0.5))
    assert await town.errors(CHONGMING) == ["DEADLINE"]


def script(town: Town) -> MemoryClient:
    return town.window(CHONGMING, seconds=5.0, to=QIDONG, purpose=SCRIPT_PURPOSE)


async def broken_under_way(town: Town) -> None:
    """Have the way to 启东 break while a plugin's method is at work there; give another attempt a second."""
    asked = asyncio.create_task(script(town).call(f"{SCRIPT}/One", Step(what="hang"), Told))
    await asyncio.sleep(0.1)
    town.net.cut(QIDONG)
    await asyncio.sleep(0.05)
    town.net.heal(QIDONG)
    await asyncio.wait([asked], timeout=1.0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def test_what_a_plugins_method_may_have_done_is_not_done_again(town: Town) -> None:
    await broken_under_way(town)
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE"]


async def test_a_plugins_method_that_does_no_harm_twice_is_asked_again(town: Town) -> None:
    keeper, one = town.nodes[CHONGMING].resources.keeper, f"{SCRIPT}/One"
    methods = keeper.view.methods
    keeper.view = replace(keeper.view, methods={**methods, QIDONG: {**methods[QIDONG], one: Arity(idempotent=True)}})
    await broken_under_way(town)
    assert await town.errors(CHONGMING) == ["PEER_UNAVAILABLE", "CALLER_LEFT"]


async def test_a_question_that_never_left_is_recorded_as_one_to_its_member(town: Town) -> None:
    town.net.cut(QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await script(town).call(f"{SCRIPT}/One", Step(), Told)
    records = [one for one in await town.evidence(CHONGMING) if one.method.startswith(SCRIPT)]
    assert [(one.asking, one.answering, one.error_code) for one in records] == [
        (CHONGMING, QIDONG, "PEER_UNAVAILABLE")
    ] * 3

"""A relay between two carriers: what comes by HTTP goes on by files, and back."""

from collections.abc import AsyncIterator

import pytest

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.evidence.v1.evidence_pb2 import SIDE_RELAYED
from tongban.core import codes
from tongban.core.times import wall_clock

from ..in_memory import calls
from ..in_memory.laid_out import CHONGMING, HANGZHOU, INSTANT_ITEM, QIDONG, LaidOut
from ..in_memory.outcomes import refused
from ..in_memory.town import Town
from ..in_memory.waiting import until
from .real import ANSWER_SECONDS, FOLDER, HTTP, RealTown, add, choose


@pytest.fixture
async def between(laid_out: LaidOut) -> AsyncIterator[Town]:
    """杭州 between 崇明, which it reaches by HTTP, and 启东, which it reaches by files."""
    choose(laid_out, HTTP, CHONGMING, HANGZHOU)
    choose(laid_out, FOLDER, HANGZHOU, QIDONG)
    onward = f'kind = "relay"\nthrough = "{HANGZHOU}"\nvalid_days = 1\nanswer_seconds = {ANSWER_SECONDS}\n'
    for member, peer in ((CHONGMING, QIDONG), (QIDONG, CHONGMING)):
        add(laid_out.folder / member, f'[carriers."{peer}"]\n{onward}')
    add(laid_out.folder / HANGZHOU, f'[relay]\nfor = ["{QIDONG}"]\n[limits]\nquestions = 1\npeer_questions = 1\n')
    async with RealTown(laid_out, now=wall_clock()) as town:
        town.ask_seconds = 0.01  # Shorter than any way by files: answers are waited for as the settings say.
        yield await town.start(CHONGMING, HANGZHOU, QIDONG)


async def test_a_case_passes_a_relay_between_http_and_files(between: Town) -> None:
    receipt = await calls.submit(between.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    await between.case_is(CHONGMING, receipt.case_id, CASE_STATE_APPROVED)
    relayed = [one for one in await between.evidence(HANGZHOU) if one.side == SIDE_RELAYED]
    assert {one.method.rpartition("/")[2] for one in relayed} >= {"DeliverAct", "DeliverEvent"}
    assert "" in {one.error_code for one in relayed}


async def test_what_waits_for_files_takes_no_place_of_other_questions(between: Town) -> None:
    await between.stop(QIDONG)
    receipt = await calls.submit(between.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    folder = between.laid_out.folder / f"{HANGZHOU}-to-{QIDONG}"
    await until(lambda: any(b"DeliverAct" in path.read_bytes() for path in folder.glob("*.questions")))
    asking = between.nodes[CHONGMING].resources.asking
    await asking.ask(
        HANGZHOU, "/tongban.api.documents.v1.DocumentService/ListDocuments", CallContext(), b"", ANSWER_SECONDS / 3
    )
    await between.start(QIDONG)
    await between.case_is(CHONGMING, receipt.case_id, CASE_STATE_APPROVED)


async def test_a_look_up_is_refused_by_the_relay_that_goes_on_by_files(between: Town) -> None:
    with refused(codes.CARRIER_SLOW) as caught:
        await calls.query(between.asker())
    assert (caught.value.member, caught.value.facts["member"]) == (HANGZHOU, QIDONG)

"""Services that plugins bring, called by windows of their own member and of others."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tongban.core import codes
from tongban.core.errors import Refusal, status_of
from tongban.core.services import Entry
from tongban.federation.transport.memory import MemoryClient

from ..scripted.tongban_scripted import TRAILING, Step, Told, failure
from .laid_out import CHONGMING, QIDONG, SCRIPT, SCRIPT_PURPOSE
from .outcomes import refused
from .town import Town


@pytest.fixture(params=[QIDONG, CHONGMING], ids=["its own member", "another member"])
def window(request: pytest.FixtureRequest, town: Town) -> MemoryClient:
    """A window of the member whose plugin it is, or of another member."""
    return town.window(request.param, seconds=5.0, to=QIDONG, purpose=SCRIPT_PURPOSE)


async def collected(answers: AsyncIterator[Any]) -> list[int]:
    return [one.number async for one in answers]


async def test_one_answer(window: MemoryClient) -> None:
    trailing: list[Entry] = []
    told = await window.call(f"{SCRIPT}/One", Step(what="trail", data=b"abc"), Told, trailing)
    assert (told.what, told.number, trailing) == ("trail", 3, TRAILING)


async def test_what_cannot_be_sealed_is_an_error_of_the_node_and_no_silence(town: Town) -> None:
    window = town.window(CHONGMING, seconds=5.0, to=QIDONG, purpose=SCRIPT_PURPOSE)
    with refused(codes.INTERNAL) as caught:
        await window.call(f"{SCRIPT}/One", Step(what="junk"), Told)
    assert (caught.value.member, bool(caught.value.reference)) == (QIDONG, True)


@pytest.mark.parametrize("method", ["Many", "Plain"])
@pytest.mark.parametrize("number", [0, 3, 2000])
async def test_many_answers(window: MemoryClient, method: str, number: int) -> None:
    trailing: list[Entry] = []
    request = Step(what="trail", number=number)
    assert await collected(window.stream(f"{SCRIPT}/{method}", request, Told, trailing)) == list(range(number))
    assert trailing == TRAILING


@pytest.mark.parametrize("number", [0, 3, 3000])
async def test_many_requests(window: MemoryClient, number: int) -> None:
    steps = [Step(number=one) for one in range(number)]
    assert await collected(window.converse(f"{SCRIPT}/Sum", steps, Told)) == [sum(range(number))]
    assert await collected(window.converse(f"{SCRIPT}/Chat", steps, Told)) == list(range(number))


async def test_a_status_of_its_own(window: MemoryClient) -> None:
    expected, trailing = failure().status, list[Entry]()
    for answers in (
        window.stream(f"{SCRIPT}/Many", Step(what="fail", number=2), Told, trailing),
        window.converse(f"{SCRIPT}/Chat", [Step(), Step(what="fail"), Step()], Told, trailing),
        window.converse(f"{SCRIPT}/Sum", [Step(), Step(what="fail"), Step()], Told, trailing),
    ):
        with pytest.raises(Refusal) as caught:
            await collected(answers)
        assert status_of(caught.value) == expected
        assert trailing == TRAILING
        trailing.clear()


@pytest.mark.parametrize("method", ["Many", "Plain", "Chat"])
async def test_what_it_raises_stays_inside(window: MemoryClient, method: str) -> None:
    path, request = f"{SCRIPT}/{method}", Step(what="raise")
    one = method != "Chat"
    with refused(codes.HANDLER_FAILED) as caught:
        await collected(window.stream(path, request, Told) if one else window.converse(path, [request], Told))
    assert caught.value.reference

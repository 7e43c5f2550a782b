"""Places for questions under way: no more than there are, in turn, and none lost."""

import asyncio

import pytest

from tongban.api.exchange.v1.exchange_pb2 import Header, Question, SealedMessage
from tongban.federation.exchange.places import LARGE_PLACES, Places, places_of


@pytest.mark.parametrize(
    ("method", "size", "places"),
    [
        ("/x.Y/Ask", 65_536, 1),
        ("/x.Y/Ask", 65_537, LARGE_PLACES),
        ("/tongban.api.materials.v1.MaterialService/FetchMaterial", 0, LARGE_PLACES),
        ("/tongban.api.documents.v1.DocumentService/FetchDocument", 0, LARGE_PLACES),
        ("/tongban.api.credit.v1.CreditService/QueryCredit", 0, 1),
    ],
)
def test_a_question_is_large_by_its_body_or_its_method(method: str, size: int, places: int) -> None:
    header = Header(id="q", method=method).SerializeToString()
    question = Question(message=SealedMessage(header=header, body=bytes(size)))
    assert places_of(question) == places


def test_what_has_no_header_takes_one_place() -> None:
    assert places_of(Question(message=SealedMessage(header=b"\xff"))) == 1


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_finds_no_place_waits_and_is_served_in_turn() -> None:
    places, served = Places(2), list[int]()

    async def come(number: int, size: int) -> None:
        assert await places.take(size)
        served.append(number)

    coming = [asyncio.create_task(come(number, size)) for number, size in enumerate((1, 1, 2, 1))]
    await settled()
    assert served == [0, 1]
    places.give_back(1)
    await settled()
    assert served == [0, 1]  # The one that waits for two places is not passed by.
    places.give_back(1)
    await settled()
    assert served == [0, 1, 2]
    places.give_back(2)
    await asyncio.gather(*coming)
    assert served == [0, 1, 2, 3]


async def test_one_alone_fits_whatever_its_size() -> None:
    places = Places(3)
    assert await places.take(64)
    other = asyncio.create_task(places.take(1))
    await settled()
    assert not other.done()
    places.give_back(64)
    assert await other


async def test_who_leaves_takes_no_place_with_him() -> None:
    places = Places(1)
    assert await places.take(1)
    leaving, granted, last = [asyncio.create_task(places.take(1)) for _ in range(3)]
    await settled()
    leaving.cancel()
    await settled()
    places.give_back(1)
    granted.cancel()  # It has been given a place, and has not run since.
    await settled()
    assert granted.cancelled()
    assert await last


async def test_more_places_are_given_at_once_and_fewer_as_they_come_free() -> None:
    places = Places(1)
    assert await places.take(1)
    waiting = [asyncio.create_task(places.take(1)) for _ in range(3)]
    places.resize(3)
    await settled()
    assert [one.done() for one in waiting] == [True, True, False]
    places.resize(1)
    places.give_back(2)
    await settled()
    assert not waiting[2].done()
    places.give_back(1)
    assert await waiting[2]


async def test_closed_places_send_away_who_waits_and_who_comes() -> None:
    places = Places(1)
    assert await places.take(1)
    waiting = asyncio.create_task(places.take(1))
    await settled()
    places.close()
    assert not await waiting
    assert not await places.take(1)

"""Directories and agreements that are stale, expired, missing, or list somebody no more."""

import asyncio
from datetime import timedelta

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_LOOKUP, AddWindowRequest, AddWindowResponse
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, QueryCreditRequest
from tongban.core import codes
from tongban.federation.calls import Door
from tongban.federation.formation import Age, publish, read_document, remove_member
from tongban.federation.transport.memory import MemoryClient

from . import calls
from .laid_out import (
    CHONGMING,
    CREDIT,
    FIRM,
    NOW,
    QIDONG,
)
from .outcomes import refused
from .peers import Peer
from .town import Town

REQUEST = QueryCreditRequest(credit_code=FIRM.number)


async def test_a_stale_directory_still_serves(town: Town) -> None:
    await _publish(town, Age(valid_days=30, stale_days=1), CHONGMING, QIDONG)
    _turn(town, timedelta(days=2))
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED


async def test_an_expired_directory_serves_nobody(town: Town) -> None:
    await _publish(town, Age(valid_days=2, stale_days=1), CHONGMING)
    _turn(town, timedelta(days=3))
    with refused(codes.DIRECTORY_EXPIRED) as caught:
        await calls.query(town.asker())
    assert caught.value.facts["federation"] == "内存通办"
    assert (await town.errors(CHONGMING))[-1:] == ["DIRECTORY_EXPIRED"]


async def test_a_peer_with_an_expired_directory_answers_so(town: Town) -> None:
    await _publish(town, Age(valid_days=2, stale_days=1), QIDONG)
    _turn(town, timedelta(days=3))
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    assert (await peer.ask(CREDIT, REQUEST)).code == "DIRECTORY_EXPIRED"
    assert (await town.errors(QIDONG))[-1:] == ["DIRECTORY_EXPIRED"]


async def test_without_a_directory_a_node_knows_nobody(town: Town) -> None:
    await town.stop(CHONGMING)
    (town.laid_out.folder / CHONGMING / "node.db").unlink()
    await town.start(CHONGMING)
    token = await _window(town, CHONGMING)
    window = MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, token, town.asker().context)
    with refused(codes.DIRECTORY_MISSING):
        await calls.query(window)
    assert (await town.evidence(CHONGMING))[-1].error_code == "DIRECTORY_MISSING"


async def test_a_member_that_left_the_directory_is_cut_off_on_a_standing_link(town: Town) -> None:
    await calls.query(town.asker())
    await asyncio.to_thread(remove_member, town.laid_out.folder / "authority", CHONGMING)
    await _publish(town, Age(), QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(town.asker())
    assert await town.errors(CHONGMING) == ["", *["PEER_UNAVAILABLE"] * 3]


async def test_an_agreement_that_has_expired_allows_nothing(town: Town) -> None:
    await _publish(town, Age(valid_days=60, stale_days=60), CHONGMING, QIDONG)
    _turn(town, timedelta(days=31))
    with refused(codes.NO_AGREEMENT_ROW):
        await calls.query(town.asker())


def _turn(town: Town, by: timedelta) -> None:
    for clock in town.clocks.values():
        clock.turn(by)


async def _publish(town: Town, age: Age, *members: str) -> None:
    """Publish a new directory, and import it at these members."""
    path = await asyncio.to_thread(publish, town.laid_out.folder / "authority", age, NOW)
    for member in members:
        await calls.import_document(town.admin(member), read_document(path, "directory"))


async def _window(town: Town, member: str) -> str:
    request = AddWindowRequest(window_id="hall-1", name="大厅一号窗口", roles=[WINDOW_ROLE_LOOKUP])
    return (await town.admin(member).call(f"{calls.ADMIN}/AddWindow", request, AddWindowResponse)).token

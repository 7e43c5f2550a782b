"""The handling member fetches what a case names: all of it, once, from whoever took the case in."""

import os
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import RefuseCase
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ASKED
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest
from tongban.api.materials.v1.materials_pb2 import FetchMaterialRequest, FetchMaterialResponse
from tongban.core import Answer, Case, DecidingFact, Item, ItemType, LeaveToOfficer, Required, codes
from tongban.core.registry import Brought
from tongban.federation.carriers.memory import Frame
from tongban.federation.exchange.carrier import Terms
from tongban.federation.materials.kept import Materials

from . import acts, calls
from .laid_out import CHONGMING, DESK_ITEM, QIDONG, LaidOut
from .outcomes import refused
from .peers import Peer
from .town import Town
from .waiting import eventually, until

FETCH = f"{calls.MATERIALS}/FetchMaterial"
SCAN = os.urandom(3_000_000)
NAMED = calls.material(SCAN, "application/octet-stream")


def kept(town: Town, member: str, giver: str, material: CaseMaterial = NAMED) -> Path:
    return town.nodes[member].resources.home / "materials" / giver / material.digest


def under_way(town: Town) -> Path:
    return town.nodes[QIDONG].resources.home / "materials" / "fetches" / CHONGMING / NAMED.digest


async def taken_in(town: Town, request_id: str = "s-1", material: CaseMaterial = NAMED, member: str = CHONGMING) -> str:
    request = calls.submission(request_id, materials=[material])
    return (await calls.submit(town.window(member), request)).case_id


async def fetches(town: Town) -> list[str]:
    """Return what came of each question of 启东 for a part."""
    return [one.error_code for one in await town.evidence(QIDONG) if (one.method, one.side) == (FETCH, SIDE_ASKED)]


async def hindrance(town: Town, case_id: str) -> str:
    """Wait until something hinders a case at 启东, and return what."""
    await eventually(lambda: _hindered(town, case_id))
    return (await calls.get_case(town.window(QIDONG), case_id)).summary.hindrance


async def _hindered(town: Town, case_id: str) -> bool:
    work = await town.nodes[QIDONG].resources.store.work_of_case(case_id)
    return bool(work and work[0].attempt)


class Wire:
    """Counts what answers to 启东 carry, and cuts 崇明 off after so many bytes."""

    def __init__(self, town: Town, cut_after: int) -> None:
        self.carried = 0
        self._town = town
        self._cut_after = cut_after
        town.net.way = self

    def __call__(self, frame: Frame) -> Iterable[tuple[float, Frame]]:
        if frame.back and frame.asking == QIDONG:
            self.carried += len(frame.data)
            if self._cut_after and self.carried > self._cut_after:
                self._cut_after = 0
                self._town.net.cut(CHONGMING)
        return [(0.0, frame)]


async def test_a_fetch_that_broke_off_goes_on_after_restarts_of_both_nodes(town: Town) -> None:
    await calls.upload(town.window(CHONGMING), SCAN)
    wire = Wire(town, cut_after=2_000_000)
    case_id = await taken_in(town)
    await hindrance(town, case_id)
    come = under_way(town).stat().st_size
    assert 0 < come < len(SCAN)
    await town.restart(QIDONG)
    await town.restart(CHONGMING)
    carried = wire.carried
    town.net.heal(CHONGMING)
    await until(lambda: kept(town, QIDONG, CHONGMING).exists())
    assert kept(town, QIDONG, CHONGMING).read_bytes() == SCAN
    assert wire.carried - carried < len(SCAN) - come + 100_000
    await until(lambda: not under_way(town).exists())


async def test_a_part_that_was_altered_on_disk_is_fetched_anew(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    await calls.upload(town.window(CHONGMING), SCAN)
    Wire(town, cut_after=2_000_000)
    await hindrance(town, await taken_in(town))
    path = under_way(town)
    await town.stop(QIDONG)
    path.write_bytes(bytes(path.stat().st_size))
    await town.start(QIDONG)
    town.net.heal(CHONGMING)
    await until(lambda: kept(town, QIDONG, CHONGMING).exists())
    assert "has another digest than the case names" in caplog.text
    assert kept(town, QIDONG, CHONGMING).read_bytes() == SCAN


async def test_what_the_same_member_gave_before_is_not_fetched_again(town: Town) -> None:
    await calls.upload(town.window(CHONGMING), SCAN)
    await taken_in(town)
    await until(lambda: kept(town, QIDONG, CHONGMING).exists())
    before = await fetches(town)
    again = await taken_in(town, "s-2")
    await eventually(lambda: _done(town, again))
    assert await fetches(town) == before


async def _done(town: Town, case_id: str) -> bool:
    """Say whether the handler has been asked; the one of this item leaves the case to an officer."""
    store = town.nodes[QIDONG].resources.store
    return await store.case(case_id) is not None and not await store.work_of_case(case_id)


async def test_two_cases_that_name_the_same_fetch_it_once(town: Town) -> None:
    await calls.upload(town.window(CHONGMING), SCAN)
    town.net.cut(QIDONG)
    cases = [await taken_in(town, f"s-{number}") for number in range(3)]
    town.net.heal(QIDONG)
    for case_id in cases:
        await eventually(lambda case_id=case_id: _done(town, case_id))  # type: ignore[misc]
    asked = [code for code in await fetches(town) if not code]
    assert len(asked) <= -(-len(SCAN) // 65_536)


async def test_what_somebody_else_gave_is_fetched_all_the_same(town: Town) -> None:
    """A digest is no proof of having the material."""
    for member in (QIDONG, CHONGMING):
        await calls.upload(town.window(member), SCAN)
        await taken_in(town, member=member)
    await until(lambda: kept(town, QIDONG, CHONGMING).exists())
    assert kept(town, QIDONG, QIDONG).exists()
    assert any(not code for code in await fetches(town))


async def test_the_intake_member_gets_nothing_back(town: Town) -> None:
    """Otherwise it would get what others gave to the handling member, by naming it in a case of its own."""
    await calls.upload(town.window(CHONGMING), SCAN)
    case_id = await taken_in(town)
    await until(lambda: kept(town, QIDONG, CHONGMING).exists())
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    request = FetchMaterialRequest(case_id=case_id, digest=NAMED.digest)
    assert (await peer.ask(FETCH, request)).code == "MATERIAL_UNKNOWN"


async def test_windows_of_the_handling_member_fetch_it_in_parts(town: Town) -> None:
    await calls.upload(town.window(CHONGMING), SCAN)
    case_id, content = await taken_in(town), b""
    await until(lambda: kept(town, QIDONG, CHONGMING).exists())
    while len(content) < len(SCAN):
        request = FetchMaterialRequest(case_id=case_id, digest=NAMED.digest, offset=len(content), limit=1 << 20)
        part = await town.window(QIDONG).call(FETCH, request, FetchMaterialResponse)
        assert (part.size, len(part.data)) == (len(SCAN), min(1 << 20, len(SCAN) - len(content)))
        content += part.data
    assert content == SCAN
    with refused(codes.INVALID_FIELD):
        request.limit = (1 << 20) + 1
        await town.window(QIDONG).call(FETCH, request, FetchMaterialResponse)


async def test_a_type_that_the_intake_side_should_have_refused_reaches_no_handler(laid_out: LaidOut) -> None:
    asked: list[Case] = []
    async with Town(laid_out, lambda member: [Brought("own", items=[_item(asked)] * (member == QIDONG))]) as town:
        await town.start(CHONGMING, QIDONG)
        town.net.cut(CHONGMING)
        lie = calls.material(b"no picture", "image/png")
        path = kept(town, QIDONG, CHONGMING, lie)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no picture")
        signer = town.nodes[CHONGMING].resources.signer
        signed = await acts.sealed(signer, acts.act(received=acts.received(materials=[lie], form={})))
        peer = Peer(town.nodes[QIDONG], CHONGMING, signer)
        assert not (await peer.ask(f"{calls.EXCHANGE}/DeliverAct", DeliverActRequest(act=signed))).code
        assert "image/png" in await hindrance(town, acts.new_case_id())
    assert asked == []


def _item(asked: list[Case]) -> Item:
    item = Item(
        DESK_ITEM,
        "公司变更登记注册",
        ItemType.OTHER,
        DecidingFact.REGISTRATION,
        "通知书",
        materials=[Required("application", "变更登记申请书")],
    )

    @item.handler
    def answer(case: Case) -> Answer:
        asked.append(case)
        return LeaveToOfficer()

    return item


async def test_a_peer_that_gives_less_than_is_asked_for_is_not_asked_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each byte would cost the handling member a record in its evidence log."""
    give = Materials.part

    async def a_byte(kept: Materials, giver: str, digest: str, offset: int, limit: int) -> bytes:
        return await give(kept, giver, digest, offset, 1)

    monkeypatch.setattr(Materials, "part", a_byte)
    await calls.upload(town.window(CHONGMING), SCAN)
    case_id = await taken_in(town)
    assert "1 bytes came from byte 0 on for 65536" in await hindrance(town, case_id)
    [work] = await town.nodes[QIDONG].resources.store.work_of_case(case_id)
    assert len(await fetches(town)) <= (work.attempt + 1) * Terms().parts


async def test_a_material_for_which_there_is_no_room_is_not_asked_for(laid_out: LaidOut, town: Town) -> None:
    path = laid_out.folder / QIDONG / "node.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n[materials]\ntotal_bytes = 1000\n", encoding="utf-8")
    await town.restart(QIDONG)
    await calls.upload(town.window(CHONGMING), SCAN)
    assert "MATERIAL_SPACE" in await hindrance(town, await taken_in(town))
    assert await fetches(town) == []


async def test_what_nobody_fetches_any_more_is_taken_away(town: Town) -> None:
    await calls.upload(town.window(CHONGMING), SCAN)
    Wire(town, cut_after=2_000_000)
    case_id = await taken_in(town)
    await hindrance(town, case_id)
    await calls.decide(town.window(QIDONG), case_id, refuse=RefuseCase(reason="不予受理"))
    town.clocks[QIDONG].turn(timedelta(hours=23))
    await town.nodes[QIDONG].house.sweeper.sweep()
    assert under_way(town).exists()
    town.clocks[QIDONG].turn(timedelta(hours=2))
    await town.nodes[QIDONG].house.sweeper.sweep()
    assert not under_way(town).exists()
    assert sha256(kept(town, CHONGMING, CHONGMING).read_bytes()).hexdigest() == NAMED.digest

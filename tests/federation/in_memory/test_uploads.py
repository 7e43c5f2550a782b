"""Uploads: kept as they come, gone on with, whole in the end or thrown away, and not more than there is room for."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.api.materials.v1.materials_pb2 import MaterialDescription, UploadMaterialRequest
from tongban.core import codes

from . import calls
from .calls import parts, send
from .faults import flipped
from .laid_out import CHONGMING, QIDONG, LaidOut
from .outcomes import refused
from .town import Town
from .waiting import until

LONG = b"0123456789abcdef" * 20_000
"""320,000 bytes of text."""


def files(town: Town) -> dict[str, int]:
    """Return the files of materials at 崇明, with their bytes."""
    folder = town.nodes[CHONGMING].resources.home / "materials"
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def whole(content: bytes) -> str:
    return f"{CHONGMING}/{calls.material(content).digest}"


def upload(content: bytes, window: str = "hall-1") -> str:
    return f"uploads/window-{window}/{calls.material(content).digest}"


async def set_limits(laid_out: LaidOut, **limits: int) -> None:
    path = laid_out.folder / CHONGMING / "node.toml"
    lines = "".join(f"{name} = {value}\n" for name, value in limits.items())
    path.write_text(f"{path.read_text(encoding='utf-8')}\n[materials]\n{lines}", encoding="utf-8")


DESCRIBED = UploadMaterialRequest(
    description=MaterialDescription(digest=calls.MATERIAL.digest, size=calls.MATERIAL.size)
)

WRONG = {
    "nothing": [],
    "no description": [UploadMaterialRequest(data=calls.PAPER)],
    "too much": [DESCRIBED, UploadMaterialRequest(data=calls.PAPER + b"\0")],
    "other bytes": [DESCRIBED, UploadMaterialRequest(data=flipped(calls.PAPER))],
    "a second description": [DESCRIBED, DESCRIBED, UploadMaterialRequest(data=calls.PAPER)],
    "nothing in a part": [DESCRIBED, UploadMaterialRequest(data=b""), UploadMaterialRequest(data=calls.PAPER)],
}


@pytest.mark.parametrize("messages", WRONG.values(), ids=WRONG)
async def test_an_upload_that_is_not_as_described_is_not_kept(
    town: Town, messages: list[UploadMaterialRequest]
) -> None:
    with refused(codes.MATERIAL_WRONG):
        await send(town.window(CHONGMING), messages)
    assert files(town) == {}
    assert await town.errors(CHONGMING) == ["MATERIAL_WRONG"]


async def test_an_upload_goes_on_where_it_ended(town: Town) -> None:
    window = town.window(CHONGMING)
    assert await send(window, parts(LONG, 0, 100_000)) == 100_000
    assert files(town) == {upload(LONG): 100_000}
    assert await send(window, parts(LONG, 100_000, 200_000)) == 200_000
    assert await send(window, parts(LONG, 200_000)) == len(LONG)
    assert files(town) == {upload(LONG): len(LONG), whole(LONG): len(LONG)}


async def test_an_upload_that_begins_elsewhere_is_told_where_it_ended(town: Town) -> None:
    window = town.window(CHONGMING)
    await send(window, parts(LONG, 0, 100_000))
    for offset in (0, 99_999, 100_001):
        assert await send(window, parts(LONG, offset)) == 100_000
    assert files(town) == {upload(LONG): 100_000}


async def test_an_upload_goes_on_after_a_restart(town: Town) -> None:
    await send(town.window(CHONGMING), parts(LONG, 0, 100_000))
    await town.restart(CHONGMING)
    assert await send(town.window(CHONGMING), parts(LONG, 100_000)) == len(LONG)
    assert whole(LONG) in files(town)


async def test_what_was_altered_meanwhile_is_found_in_the_end(town: Town) -> None:
    await send(town.window(CHONGMING), parts(LONG, 0, 100_000))
    path = town.nodes[CHONGMING].resources.home / "materials" / upload(LONG)
    await town.stop(CHONGMING)
    path.write_bytes(flipped(LONG[:100_000]))
    await town.start(CHONGMING)
    with refused(codes.MATERIAL_WRONG):
        await send(town.window(CHONGMING), parts(LONG, 100_000))
    assert files(town) == {}


async def test_what_is_here_is_not_taken_again(town: Town) -> None:
    await send(town.window(CHONGMING), parts(LONG))
    before = files(town)
    assert await send(town.window(CHONGMING), parts(LONG, 0, 0)) == len(LONG)
    assert files(town) == before


async def test_a_call_that_goes_on_takes_over_from_one_that_still_lives(town: Town) -> None:
    """A window whose connection broke down calls again, and the node does not know yet that the first call is dead."""
    uploads = town.nodes[CHONGMING].house.uploads
    taken: list[int] = []

    async def stale() -> AsyncIterator[bytes]:
        for message in parts(LONG, 0, 100_000):
            yield message.SerializeToString()
        taken.append(await send(town.window(CHONGMING), parts(LONG, 100_000, 200_000)))
        for message in parts(LONG, 100_000)[1:]:
            yield message.SerializeToString()

    _, received = await uploads.receive("hall-1", stale())
    assert (taken, received) == ([200_000], 200_000)
    assert await send(town.window(CHONGMING), parts(LONG, 200_000)) == len(LONG)
    assert whole(LONG) in files(town)


async def test_a_call_that_has_lost_its_turn_throws_away_nothing_that_is_kept(laid_out: LaidOut, town: Town) -> None:
    await set_limits(laid_out, total_bytes=len(LONG) + 10, window_bytes=len(LONG) + 10)
    await town.restart(CHONGMING)
    uploads = town.nodes[CHONGMING].house.uploads

    async def stale() -> AsyncIterator[bytes]:
        for message in parts(LONG):
            yield message.SerializeToString()
        assert await send(town.window(CHONGMING), parts(LONG, len(LONG))) == len(LONG)
        yield UploadMaterialRequest(data=b"x").SerializeToString()

    with refused(codes.MATERIAL_WRONG):
        await uploads.receive("hall-1", stale())
    assert files(town) == {upload(LONG): len(LONG), whole(LONG): len(LONG)}
    with refused(codes.MATERIAL_SPACE):
        await send(town.window(CHONGMING), parts(b"x" * 11))
    town.clocks[CHONGMING].turn(timedelta(hours=25))
    await sweep(town)
    assert files(town) == {}
    assert await send(town.window(CHONGMING), parts(b"x" * len(LONG))) == len(LONG)


async def test_what_has_come_wholly_and_is_wrong_is_thrown_away_by_whoever_asks_next(town: Town) -> None:
    uploads = town.nodes[CHONGMING].house.uploads

    async def broken() -> AsyncIterator[bytes]:
        described = parts(LONG)[0]
        for message in (described, UploadMaterialRequest(data=bytes(len(LONG)))):
            yield message.SerializeToString()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await uploads.receive("hall-1", broken())
    with refused(codes.MATERIAL_WRONG):
        await send(town.window(CHONGMING), parts(LONG, 0, 0))
    assert files(town) == {}


async def test_two_windows_bring_the_same_side_by_side(town: Town) -> None:
    uploads = town.nodes[CHONGMING].house.uploads

    async def slow() -> AsyncIterator[bytes]:
        for message in parts(LONG, 0, 100_000):
            yield message.SerializeToString()
        await send(town.window(CHONGMING), parts(LONG))
        for message in parts(LONG, 100_000)[1:]:
            yield message.SerializeToString()

    _, received = await uploads.receive("hall-2", slow())
    assert received == len(LONG)
    await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.material(LONG)]))
    assert files(town) == {whole(LONG): len(LONG)}


# Room


async def test_a_window_has_so_much_room_for_what_no_case_names(laid_out: LaidOut, town: Town) -> None:
    await set_limits(laid_out, window_bytes=400_000)
    await town.restart(CHONGMING)
    window = town.window(CHONGMING)
    await send(window, parts(LONG, 0, 300_000))
    with refused(codes.MATERIAL_SPACE) as caught:
        await send(window, parts(b"x" * 100_001))
    assert "400000" in caught.value.rule
    await town.restart(CHONGMING)
    with refused(codes.MATERIAL_SPACE):
        await send(town.window(CHONGMING), parts(b"x" * 100_001))
    assert await send(town.window(CHONGMING), parts(LONG, 300_000)) == len(LONG)
    await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.material(LONG)]))
    assert await send(town.window(CHONGMING), parts(b"x" * 400_000)) == 400_000
    assert "MATERIAL_SPACE" in await town.errors(CHONGMING)


async def test_all_materials_have_so_much_room(laid_out: LaidOut, town: Town) -> None:
    await set_limits(laid_out, total_bytes=400_000)
    await town.restart(CHONGMING)
    await send(town.window(CHONGMING), parts(LONG))
    await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.material(LONG)]))
    for _ in range(2):
        with refused(codes.MATERIAL_SPACE):
            await send(town.window(CHONGMING), parts(b"x" * 80_001))
        assert await send(town.window(CHONGMING), parts(b"x" * 80_000, 0, 70_000)) == 70_000
        await town.restart(CHONGMING)


async def test_the_rest_of_the_disk_is_left_to_others(laid_out: LaidOut, town: Town) -> None:
    await set_limits(laid_out, free_bytes=1 << 60)
    await town.restart(CHONGMING)
    with refused(codes.MATERIAL_SPACE) as caught:
        await calls.upload(town.window(CHONGMING))
    assert "free bytes" in caught.value.rule


@pytest.fixture
def small_disk(laid_out: LaidOut) -> Iterator[Path]:
    """Put the materials of 崇明 on a disk of 1 MiB."""
    folder = laid_out.folder / CHONGMING / "materials"
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0 or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]) != 0:
        pytest.skip("a disk that is full needs a mount of tmpfs, which is root's")
    yield folder
    subprocess.check_call(["umount", "-l", folder])


async def test_a_full_disk_is_told_and_the_upload_goes_on_when_there_is_room(
    laid_out: LaidOut, small_disk: Path
) -> None:
    await set_limits(laid_out, free_bytes=0)
    (small_disk / "other").write_bytes(bytes(900_000))
    async with Town(laid_out) as town:
        await town.start(CHONGMING)
        with refused(codes.MATERIAL_SPACE):
            await send(town.window(CHONGMING), parts(LONG))
        (small_disk / "other").write_bytes(bytes(600_000))
        assert await send(town.window(CHONGMING), parts(LONG)) == len(LONG)


# What is left over


async def sweep(town: Town, member: str = CHONGMING) -> None:
    await town.nodes[member].house.sweeper.sweep()


async def test_an_upload_that_no_case_names_is_gone_after_a_day(town: Town) -> None:
    window = town.window(CHONGMING)
    await send(window, parts(LONG))
    await send(window, parts(b"x" * 100_000, 0, 50_000))
    town.clocks[CHONGMING].turn(timedelta(hours=23))
    await sweep(town)
    assert len(files(town)) == 3
    await send(window, parts(LONG, 0, 0))
    town.clocks[CHONGMING].turn(timedelta(hours=2))
    await sweep(town)
    assert files(town) == {upload(LONG): len(LONG), whole(LONG): len(LONG)}
    town.clocks[CHONGMING].turn(timedelta(hours=24))
    await sweep(town)
    assert files(town) == {}
    with refused(codes.MATERIAL_UNKNOWN):
        await calls.submit(window, calls.submission(materials=[calls.material(LONG)]))
    assert await send(window, parts(LONG)) == len(LONG)


async def test_a_material_that_only_lost_its_upload_is_gone_too(town: Town) -> None:
    """As after a power cut, that left one name of the file and not the other."""
    await send(town.window(CHONGMING), parts(LONG))
    (town.nodes[CHONGMING].resources.home / "materials" / upload(LONG)).unlink()
    await calls.upload(town.window(CHONGMING))
    await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.MATERIAL]))
    await town.restart(CHONGMING)
    town.clocks[CHONGMING].turn(timedelta(hours=25))
    await sweep(town)
    assert files(town) == {whole(calls.PAPER): len(calls.PAPER)}


async def test_what_a_case_names_stays(town: Town) -> None:
    await send(town.window(CHONGMING), parts(LONG))
    await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.material(LONG)]))
    assert files(town) == {whole(LONG): len(LONG)}
    await send(town.window(CHONGMING), parts(LONG))
    town.clocks[CHONGMING].turn(timedelta(days=3))
    await sweep(town)
    assert files(town) == {whole(LONG): len(LONG)}


async def test_what_a_case_names_stays_also_if_the_node_went_down_just_then(town: Town) -> None:
    await send(town.window(CHONGMING), parts(LONG))
    folder = town.nodes[CHONGMING].resources.home / "materials"
    kept = (folder / upload(LONG)).with_name("kept")
    os.link(folder / upload(LONG), kept)
    await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.material(LONG)]))
    kept.rename(folder / upload(LONG))
    await town.restart(CHONGMING)
    town.clocks[CHONGMING].turn(timedelta(days=3))
    await sweep(town)
    assert files(town) == {whole(LONG): len(LONG)}


async def test_a_case_that_is_being_taken_in_keeps_its_uploads(town: Town) -> None:
    """A submission that is refused in the end has looked at the upload all the same, and will come again."""
    await send(town.window(CHONGMING), parts(LONG))
    town.clocks[CHONGMING].turn(timedelta(hours=23))
    with refused(codes.INVALID_FIELD):
        wrong = calls.material(LONG, media_type="application/pdf")
        await calls.submit(town.window(CHONGMING), calls.submission(materials=[wrong]))
    town.clocks[CHONGMING].turn(timedelta(hours=2))
    await sweep(town)
    assert whole(LONG) in files(town)


# What an item takes


PDF = b"%PDF-1.7"
SHORTER = calls.material(LONG)
SHORTER.size -= 1

LIES: dict[str, tuple[CaseMaterial, str]] = {
    "a type that it is not": (calls.material(LONG, "image/png"), "materials[0].media_type"),
    "a text that is none": (calls.material(bytes(1000)), "materials[0].media_type"),
    "another size": (SHORTER, "materials[0].size"),
    "more bytes than the item takes": (calls.material(b" " * ((20 << 20) + 1)), "materials[0].size"),
    "a type that the item does not take": (calls.material(PDF, "application/pdf", "photo"), "materials[0].media_type"),
}


@pytest.mark.parametrize(("material", "field"), LIES.values(), ids=LIES)
async def test_a_material_that_is_not_what_it_is_said_to_be_is_refused(
    town: Town, material: CaseMaterial, field: str
) -> None:
    for content in (LONG, bytes(1000), PDF):
        await calls.upload(town.window(CHONGMING), content)
    with refused(codes.INVALID_FIELD) as caught:
        await calls.submit(town.window(CHONGMING), calls.submission(materials=[material]))
    assert caught.value.field == field


async def test_a_material_that_the_item_takes_is_taken(town: Town) -> None:
    photo = b"\x89PNG\r\n\x1a\n" + bytes(100)
    await calls.upload(town.window(CHONGMING), photo)
    named = calls.material(photo, "image/png", "photo")
    case_id = (await calls.submit(town.window(CHONGMING), calls.submission(materials=[named]))).case_id
    await town.case_is(QIDONG, case_id, CASE_STATE_ARRIVED)
    there = town.nodes[QIDONG].resources.home / "materials" / CHONGMING / named.digest
    await until(lambda: there.exists())
    assert there.read_bytes() == photo

"""Folders: what people, disks and gateways do to files between two nodes."""

import asyncio
import errno
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from google.rpc.status_pb2 import Status

from tongban.api.admin.v1 import admin_pb2 as admin
from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse
from tongban.core import codes
from tongban.core.errors import refusal_of
from tongban.core.times import wall_clock
from tongban.federation.carriers.folder_files import FileReader, FileWriter, Kind
from tongban.federation.cases.rows import DELIVER_ACT
from tongban.federation.store.rows import OutboxRow
from tongban.federation.store.units import Put, Unit

from ..in_memory import calls
from ..in_memory.laid_out import CHONGMING, HANGZHOU, QIDONG, LaidOut
from ..in_memory.peers import Peer
from ..in_memory.town import Town
from ..in_memory.waiting import eventually, until
from .real import ANSWER_SECONDS, FOLDER, RealTown, add, town_of
from .test_contract import contents, story

Move = Callable[[Path, Path], Awaitable[None]]
"""Brings a file into a folder."""


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    async with town_of(laid_out, FOLDER, wall_clock) as town:
        yield await town.start(CHONGMING, QIDONG)


def folder(town: Town, of: str, to: str) -> Path:
    return town.laid_out.folder / f"{of}-to-{to}"


async def peer_status(town: Town, member: str, peer: str) -> admin.PeerStatus:
    request = admin.GetStatusRequest()
    status = await town.admin(member).call(f"{calls.ADMIN}/GetStatus", request, admin.GetStatusResponse)
    return next(one for one in status.peers if one.member == peer)


async def test_what_is_done_is_gone(town: Town) -> None:
    await story(town)
    await eventually(lambda: _no_cases_lie(town))
    status = await peer_status(town, CHONGMING, QIDONG)
    assert (status.carrier, status.linked, status.problem) == ("folder", True, "")


async def _no_cases_lie(town: Town) -> bool:
    return not [path for one in (CHONGMING, QIDONG) for path in folder(town, one, _other(one)).iterdir()]


def _other(member: str) -> str:
    return QIDONG if member == CHONGMING else CHONGMING


async def test_a_folder_that_is_not_there_is_told_until_it_is(town: Town) -> None:
    for path in (folder(town, CHONGMING, QIDONG), folder(town, QIDONG, CHONGMING)):
        shutil.rmtree(path)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await eventually(lambda: _problem(town, "cannot be written (No such file or directory)"))
    for path in (folder(town, CHONGMING, QIDONG), folder(town, QIDONG, CHONGMING)):
        path.mkdir()
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_ARRIVED)


async def _problem(town: Town, end: str) -> bool:
    return (await peer_status(town, CHONGMING, QIDONG)).problem.endswith(end)


async def test_foreign_files_stay_and_are_logged_once(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    foreign = folder(town, QIDONG, CHONGMING) / "说明.txt"
    foreign.write_text("请勿删除", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        case_id = (await calls.submit(town.window(CHONGMING))).case_id
        await town.case_is(CHONGMING, case_id, cases.CASE_STATE_ARRIVED)
    assert await asyncio.to_thread(foreign.exists)
    assert len([one for one in caplog.messages if "说明.txt" in one]) == 1


async def test_a_file_that_stays_is_told_and_never_answered_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def stays(reader: FileReader, name: str) -> None:
        if not name.endswith("answers"):
            raise OSError(errno.EROFS, "Read-only file system")
        (reader.folder / name).unlink(missing_ok=True)

    with monkeypatch.context() as patch:
        patch.setattr(FileReader, "remove", stays)
        await story(town)
        before = await peer_status(town, QIDONG, CHONGMING)
        assert before.problem.endswith("are done with but cannot be removed (Read-only file system)")
        records = len(await town.evidence(QIDONG))
        await asyncio.sleep(0.5)  # Ten looks.
        assert len(await town.evidence(QIDONG)) == records
    await eventually(lambda: _no_cases_lie(town))
    await eventually(lambda: _fine(town, QIDONG, CHONGMING))


async def test_a_file_that_holds_no_batch_is_told_until_it_is_taken_away(town: Town) -> None:
    writer = FileWriter(folder(town, QIDONG, CHONGMING), wall_clock)
    name = writer.write(Kind.ANSWERS, b"\xff" * 20)
    await eventually(lambda: _problem(town, "hold no batch; take them away"))
    writer.remove(name)
    await eventually(lambda: _fine(town, CHONGMING, QIDONG))


async def _fine(town: Town, member: str, peer: str) -> bool:
    return not (await peer_status(town, member, peer)).problem


async def test_what_lies_in_a_folder_comes_from_the_peer_of_that_folder(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    question = await peer.question(f"{calls.EXCHANGE}/DeliverAct", b"")
    content = LinkRequest(questions=[question]).SerializeToString()
    FileWriter(folder(town, HANGZHOU, QIDONG), wall_clock).write(Kind.QUESTIONS, content)
    reader = FileReader(folder(town, QIDONG, HANGZHOU))
    await until(lambda: PEER_UNKNOWN in _refusals(reader))


PEER_UNKNOWN = codes.PEER_UNKNOWN.name


def _refusals(reader: FileReader) -> set[str]:
    """Return the codes of refusals that lie in a folder."""
    files = [found for found in reader.look((), 100).files if found.kind is Kind.ANSWERS]
    answers = [one for found in files for one in LinkResponse.FromString(found.content).answers]
    return {
        refusal_of(Status.FromString(one.body)).code.name for one in answers if Header.FromString(one.header).status
    }


@asynccontextmanager
async def apart(laid_out: LaidOut, move: Move) -> AsyncIterator[Town]:
    """Yield a town of two nodes that share no folder; somebody moves files between theirs."""
    ends = [(CHONGMING, QIDONG), (QIDONG, CHONGMING)]
    for member, peer in ends:
        home = laid_out.folder / member
        for name in ("out", "in"):
            (home / name).mkdir()
        keys = 'outgoing = "out"\nincoming = "in"\nlook_seconds = 0.05\nanswer_seconds = 3\n'
        add(home, f'[carriers."{peer}"]\nkind = "folder"\n{keys}')
    moving = [
        asyncio.create_task(_go_on_moving(laid_out.folder / member / "out", laid_out.folder / peer / "in", move))
        for member, peer in ends
    ]
    async with RealTown(laid_out, now=wall_clock()) as town:
        town.ask_seconds = 3.0
        yield await town.start(CHONGMING, QIDONG)
    for task in moving:
        task.cancel()
    await asyncio.gather(*moving, return_exceptions=True)


async def _go_on_moving(outgoing: Path, incoming: Path, move: Move) -> None:
    while True:
        for path in sorted(one for one in outgoing.iterdir() if one.suffix != ".part"):  # noqa: ASYNC240 - a disk
            await move(path, incoming)
        await asyncio.sleep(0.02)


async def moves(path: Path, into: Path) -> None:
    path.rename(into / path.name)  # noqa: ASYNC240


async def copies_slowly(path: Path, into: Path) -> None:
    content = path.read_bytes()  # noqa: ASYNC240
    with (into / path.name).open("wb", buffering=0) as file:
        for part in (content[:10], content[10:-5], content[-5:]):
            file.write(part)
            await asyncio.sleep(0.12)
    path.unlink()  # noqa: ASYNC240


async def copies_twice(path: Path, into: Path) -> None:
    shutil.copy(path, into)
    await asyncio.sleep(0.2)
    shutil.copy(path, into)
    path.unlink()  # noqa: ASYNC240


class PullsTheDisk:
    """Loses every fifth file half way, and leaves what it has copied of it."""

    def __init__(self) -> None:
        self._count = 0

    async def __call__(self, path: Path, into: Path) -> None:
        self._count += 1
        content = path.read_bytes()  # noqa: ASYNC240
        (into / path.name).write_bytes(content if self._count % 5 else content[:100])
        path.unlink()  # noqa: ASYNC240


class TurnsTheOrder:
    """Brings the newest file first."""

    def __init__(self) -> None:
        self._held: list[Path] = []

    async def __call__(self, path: Path, into: Path) -> None:
        waiting = sorted(path.parent.glob("*.[qa]*"), reverse=True)
        for one in waiting:
            if not one.name.endswith(".part"):
                one.replace(into / one.name)


@pytest.mark.parametrize("move", [moves, copies_slowly, copies_twice, PullsTheDisk(), TurnsTheOrder()])
async def test_a_case_survives_what_happens_to_its_files(laid_out: LaidOut, move: Move) -> None:
    async with apart(laid_out, move) as town:
        case_id = await story(town)
        assert len(await contents(town, QIDONG, case_id)) == 6
        assert await contents(town, CHONGMING, case_id) == await contents(town, QIDONG, case_id)


async def test_what_nobody_took_in_time_is_taken_back_and_written_again(town: Town) -> None:
    await town.stop(QIDONG)
    path = folder(town, CHONGMING, QIDONG)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await eventually(lambda: _lies(path))
    first = await _lying(path)
    await eventually(lambda: _replaced(path, first))
    problem = (await peer_status(town, CHONGMING, QIDONG)).problem
    assert problem == f"nobody takes what is written into {path}: is it where the peer reads?"
    await town.start(QIDONG)
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await eventually(lambda: _fine(town, CHONGMING, QIDONG))


async def test_what_a_node_that_stops_has_written_is_delivered(town: Town) -> None:
    await town.stop(QIDONG)
    path = folder(town, CHONGMING, QIDONG)
    case_id = (await calls.submit(town.window(CHONGMING))).case_id
    await eventually(lambda: _lies(path))
    await town.stop(CHONGMING)
    await town.start(QIDONG)
    await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)
    await town.start(CHONGMING)
    await town.case_is(CHONGMING, case_id, cases.CASE_STATE_ARRIVED)


async def _lies(path: Path) -> bool:
    return any(b"DeliverAct" in one.read_bytes() for one in path.glob("*.questions"))  # noqa: ASYNC240


async def _lying(path: Path) -> set[str]:
    return {one.name for one in path.glob("*.questions")}  # noqa: ASYNC240


async def _replaced(path: Path, first: set[str]) -> bool:
    return not first & await _lying(path) and await _lies(path)


async def test_many_messages_go_with_one_trip(town: Town) -> None:
    path = town.laid_out.folder / CHONGMING / "node.toml"
    settings = path.read_text("utf-8").replace(f"answer_seconds = {ANSWER_SECONDS}", "answer_seconds = 600")
    path.write_text(settings, encoding="utf-8")
    await town.stop(QIDONG)
    await town.restart(CHONGMING)
    rows = [
        OutboxRow(f"m-{number}", QIDONG, "", number, DELIVER_ACT, b"", b"act", 1 << 60, 0, 0, "queued", "")
        for number in range(1000)
    ]
    resources = town.nodes[CHONGMING].resources
    await resources.store.commit(Unit(operations=tuple(Put("outbox", asdict(row)) for row in rows)))
    await eventually(lambda: _many_lie(folder(town, CHONGMING, QIDONG)))


async def _many_lie(path: Path) -> bool:
    return sum(one.read_bytes().count(b"DeliverAct") for one in path.glob("*.questions")) >= 1000  # noqa: ASYNC240

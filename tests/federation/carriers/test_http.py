"""HTTP: what gateways make of it, and what the door takes."""

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tongban.api.admin.v1 import admin_pb2 as admin
from tongban.api.cases.v1 import cases_pb2 as cases
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED
from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.core import codes
from tongban.core.signing import private_pem
from tongban.core.times import wall_clock
from tongban.federation import settings
from tongban.federation.carriers.http_client import MOST_CONNECTIONS
from tongban.federation.carriers.http_frames import LINK, MEDIA_TYPE, PATH, FrameReader, NoFrame, framed
from tongban.federation.carriers.http_posts import HttpPosts
from tongban.federation.carriers.settings import HttpCarrier
from tongban.federation.exchange.carrier import PeerUnavailable
from tongban.federation.exchange.places import attempt
from tongban.federation.formation import keys
from tongban.federation.transport.closed import DoorClosed
from tongban.federation.transport.http_door import HttpDoor
from tongban.federation.transport.http_exchange import HttpExchange

from ..in_memory import calls
from ..in_memory.laid_out import CHONGMING, HANGZHOU, QIDONG, LaidOut
from ..in_memory.outcomes import refused
from ..in_memory.town import Town
from ..in_memory.waiting import eventually, until
from .gateway import (
    Gateway,
    Habit,
    asks_twice,
    buffers,
    cuts,
    ends_early,
    goes_on,
    hangs_up,
    knows_nobody,
    packs,
    sends_nothing_often,
    speaks_html,
    speaks_nonsense,
    streams,
)
from .real import HTTP, RealTown, add, by_http, http_port, town_of
from .test_contract import contents, story


@asynccontextmanager
async def behind(laid_out: LaidOut, habit: Habit) -> AsyncIterator[tuple[Town, Gateway]]:
    """Yield a town in which 崇明 reaches 启东 through a gateway, and 启东 reaches 崇明 without."""
    folder = laid_out.folder
    by_http(folder, QIDONG, CHONGMING)
    async with Gateway(http_port(folder, QIDONG), habit) as gateway:
        _without_tls(folder / QIDONG)
        add(folder / CHONGMING, f'[carriers."{QIDONG}"]\nkind = "http"\nurl = "http://127.0.0.1:{gateway.port}"\n')
        async with RealTown(laid_out, now=wall_clock()) as town:
            yield await town.start(CHONGMING, QIDONG), gateway


def _without_tls(home: Path) -> None:
    path = home / settings.FILE
    path.write_text(path.read_text("utf-8").replace("[peers]\n", "[peers]\nhttp_tls = false\n"), encoding="utf-8")


async def peer_status(town: Town) -> admin.PeerStatus:
    """Return how 启东 is for 崇明."""
    request = admin.GetStatusRequest()
    status = await town.admin(CHONGMING).call(f"{calls.ADMIN}/GetStatus", request, admin.GetStatusResponse)
    return next(one for one in status.peers if one.member == QIDONG)


@pytest.mark.parametrize("habit", [streams, buffers, asks_twice])
async def test_a_gateway_that_answers_carries_cases(laid_out: LaidOut, habit: Habit) -> None:
    async with behind(laid_out, habit) as (town, gateway):
        case_id = await story(town)
        assert await contents(town, CHONGMING, case_id) == await contents(town, QIDONG, case_id)
        assert len(await contents(town, QIDONG, case_id)) == 6
        assert gateway.requests


@pytest.mark.parametrize("habit", [streams, buffers])
async def test_a_gateway_that_answers_carries_look_ups(laid_out: LaidOut, habit: Habit) -> None:
    async with behind(laid_out, habit) as (town, _):
        assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
        status = await peer_status(town)
        assert (status.carrier, status.linked, status.problem) == ("http", True, "")


@pytest.mark.parametrize(
    ("habit", "problem"),
    [
        (knows_nobody, "answers with HTTP 502"),
        (speaks_html, "answers with text/html, which is no node's answer"),
        (speaks_nonsense, "answers with something else than a node's answers"),
        (cuts, "cut the answer off"),
        (hangs_up, "cut the answer off"),
        (packs, "answers with gzip, though it was asked for plain content"),
        (sends_nothing_often, "answers with something else than a node's answers"),
        (ends_early, "ended its answer before it was whole"),
    ],
)
async def test_what_a_gateway_does_wrong_is_in_the_status(laid_out: LaidOut, habit: Habit, problem: str) -> None:
    async with behind(laid_out, habit) as (town, gateway):
        with refused(codes.PEER_UNAVAILABLE) as caught:
            await calls.query(town.asker())
        assert "html" not in str(caught.value)
        status = await peer_status(town)
        assert status.problem == f"http://127.0.0.1:{gateway.port}{PATH} {problem}"
        assert not status.linked
        gateway.habit = streams
        assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
        assert (await peer_status(town)).problem == ""


async def test_a_response_that_owes_nothing_any_more_is_ended(laid_out: LaidOut) -> None:
    async with behind(laid_out, goes_on) as (town, gateway):
        assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
        await eventually(lambda: _stands_still(gateway))


async def _stands_still(gateway: Gateway) -> bool:
    before = gateway.repeated
    await asyncio.sleep(0.5)
    return 0 < before == gateway.repeated


async def test_no_two_peers_learn_the_same_name_of_a_node(tmp_path: Path) -> None:
    async with Gateway(0, hangs_up) as one, Gateway(0, hangs_up) as other:
        chosen = {
            member: HttpCarrier(kind="http", url=f"http://127.0.0.1:{gateway.port}")
            for member, gateway in ((QIDONG, one), (HANGZHOU, other))
        }
        posts = HttpPosts(chosen, tmp_path, Nobody(), 10)  # type: ignore[arg-type]
        for member in chosen:
            await posts.send(member, [Question(timeout_ms=100)])
        await until(lambda: one.requests != [] != other.requests)
        await posts.close()
    names = [
        next(line for line in request.head.split(b"\r\n") if line.lower().startswith(LINK.encode()))
        for request in (one.requests[0], other.requests[0])
    ]
    assert names[0] != names[1]


async def test_a_post_that_ends_before_it_began_keeps_no_connection(tmp_path: Path) -> None:
    """As when the asker's time is over in the very turn of the loop in which its POST is made."""
    async with Gateway(0, hangs_up) as gateway:
        chosen = {QIDONG: HttpCarrier(kind="http", url=f"http://127.0.0.1:{gateway.port}")}
        posts, question = HttpPosts(chosen, tmp_path, Nobody(), 10), Question(timeout_ms=100)  # type: ignore[arg-type]
        of_peer = posts._peers[QIDONG]
        sending = asyncio.create_task(posts.send(QIDONG, [question]))
        while not of_peer._under_way:  # noqa: ASYNC110 - the turn in which it is made, and no later one
            await asyncio.sleep(0)
        posts.cancel(QIDONG, [attempt(question)])
        with pytest.raises(PeerUnavailable):
            await asyncio.wait_for(sending, 5.0)
        await until(lambda: not of_peer._under_way)
        assert of_peer._slots._value == MOST_CONNECTIONS
        await posts.close()


class Nobody:
    """Waits for nothing."""

    def lost(self, peer: str, ids: object) -> None:
        pass


async def test_a_gateway_that_is_gone_lets_nothing_leave(laid_out: LaidOut) -> None:
    async with behind(laid_out, streams) as (town, gateway):
        await gateway.__aexit__(None, None, None)
        with refused(codes.PEER_UNAVAILABLE):
            await calls.query(town.asker())
        assert (await peer_status(town)).problem.endswith("gives no connection")
        records = await town.evidence(CHONGMING)
        assert not [one for one in records if one.HasField("question")]
        async with Gateway(gateway.upstream, streams, gateway.port):
            assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED


async def test_a_wrong_certificate_is_named(laid_out: LaidOut) -> None:
    folder = laid_out.folder
    port = http_port(folder, QIDONG)
    ca = folder / HANGZHOU / "keys" / "node.crt"
    add(folder / CHONGMING, f'[carriers."{QIDONG}"]\nkind = "http"\nurl = "https://127.0.0.1:{port}"\nca = "{ca}"\n')
    async with RealTown(laid_out, now=wall_clock()) as town:
        await town.start(CHONGMING, QIDONG)
        with refused(codes.PEER_UNAVAILABLE):
            await calls.query(town.asker())
        assert "shows a certificate that is not trusted (" in (await peer_status(town)).problem


@pytest.mark.parametrize("name", ["nowhere.pem", "no.pem"])
async def test_a_certificate_file_that_is_none_is_named(laid_out: LaidOut, name: str) -> None:
    home = laid_out.folder / CHONGMING
    (home / "no.pem").write_text("certificate", encoding="utf-8")
    add(home, f'[carriers."{QIDONG}"]\nkind = "http"\nurl = "https://127.0.0.1:9"\nca = "{name}"\n')
    with pytest.raises(ValueError, match=name):
        await RealTown(laid_out, now=wall_clock()).start(CHONGMING)


@pytest.fixture
async def door(laid_out: LaidOut) -> AsyncIterator[str]:
    """Return the URL of 启东's HTTP door."""
    port = http_port(laid_out.folder, QIDONG)
    _without_tls(laid_out.folder / QIDONG)
    async with RealTown(laid_out, now=wall_clock()) as town:
        await town.start(QIDONG)
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("path", "change", "status", "sentence"),
    [
        ("/", {}, 404, f"Nothing is here. Nodes post to {PATH}."),
        (PATH, {"method": "PUT"}, 405, "Only POST is served here."),
        (PATH, {"headers": {"content-type": "text/xml"}}, 415, f"The content type has to be {MEDIA_TYPE}."),
        (PATH, {"content": b"<secret/>"}, 400, "The body is no LinkRequest of tongban.api.exchange.v1."),
        (PATH, {"content": b"\x0a\x02\x10\x00"}, 400, "The body is no LinkRequest of tongban.api.exchange.v1."),
    ],
)
async def test_a_request_that_is_none_is_told_so(
    door: str, path: str, change: dict[str, object], status: int, sentence: str
) -> None:
    asked = {"method": "POST", "headers": {"content-type": MEDIA_TYPE}, "content": b"", **change}
    async with httpx.AsyncClient(trust_env=False) as client:
        told = await client.request(url=f"{door}{path}", **asked)  # type: ignore[arg-type]
    assert (told.status_code, told.text) == (status, f"{sentence}\n")
    assert told.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_request_that_is_too_large_is_turned_away_before_it_comes(door: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.rpartition(":")[2]))
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {(6 << 20) + 1}\r\n\r\n"
    writer.write(head.encode())
    told = await reader.read()
    assert told.startswith(b"HTTP/1.1 413 ")
    assert told.endswith(b"A request may have at most 6291456 bytes.\n")
    writer.close()


async def test_bytes_that_are_no_http_are_turned_away(door: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(door.rpartition(":")[2]))
    writer.write(b"\x16\x03\x01\x02\x00" * 20 + b"\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_node_stops_while_connections_are_open(laid_out: LaidOut) -> None:
    async with town_of(laid_out, HTTP, wall_clock) as town:
        await town.start(CHONGMING, QIDONG)
        await calls.query(town.asker())
        begun = asyncio.get_running_loop().time()
        await town.stop(QIDONG)
        assert asyncio.get_running_loop().time() - begun < 4.0  # Not the grace of five seconds.
        with refused(codes.PEER_UNAVAILABLE):
            await calls.query(town.asker())
        case_id = (await calls.submit(town.window(CHONGMING))).case_id
        await town.start(QIDONG)
        await town.case_is(QIDONG, case_id, cases.CASE_STATE_ARRIVED)


async def test_a_renewed_certificate_is_shown_without_a_restart(laid_out: LaidOut) -> None:
    async with town_of(laid_out, HTTP, wall_clock) as town:
        await town.start(CHONGMING, QIDONG)
        port, folder = http_port(laid_out.folder, QIDONG), laid_out.folder / QIDONG / "keys"
        before = await _shown(port)
        key = keys.tls_key()
        certificate = keys.certificate_pem(keys.node_certificate(QIDONG, key, {"127.0.0.1"}, wall_clock()))
        (folder / "node.crt").write_bytes(certificate)
        (folder / "node.key").write_bytes(private_pem(key))
        await eventually(lambda: _is_shown(port, certificate.decode()))
        assert before != certificate.decode()


async def _is_shown(port: int, certificate: str) -> bool:
    return await _shown(port) == certificate


async def _shown(port: int) -> str:
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))


async def _nobody(*arguments: object) -> None:
    raise AssertionError


def _door(laid_out: LaidOut) -> HttpDoor:
    home = laid_out.folder / QIDONG
    return HttpDoor(settings.load(home), HttpExchange(_nobody, print, bool, 1), None)  # type: ignore[arg-type]


async def test_an_address_that_is_taken_is_named(laid_out: LaidOut) -> None:
    port = http_port(laid_out.folder, QIDONG)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(DoorClosed, match=r"change \[peers\] http"):
        await _door(laid_out).open()


async def test_what_is_not_installed_is_named(laid_out: LaidOut, monkeypatch: pytest.MonkeyPatch) -> None:
    http_port(laid_out.folder, QIDONG)
    monkeypatch.delitem(sys.modules, "tongban.federation.transport.http_server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)  # As if it were not there.
    with pytest.raises(DoorClosed, match=r"pip install 'tongban\[http\]'"):
        await _door(laid_out).open()


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_frames_come_in_pieces_of_any_size(size: int) -> None:
    frames = [b"a", b"b", b"bc" * 40]
    data, reader = b"".join(map(framed, frames)), FrameReader()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == frames
    assert reader.between_frames
    assert list(reader.feed(framed(b"abc")[:-1])) == []
    assert not reader.between_frames


@pytest.mark.parametrize("length", [b"\0\0\0\0", b"\xff\xff\xff\xff"])
def test_a_frame_that_is_empty_or_longer_than_any_is_none(length: bytes) -> None:
    with pytest.raises(NoFrame):
        list(FrameReader().feed(length))

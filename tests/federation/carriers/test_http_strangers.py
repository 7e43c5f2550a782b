"""The HTTP door and those whom the directory does not know: they cost it little, and take nothing from members."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from tongban.api.common.v1.common_pb2 import CallContext, Seal
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question, SealedMessage
from tongban.core.times import wall_clock
from tongban.federation.calls import Call, Reply
from tongban.federation.carriers.http_frames import MEDIA_TYPE, PATH, FrameReader
from tongban.federation.exchange import messages
from tongban.federation.exchange.places import LARGE_BODY
from tongban.federation.transport import http_requests, http_server
from tongban.federation.transport.http_exchange import HttpExchange

from ..in_memory import calls
from ..in_memory.laid_out import CHONGMING, QIDONG, LaidOut
from ..in_memory.peers import Peer
from ..in_memory.town import Town
from ..in_memory.waiting import until
from .real import HTTP, http_port, town_of

STRANGER, GATEWAY = "192.0.2.1", "192.0.2.2"


@pytest.fixture
async def town(laid_out: LaidOut) -> AsyncIterator[Town]:
    async with town_of(laid_out, HTTP, wall_clock) as town:
        yield await town.start(CHONGMING, QIDONG)


async def posted(town: Town, questions: Sequence[Question]) -> tuple[int, list[SealedMessage]]:
    """Post questions to 启东; return the status and the answers."""
    ca = ssl.create_default_context(cafile=town.laid_out.folder / QIDONG / "keys" / "node.crt")
    ca.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    url = f"https://127.0.0.1:{http_port(town.laid_out.folder, QIDONG)}{PATH}"
    body = LinkRequest(questions=questions).SerializeToString()
    async with httpx.AsyncClient(trust_env=False, verify=ca) as client:
        told = await client.post(url, content=body, headers={"content-type": MEDIA_TYPE})
    if told.status_code != httpx.codes.OK:
        return told.status_code, []
    frames = FrameReader().feed(told.content)
    return told.status_code, [one for frame in frames for one in LinkResponse.FromString(frame).answers]


async def sealed(town: Town) -> Question:
    """Return a question that 崇明 has sealed."""
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    return await peer.question("/tongban.api.exchange.v1.NoService/Nothing", b"")


def altered(question: Question) -> Question:
    """Return it with another id than was sealed."""
    header = Header.FromString(question.message.header)
    header.id = uuid4().hex
    message = SealedMessage(header=header.SerializeToString(), seal=question.message.seal)
    return Question(message=message, timeout_ms=1000)


async def test_what_nobody_sealed_is_neither_answered_nor_recorded(town: Town) -> None:
    good, before = await sealed(town), len(await town.evidence(QIDONG))
    assert await posted(town, [altered(good) for _ in range(1000)]) == (403, [])
    assert len(await town.evidence(QIDONG)) == before
    status, answers = await posted(town, [altered(good), good, altered(good)])
    ids = [Header.FromString(one.header).id for one in answers]
    assert (status, ids) == (200, [Header.FromString(good.message.header).id])
    admission = town.nodes[QIDONG].resources.admission
    assert (admission.unproven, len(admission.questions)) == (1002, 0)


async def test_promise_30_connections_that_say_nothing_do_not_close_the_http_door(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = http_port(town.laid_out.folder, QIDONG)
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 4.0)
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(150)]
    silent += [await asyncio.open_connection("127.0.0.1", port, ssl=tls) for _ in range(280)]
    for _, writer in silent[200:]:
        writer.write(b"POST /tongban")
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
    async with asyncio.timeout(5 * 4.0):
        await asyncio.gather(*(_ended(reader) for reader, _ in silent))
    for _, writer in silent:
        writer.close()
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED


async def _ended(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        await reader.read()


def named(sender: str, body: bytes = b"") -> Question:
    """Return a question of a sender; its seal is the test's to believe or not."""
    header = Header(id=uuid4().hex, sender=sender, receiver=QIDONG, method="/a.B/C")
    unsealed = messages.question(header, CallContext(), body, wall_clock(), timedelta(minutes=1))
    seal = Seal(key_id="0" * 64, signature=bytes(64), tree_size=1)
    return Question(message=unsealed.sealed(seal), timeout_ms=60_000)


class Requesting:
    """Brings requests to an exchange as a server does."""

    def __init__(self, ask: Callable[[Call], Awaitable[Reply]], credit: int) -> None:
        self._exchange = HttpExchange(ask, lambda member: None, lambda question: True, credit)
        self._stay = asyncio.Event()

    async def post(self, address: str, *questions: Question, whole: bool = True) -> int:
        """Return the status of the response to a request; one that is not whole never is."""
        body, told = LinkRequest(questions=questions).SerializeToString(), list[int]()
        parts = [{"type": "http.request", "body": body, "more_body": not whole}]

        async def receive() -> dict[str, object]:
            if not parts:
                await self._stay.wait()
            return parts.pop()

        async def send(event: dict[str, object]) -> None:
            if isinstance(status := event.get("status"), int):
                told.append(status)

        scope = {"type": "http", "path": PATH, "method": "POST", "client": (address, 1)}
        await self._exchange({**scope, "headers": [(b"content-type", MEDIA_TYPE.encode())]}, receive, send)  # type: ignore[arg-type]
        return told[0]


async def test_a_member_has_so_many_questions_under_way_in_all_its_requests_and_leaves_room_for_others() -> None:
    under_way, go_on = Counter[str](), asyncio.Event()

    async def ask(call: Call) -> Reply:
        under_way[call.question.header.sender if call.question else ""] += 1
        await go_on.wait()
        return Reply()

    door = Requesting(ask, credit=3)
    posts = [asyncio.create_task(door.post(GATEWAY, *(named("310151") for _ in range(4)))) for _ in range(2)]
    posts.append(asyncio.create_task(door.post(GATEWAY, named("330100"))))
    await until(lambda: under_way["330100"] == 1)
    await asyncio.sleep(0.05)
    assert under_way["310151"] == 3
    go_on.set()
    assert await asyncio.gather(*posts) == [200] * 3
    assert under_way["310151"] == 8


async def test_what_a_stranger_sends_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_requests, "_MOST_PLACES_EACH", 8)
    monkeypatch.setattr(http_requests, "_PART_SECONDS", 0.2)

    async def ask(call: Call) -> Reply:
        return Reply()

    door, large = Requesting(ask, credit=1), named("310151", bytes(3 * LARGE_BODY))
    slow = [asyncio.create_task(door.post(STRANGER, large, whole=False)) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert await door.post(STRANGER, large) == 503
    assert await door.post(GATEWAY, large) == 200
    assert sorted(await asyncio.gather(*slow)) == [408, 408, 503]
    assert await door.post(STRANGER, large) == 200

"""The exchange by HTTP, as an ASGI application: a POST brings questions, its response their answers as they get ready.

Whoever asks is known by the seals of the messages alone: TLS may have ended at a gateway.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question, SealedMessage
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import SEAL_ALONE
from tongban.federation.carriers.http_frames import LINK, MEDIA_TYPE, PATH, framed
from tongban.federation.exchange import frames
from tongban.federation.exchange.answering import Ask, answer
from tongban.federation.exchange.places import attempt

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Scope]]
_Send = Callable[[_Scope], Awaitable[None]]

_BODY_SECONDS = 30.0
"""How long a request may take to come in."""

_HEADERS = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


@dataclass(frozen=True, slots=True)
class _NotTaken(Exception):
    """A request that is none; the sentence is for whoever sent it."""

    status: int
    sentence: str


class HttpExchange:
    """Answers POSTs."""

    def __init__(self, ask: Ask, seen: Callable[[str], None]) -> None:
        self._ask = ask
        self._seen = seen
        self._by_id: dict[tuple[str, str], asyncio.Task[SealedMessage | None]] = {}
        """By what the asking node calls itself, and the question's id."""
        self._links: dict[str, str] = {}
        """What each peer called itself when it was last there."""
        self.stopping = False
        self.under_way = 0
        """Requests whose response is not complete."""

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        self.under_way += 1
        try:
            await self._respond(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _respond(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        try:
            if self.stopping:
                raise _NotTaken(503, "This node is stopping.")
            request = await _request(scope, receive)
        except _NotTaken as problem:
            await _tell(send, problem)
            return
        await self._answer(request, _header(scope, LINK), receive, send)

    async def _answer(self, request: LinkRequest, link: str, receive: _Receive, send: _Send) -> None:
        self._cancel(link, request.cancelled)
        tasks = [self._begin(question, link) for question in request.questions]
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            async for data in _as_they_get_ready(tasks, leaving):
                await send({"type": "http.response.body", "body": framed(data), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            for task in (leaving, *tasks):
                task.cancel()
            await asyncio.gather(leaving, *tasks, return_exceptions=True)

    def _begin(self, question: Question, link: str) -> "asyncio.Task[SealedMessage | None]":
        task = asyncio.create_task(self._answered(question, link))
        key = link, attempt(question)
        if link:
            self._by_id[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return task

    async def _answered(self, question: Question, link: str) -> SealedMessage | None:
        sealed = await answer(self._ask, question, SEAL_ALONE)
        if sealed is not None and not Header.FromString(sealed.header).status:
            self._there(Header.FromString(question.message.header).sender, link)
        return sealed

    def _there(self, member: str, link: str) -> None:
        """Take notice of a peer that was believed; one that calls itself something new has started again."""
        if self._links.get(member) != link:
            self._links[member] = link
            self._seen(member)

    def _cancel(self, link: str, ids: Iterable[str]) -> None:
        for id_ in ids:
            if (link, id_) in self._by_id:
                self._by_id[link, id_].cancel()

    def _forget(self, key: tuple[str, str], task: "asyncio.Task[SealedMessage | None]") -> None:
        if self._by_id.get(key) is task:
            del self._by_id[key]


async def _as_they_get_ready(
    tasks: "list[asyncio.Task[SealedMessage | None]]", leaving: "asyncio.Task[None]"
) -> AsyncIterator[bytes]:
    """Yield frames with the answers that are ready at a time, until all are or the peer has left."""
    pending = set(tasks)
    while pending and not leaving.done():
        done, _ = await asyncio.wait({*pending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        pending -= done
        ready = [sealed for task in tasks if task in done and (sealed := _result(task)) is not None]
        while ready:
            yield LinkResponse(answers=frames.taken(ready, SealedMessage.ByteSize)).SerializeToString()


def _result(task: "asyncio.Task[SealedMessage | None]") -> SealedMessage | None:
    """Return an answer; none if there is nobody to answer, or the question was cancelled."""
    if task.cancelled() or isinstance(task.exception(), Refusal):
        return None
    return task.result()


async def _disconnected(receive: _Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _request(scope: _Scope, receive: _Receive) -> LinkRequest:
    """Return what a request brings; raise _NotTaken with the rule that it breaks."""
    if scope["path"].removesuffix("/") != PATH:
        raise _NotTaken(404, f"Nothing is here. Nodes post to {PATH}.")
    if scope["method"] != "POST":
        raise _NotTaken(405, "Only POST is served here.")
    if _header(scope, "content-type") != MEDIA_TYPE:
        raise _NotTaken(415, f"The content type has to be {MEDIA_TYPE}.")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return _checked(decoded(LinkRequest, await _body(scope, receive)))
    except TimeoutError:
        raise _NotTaken(408, f"The request did not come whole within {_BODY_SECONDS:g} s.") from None
    except Refusal:
        raise _NotTaken(400, "The body is no LinkRequest of tongban.api.exchange.v1.") from None


def _checked(request: LinkRequest) -> LinkRequest:
    for question in request.questions:
        decoded(Header, question.message.header)
    return request


async def _body(scope: _Scope, receive: _Receive) -> bytes:
    body = bytearray()
    with suppress(ValueError):
        _check_size(int(_header(scope, "content-length") or 0))
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise _NotTaken(400, "The request broke off.")
        body += part.get("body", b"")
        _check_size(len(body))
        if not part.get("more_body", False):
            return bytes(body)


def _check_size(size: int) -> None:
    if size > frames.MOST_FRAME:
        raise _NotTaken(413, f"A request may have at most {frames.MOST_FRAME} bytes.")


async def _tell(send: _Send, problem: _NotTaken) -> None:
    body = f"{problem.sentence}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: _Scope, name: str) -> str:
    found: bytes = next((value for key, value in scope["headers"] if key == name.encode()), b"")
    return found.decode("latin-1")

"""The exchange by HTTP, as an ASGI application: a POST brings questions, its response their answers as they get ready.

Whoever asks is known by the seals of the messages alone: TLS may have ended at a gateway. So seals are checked here,
before a question takes a place, is answered or recorded; what no member of the directory sealed is dropped.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkResponse, Question, SealedMessage
from tongban.core.errors import Refusal
from tongban.federation.calls import SEAL_ALONE
from tongban.federation.carriers.http_frames import LINK, MEDIA_TYPE, framed
from tongban.federation.exchange import frames
from tongban.federation.exchange.answering import Ask, answer
from tongban.federation.exchange.places import Places, attempt, places_of
from tongban.federation.transport import http_requests as requests
from tongban.federation.transport.http_requests import NotTaken, Receive, Room, Scope, Send, whole_room

_AT_A_TIME = 16
"""Seals that are checked before others have their turn."""

_HEADERS = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


class HttpExchange:
    """Answers POSTs."""

    def __init__(self, ask: Ask, seen: Callable[[str], None], proven: Callable[[Question], bool], credit: int) -> None:
        """Take so many questions of one member at a time; further ones wait, and others' do not wait for them."""
        self._ask = ask
        self._seen = seen
        self._proven = proven
        self._places: defaultdict[str, Places] = defaultdict(lambda: Places(credit))
        self._room = whole_room()
        self._by_id: dict[tuple[str, str], asyncio.Task[SealedMessage | None]] = {}
        """By what the asking node calls itself, and the question's id."""
        self._links: dict[str, str] = {}
        """What each peer called itself when it was last there."""
        self.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        room = Room(self._room, requests.address(scope))
        try:
            if self.stopping:
                raise NotTaken(503, "This node is stopping.")
            request = await requests.read(scope, receive, room)
            questions = await self._of_members(request.questions, room)
            self._cancel(requests.header(scope, LINK), request.cancelled)
            await self._answer(questions, requests.header(scope, LINK), receive, send)
        except NotTaken as problem:
            await requests.tell(send, problem)
        finally:
            room.free()

    async def _of_members(self, questions: Sequence[Question], room: Room) -> list[Question]:
        """Return the questions that members have sealed; raise NotTaken if there are none but others."""
        proven = list[Question]()
        for count, question in enumerate(questions, 1):
            if self._proven(question):
                proven.append(question)
            if count % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        if questions and not proven:
            raise NotTaken(403, "No key of the directory fits the seals of these questions.")
        if proven:
            room.pass_to(_sender(proven[0]))
        return proven

    async def _answer(self, questions: list[Question], link: str, receive: Receive, send: Send) -> None:
        tasks = [self._begin(question, link) for question in questions]
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
        task = asyncio.create_task(self._in_turn(question, link))
        key = link, attempt(question)
        if link:
            self._by_id[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return task

    async def _in_turn(self, question: Question, link: str) -> SealedMessage | None:
        """Answer a question when its sender has a place for it; return None if that came too late."""
        number = places_of(question)
        places = self._places[_sender(question)]
        try:
            async with asyncio.timeout(question.timeout_ms / 1000):
                await places.take(number)
        except TimeoutError:
            return None
        try:
            return await self._answered(question, link)
        finally:
            places.give_back(number)

    async def _answered(self, question: Question, link: str) -> SealedMessage | None:
        sealed = await answer(self._ask, question, SEAL_ALONE)
        if sealed is not None and not Header.FromString(sealed.header).status:
            self._there(_sender(question), link)
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


def _sender(question: Question) -> str:
    return Header.FromString(question.message.header).sender


def _result(task: "asyncio.Task[SealedMessage | None]") -> SealedMessage | None:
    """Return an answer; none if there is nobody to answer, or the question was cancelled."""
    if task.cancelled() or isinstance(task.exception(), Refusal):
        return None
    return task.result()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

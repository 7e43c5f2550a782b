"""Requests at the HTTP door, as they come in: what they have to be, how long they may take, and the room they take."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.carriers.http_frames import MEDIA_TYPE, PATH
from tongban.federation.exchange import frames
from tongban.federation.load.slots import Slots

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]

_BODY_SECONDS = 30.0
"""How long a request may take to come in."""

_PART_SECONDS = 10.0
"""How long the next bytes of it may take."""

_PLACE = 65_536
"""Bytes of a place in the room."""

_MOST_PLACES, _MOST_PLACES_EACH = 2048, 1024


@dataclass(frozen=True, slots=True)
class NotTaken(Exception):
    """A request that is not taken; the sentence is for whoever sent it."""

    status: int
    sentence: str


def whole_room() -> Slots:
    """Return the room for requests under way: 128 MiB, half of it for one address or one member."""
    return Slots(_MOST_PLACES, _MOST_PLACES_EACH)


class Room:
    """What one request takes of the room: of its address's share until it is known who asks, then of that member's."""

    def __init__(self, slots: Slots, who: str) -> None:
        self._slots = slots
        self._who = who
        self._taken = 0

    def hold(self, size: int) -> None:
        """Take room for so many bytes in all. Raises NotTaken if there is none."""
        while self._taken * _PLACE < size:
            if not self._slots.take(self._who):
                raise NotTaken(503, "As much is on its way in as this node takes at a time.")
            self._taken += 1

    def pass_to(self, who: str) -> None:
        """Have it be of another's share. Raises NotTaken if that has no room left."""
        size = self._taken * _PLACE
        self.free()
        self._who = who
        self.hold(size)

    def free(self) -> None:
        """Give all of it back."""
        for _ in range(self._taken):
            self._slots.give_back(self._who)
        self._taken = 0


async def read(scope: Scope, receive: Receive, room: Room) -> LinkRequest:
    """Return what a request brings; raise NotTaken with the rule that it breaks."""
    if scope["path"].removesuffix("/") != PATH:
        raise NotTaken(404, f"Nothing is here. Nodes post to {PATH}.")
    if scope["method"] != "POST":
        raise NotTaken(405, "Only POST is served here.")
    if header(scope, "content-type") != MEDIA_TYPE:
        raise NotTaken(415, f"The content type has to be {MEDIA_TYPE}.")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return _checked(decoded(LinkRequest, await _body(scope, receive, room)))
    except TimeoutError:
        raise NotTaken(408, f"The request did not come whole within {_BODY_SECONDS:g} s.") from None
    except Refusal:
        raise NotTaken(400, "The body is no LinkRequest of tongban.api.exchange.v1.") from None


def _checked(request: LinkRequest) -> LinkRequest:
    for question in request.questions:
        decoded(Header, question.message.header)
    return request


async def _body(scope: Scope, receive: Receive, room: Room) -> bytes:
    body = bytearray()
    with suppress(ValueError):
        _check_size(int(header(scope, "content-length") or 0))
    room.hold(1)
    while True:
        async with asyncio.timeout(_PART_SECONDS):
            part = await receive()
        if part["type"] == "http.disconnect":
            raise NotTaken(400, "The request broke off.")
        body += part.get("body", b"")
        _check_size(len(body))
        room.hold(len(body))
        if not part.get("more_body", False):
            return bytes(body)


def _check_size(size: int) -> None:
    if size > frames.MOST_FRAME:
        raise NotTaken(413, f"A request may have at most {frames.MOST_FRAME} bytes.")


async def tell(send: Send, problem: NotTaken) -> None:
    """Tell whoever sent a request why it is not taken."""
    body = f"{problem.sentence}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: str) -> str:
    """Return a header of a request; empty if it has none."""
    found: bytes = next((value for key, value in scope["headers"] if key == name.encode()), b"")
    return found.decode("latin-1")


def address(scope: Scope) -> str:
    """Return where a request comes from, without its port."""
    return str((scope.get("client") or ("",))[0])

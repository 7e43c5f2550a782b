"""Answering peers: each question that a carrier brings takes the one way through the node."""

import asyncio
from collections.abc import Awaitable, Callable

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, SealedMessage
from tongban.api.exchange.v1.exchange_pb2 import Question as Carried
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Door, Question, Reply, SealAlone
from tongban.federation.exchange import frames, messages
from tongban.federation.exchange.places import Places, attempt, places_of

Ask = Callable[[Call], Awaitable[Reply]]


async def answer(ask: Ask, carried: Carried, certified: str | SealAlone | None) -> SealedMessage | None:
    """Return the sealed answer to a question; none if the store could not keep the evidence of it.

    Raises:
        Refusal: MALFORMED or INVALID_FIELD if its header is none: there is nobody to answer.
    """
    header = messages.header_of(carried.message)
    call = Call(
        door=Door.PEERS,
        method=header.method,
        body=carried.message.body,
        context=header.context if header.HasField("context") else CallContext(),
        seconds=carried.timeout_ms / 1000,
        question=Question(carried.message, header, carried.hops),
        certified=certified,
    )
    return (await ask(call)).sealed


class AnsweredLink:
    """A link that a peer has dialled: its questions under way, and answers that leave together."""

    def __init__(
        self, ask: Ask, write: Callable[[bytes], Awaitable[None]], credit: int, shared: Places | None = None
    ) -> None:
        """Take so many questions at a time; the peer is told with the first frame, and further frames wait.

        What is taken stands in the places that the peer's links share, if they do.
        """
        self._ask = ask
        self._write = write
        self._places = shared or Places(credit)
        self._held = 0
        """Places that this link has."""
        self._under_way: set[asyncio.Task[bool]] = set()
        self._by_id: dict[str, asyncio.Task[bool]] = {}
        self._answers: list[tuple[SealedMessage, int]] = []
        self._news: LinkResponse | None = LinkResponse(credit=credit)
        self._waiting = asyncio.Event()
        self._waiting.set()
        self._writing = asyncio.create_task(self._write_frames())

    async def take(self, frame: bytes, certified: str | None) -> None:
        """Begin to answer what a frame asks, and stop what it cancels; wait while too many are under way.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD, PEER_UNKNOWN; nothing of the frame is answered, the link has to end.
        """
        if self._writing.done():
            self._writing.result()  # Answers cannot be written any more: the link ends with what stopped them.
        request = decoded(LinkRequest, frame)
        if certified is None:
            raise Refusal(codes.PEER_UNKNOWN, {"what": "certificate", "member": "this connection"})
        for id_ in request.cancelled:
            self._cancel(id_)
        for question in request.questions:
            id_, places = attempt(question), places_of(question)
            await self._places.take(places)
            self._held += places
            self._begin(question, id_, places, certified)

    def leave(self) -> None:
        """Tell the peer that this node stops: it asks no more over this link, and ends it after its last answer."""
        self._news = LinkResponse(stopping=True)
        self._waiting.set()

    def stop(self) -> None:
        """Stop with everything that is under way: its asker asks again."""
        self._writing.cancel()
        for task in self._under_way:
            task.cancel()
        self._give_back(self._held)

    def _give_back(self, places: int) -> None:
        """Give places back; when the link has stopped it has none any more."""
        places = min(places, self._held)
        self._held -= places
        self._places.give_back(places)

    def _begin(self, question: Carried, id_: str, places: int, certified: str) -> None:
        task = self._by_id[id_] = asyncio.create_task(self._answer(question, places, certified))
        self._under_way.add(task)
        task.add_done_callback(lambda done: self._done(id_, places, done))

    def _cancel(self, id_: str) -> None:
        if id_ in self._by_id:
            self._by_id[id_].cancel()

    async def _answer(self, question: Carried, places: int, certified: str) -> bool:
        """Answer a question; return whether there is an answer to write, which then frees the question's places."""
        try:
            answered = await answer(self._ask, question, certified)
        except Refusal:
            return False  # Its header is none, so there is nobody to answer.
        if answered is not None:
            self._answers.append((answered, places))
            self._waiting.set()
        return answered is not None

    def _done(self, id_: str, places: int, task: "asyncio.Task[bool]") -> None:
        if task.cancelled() or task.exception() is not None or not task.result():
            self._give_back(places)
        self._under_way.discard(task)
        if self._by_id.get(id_) is task:
            del self._by_id[id_]

    async def _write_frames(self) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._answers or self._news:
                gathered = frames.taken(self._answers, _size)
                frame, self._news = self._news or LinkResponse(), None
                frame.answers.extend(answered for answered, _ in gathered)
                await self._write(frame.SerializeToString())
                self._give_back(sum(places for _, places in gathered))


def _size(waiting: tuple[SealedMessage, int]) -> int:
    return waiting[0].ByteSize()

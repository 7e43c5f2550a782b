"""One link to one node of a peer: a stream over a connection of its own."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import grpc

from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, Question
from tongban.federation.carriers.certificates import Target
from tongban.federation.carriers.dialling import Dialled, why
from tongban.federation.exchange import frames
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.places import Places, answered_attempt, attempt, places_of

log = logging.getLogger(__name__)

END_SECONDS = 3.0
"""So long a peer may take to end a link on which nothing is under way any more."""


class Link:
    """A link that stands, until `run` returns."""

    def __init__(self, peer: str, dialled: Dialled, asking: Asking, proved: Callable[[], None]) -> None:
        """Take a link that was dialled; `proved` is called when answers come."""
        self.target: Target = dialled.target
        self.problem = ""
        """Why it broke; empty while it stands, and if it ended in order."""
        self._peer = peer
        self._channel, self._stream = dialled.channel, dialled.stream
        self._asking = asking
        self._proved = proved
        self._places = Places(0)
        self._open = True
        self._under_way: dict[str, tuple[int, Question]] = {}
        self._questions: list[Question] = []
        self._cancelled: list[str] = []
        self._something = asyncio.Event()
        self._limit = asyncio.timeout(None)
        self._answered(dialled.first)

    @property
    def open(self) -> bool:
        """Whether it takes questions."""
        return self._open

    async def take(self, question: Question) -> bool:
        """Have a question leave once the peer has a place for it; return False if this link takes no more."""
        id_, places = attempt(question), places_of(question)
        if not await self._places.take(places):
            return False
        if not self._open:  # It ended between the grant and now: nobody would tell that the question is lost.
            self._places.give_back(places)
            return False
        self._end(id_)
        self._under_way[id_] = places, question
        self._questions.append(question)
        self._something.set()
        return True

    def cancel(self, attempts: Sequence[str]) -> None:
        """Have the peer told that nobody waits for these; what has not left yet stays here."""
        for id_ in attempts:
            _, question = self._under_way.get(id_, (0, None))
            if question is None:
                continue
            still_here = [one for one in self._questions if one is not question]
            if len(still_here) == len(self._questions):
                self._cancelled.append(id_)
            self._questions = still_here
            self._end(id_)
        self._something.set()

    def retire(self) -> None:
        """Take no more questions, and end when the last one under way has its answer or nobody waits for it."""
        self._open = False
        self._places.close()
        self._something.set()

    async def run(self) -> None:
        """Carry questions and answers until the link ends."""
        writing = asyncio.create_task(self._write())
        try:
            async with self._limit:
                while isinstance(frame := await self._stream.read(), bytes):
                    self._answered(LinkResponse.FromString(frame))
            self.problem = "the peer closed the link" if self._open else ""
        except TimeoutError:
            log.info("link to %s: the peer did not end it", self._peer)
        except grpc.aio.AioRpcError as error:
            self.problem = f"the link broke ({why(error)})"
        except Exception:
            log.exception("link to %s", self._peer)
            self.problem = "the link failed here; the node's log says why"
        finally:
            self.retire()
            writing.cancel()
            self._asking.lost(self._peer, set(self._under_way))
            await asyncio.gather(writing, return_exceptions=True)
            await self._channel.close()

    def _answered(self, frame: LinkResponse) -> None:
        if frame.credit:
            self._places.resize(frame.credit)
        if frame.answers:
            self._proved()
            self._asking.answered(self._peer, frame.answers)
        for answer in frame.answers:
            self._end(answered_attempt(answer))
        if frame.stopping:
            self.retire()

    def _end(self, id_: str) -> None:
        places, _ = self._under_way.pop(id_, (0, None))
        if places:
            self._places.give_back(places)
        if not (self._open or self._under_way):
            self._something.set()

    async def _write(self) -> None:
        while self._open or self._under_way:
            await self._something.wait()
            self._something.clear()
            while self._questions or self._cancelled:
                await self._stream.write(self._frame().SerializeToString())
        await self._stream.done_writing()
        self._limit.reschedule(asyncio.get_running_loop().time() + END_SECONDS)

    def _frame(self) -> LinkRequest:
        """Return what has gathered, as much as a frame holds."""
        questions = frames.taken(self._questions, Question.ByteSize)
        return LinkRequest(questions=questions, cancelled=frames.taken(self._cancelled))

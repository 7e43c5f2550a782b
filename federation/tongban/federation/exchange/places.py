"""Places for questions under way on a link: the side that answers has so many, and both sides count them alike."""

import asyncio
from collections import deque
from hashlib import sha256

from google.protobuf.message import DecodeError

from tongban.api.exchange.v1.exchange_pb2 import Header, Question, SealedMessage
from tongban.federation.policies import answers_largely

LARGE_BODY = 65_536
"""A question whose body has more bytes than this is a large one."""

LARGE_PLACES = 64
"""Places that a large question takes: it, or its answer, may have 4 MiB."""


def attempt(question: Question) -> str:
    """Return what names a question on its way: SHA-256 of its header, in hexadecimal; two members may use one id."""
    return sha256(question.message.header).hexdigest()


def answered_attempt(answer: SealedMessage) -> str:
    """Return the name of the question that an answer says it answers; raise DecodeError if it has no header."""
    return Header.FromString(answer.header).question_digest.hex()


def places_of(question: Question) -> int:
    """Return how many places a question takes."""
    try:
        method = Header.FromString(question.message.header).method
    except DecodeError:
        return 1
    large = len(question.message.body) > LARGE_BODY or answers_largely(method)
    return LARGE_PLACES if large else 1


class Places:
    """A number of places; who finds none free waits for his turn."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken = 0
        self._closed = False
        self._queue: deque[tuple[int, asyncio.Future[bool]]] = deque()

    async def take(self, places: int) -> bool:
        """Take places, in turn; return False if there are none any more because they were closed."""
        if not self._queue and (self._closed or self._fits(places)):
            self._taken += 0 if self._closed else places
            return not self._closed
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((places, turn))
        try:
            return await turn
        except asyncio.CancelledError:
            self._leave(places, turn)
            raise

    def give_back(self, places: int) -> None:
        """Give places back, to whoever waits."""
        self._taken -= places
        self._admit()

    def resize(self, number: int) -> None:
        """Have so many places from now on; what is under way stays."""
        self._number = number
        self._admit()

    def close(self) -> None:
        """Give no more places, and send away who waits."""
        self._closed = True
        while self._queue:
            _, turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(False)

    def _fits(self, places: int) -> bool:
        """Say whether so many are free; one question alone always fits, whatever its size."""
        return self._taken == 0 or self._taken + places <= self._number

    def _admit(self) -> None:
        while self._queue and self._fits(self._queue[0][0]):
            places, turn = self._queue.popleft()
            if not turn.done():
                self._taken += places
                turn.set_result(True)

    def _leave(self, places: int, turn: "asyncio.Future[bool]") -> None:
        if turn.done() and not turn.cancelled() and turn.result():
            self.give_back(places)
        else:
            self._queue = deque(one for one in self._queue if one[1] is not turn)
            self._admit()

"""Peers that are reached by HTTP: questions leave as POSTs, several at once, and answers come in their responses."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from google.protobuf.message import DecodeError

from tongban.api.exchange.v1.exchange_pb2 import LinkRequest, LinkResponse, Question
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.carriers.http_client import MOST_CONNECTIONS, HttpClient, HttpFailed
from tongban.federation.carriers.settings import HttpCarrier
from tongban.federation.exchange import frames
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import PeerUnavailable, Terms
from tongban.federation.exchange.endpoints import EndpointState
from tongban.federation.exchange.places import answered_attempt, attempt

log = logging.getLogger(__name__)

_FEW = 4
_GATHER_SECONDS = 0.002
"""From so few POSTs under way on, the next gathers for so long."""

_BUSY_SECONDS = 1.0
"""When to ask again a peer for which as many wait as may."""

_MARGIN_SECONDS = 5.0
"""How long after its askers have left a POST may still wait, and a response go on that owes nothing any more."""


class HttpPosts:
    """Carries questions to peers, to each at an address of its own."""

    def __init__(self, peers: Mapping[str, HttpCarrier], home: Path, asking: Asking, most_waiting: int) -> None:
        """Prepare the ways. Raises a ValueError if a file that the settings name is not what it should be."""
        self._peers = {
            peer: _Posts(peer, HttpClient(chosen, home), asking, most_waiting) for peer, chosen in peers.items()
        }

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        return Terms()

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions; return when they are on their way.

        Raises:
            PeerUnavailable: they cannot leave.
            Refusal: PEER_BUSY, too many wait already.
        """
        await self._peers[peer].put(questions)

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Tell the peer that nobody waits for these answers any more."""
        self._peers[peer].cancel(attempts)

    def kind(self, peer: str) -> str:
        """Return the name of the carrier that serves a peer."""
        return "http"

    def endpoints(self, peer: str) -> Sequence[EndpointState]:
        """Return nothing: nothing is dialled that could be left alone for a while."""
        return ()

    def problem(self, peer: str) -> str | None:
        """Return None if the last POST to a peer was answered, else why not; empty if there was none yet."""
        return self._peers[peer].problem

    async def close(self) -> None:
        """End what is under way."""
        await asyncio.gather(*(posts.close() for posts in self._peers.values()))


@dataclass(slots=True, eq=False)
class _Leaving:
    """A question that waits for its POST."""

    id: str
    question: Question
    left: "asyncio.Future[None]"


@dataclass(slots=True, eq=False)
class _Post:
    """A POST under way, and the questions to which it owes an answer."""

    due: set[str]
    task: "asyncio.Task[None] | None" = field(default=None)


class _Posts:
    """The POSTs to one peer."""

    def __init__(self, peer: str, client: HttpClient, asking: Asking, most_waiting: int) -> None:
        self.problem: str | None = ""
        self._peer = peer
        self._client = client
        self._asking = asking
        self._most_waiting = most_waiting
        self._waiting: list[_Leaving] = []
        self._cancelled: list[str] = []
        self._under_way: set[_Post] = set()
        self._slots = asyncio.Semaphore(MOST_CONNECTIONS)
        self._posting: asyncio.Task[None] | None = None

    async def put(self, questions: Sequence[Question]) -> None:
        """Have questions leave, and wait until they do.

        Raises:
            PeerUnavailable: there is no connection.
            Refusal: PEER_BUSY.
        """
        if len(self._waiting) > self._most_waiting:
            facts = {"member": self._peer, "waiting": str(self._most_waiting)}
            raise Refusal(codes.PEER_BUSY, facts, retry_seconds=_BUSY_SECONDS)
        loop = asyncio.get_running_loop()
        leaving = [_Leaving(attempt(question), question, loop.create_future()) for question in questions]
        self._waiting += leaving
        self._wake()
        try:
            for one in leaving:
                await one.left
        finally:
            self._waiting = [one for one in self._waiting if one not in leaving]

    def cancel(self, attempts: Sequence[str]) -> None:
        """Have the peer told that nobody waits for these; a POST for which nobody waits any more ends."""
        for post in list(self._under_way):
            cancelled = post.due.intersection(attempts)
            post.due -= cancelled
            self._cancelled += cancelled
            if cancelled and not post.due and post.task is not None:
                post.task.cancel()
        self._wake()

    async def close(self) -> None:
        """End what is under way."""
        tasks = [self._posting, *(post.task for post in self._under_way)]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._client.close()

    def _wake(self) -> None:
        idle = self._posting is None or self._posting.done()
        if idle and (self._waiting or self._cancelled):
            self._posting = asyncio.create_task(self._post_all(), name=f"posting to {self._peer}")

    async def _post_all(self) -> None:
        """Begin POSTs until nothing waits; what comes while all connections are in use leaves together."""
        while self._waiting or self._cancelled:
            if len(self._under_way) >= _FEW:
                await asyncio.sleep(_GATHER_SECONDS)
            await self._slots.acquire()
            batch = frames.taken(self._waiting, lambda one: one.question.ByteSize())
            post = _Post({one.id for one in batch})
            self._under_way.add(post)
            post.task = asyncio.create_task(self._post(post, batch, frames.taken(self._cancelled)))
            post.task.add_done_callback(partial(self._ended, post, batch))

    def _ended(self, post: _Post, batch: list[_Leaving], task: "asyncio.Task[None]") -> None:
        """Give its slot back, also that of a POST that was cancelled before it began."""
        self._under_way.discard(post)
        self._slots.release()
        post.due -= _stay(batch)
        self._asking.lost(self._peer, post.due)

    async def _post(self, post: _Post, batch: list[_Leaving], cancelled: list[str]) -> None:
        try:
            self.problem = await self._exchange(post, batch, cancelled)
        except Exception:
            log.exception("POST to %s", self._peer)
            self.problem = "a POST failed here; the node's log says why"

    async def _exchange(self, post: _Post, batch: list[_Leaving], cancelled: list[str]) -> str | None:
        """Post a batch and pass the answers on; return what went wrong."""
        request = LinkRequest(questions=[one.question for one in batch], cancelled=cancelled)
        seconds = _MARGIN_SECONDS + max((one.question.timeout_ms / 1000 for one in batch), default=0.0)
        response = self._client.post(request.SerializeToString(), seconds, lambda: _leave(batch))
        try:
            async with aclosing(response):
                await self._read(post, response)
        except HttpFailed as error:
            return str(error)
        except DecodeError:
            return f"{self._client.url} answers with something else than a node's answers"
        return f"{self._client.url} ended its answer before it was whole" if post.due else None

    async def _read(self, post: _Post, response: AsyncGenerator[bytes, None]) -> None:
        """Take answers until the response ends, or goes on although nothing is due."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if post.due else _MARGIN_SECONDS) as rest:
                async for frame in response:
                    if not post.due:
                        return
                    answers = LinkResponse.FromString(frame).answers
                    post.due.difference_update(answered_attempt(answer) for answer in answers)
                    self._asking.answered(self._peer, answers)
                    if not post.due:
                        rest.reschedule(loop.time() + _MARGIN_SECONDS)


def _leave(batch: list[_Leaving]) -> None:
    for one in batch:
        if not one.left.done():
            one.left.set_result(None)


def _stay(batch: list[_Leaving]) -> set[str]:
    """Tell those whose questions never left; return their ids."""
    staying = [one for one in batch if not one.left.done()]
    for one in staying:
        one.left.set_exception(PeerUnavailable())
        one.left.exception()  # Whoever waited may have gone.
    return {one.id for one in staying}

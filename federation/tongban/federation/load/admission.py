"""What a node takes on at the same time. It turns away before any work: no decoding, no evidence, no signature.

Short calls, streams that last, and peers' questions have places of their own, so that none of them takes those of
the others.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Reply
from tongban.federation.load.slots import Slots, Turns
from tongban.federation.settings import Limits

Ask = Callable[[Call], Awaitable[Reply]]
Release = Callable[[], None]

_SPREAD = 0.618
"""Seconds by which each call that is turned away comes later than the last, modulo one: evenly, never all at once."""

_BUSY_SECONDS = 1.0


class Admission:
    """Counts what is under way at a node, and turns away what is too much."""

    def __init__(self, limits: Limits) -> None:
        self.calls = Slots(limits.calls, limits.window_calls)
        self.streams = Slots(limits.streams, limits.window_streams)
        self.question_streams = Slots(limits.question_streams, limits.peer_question_streams)
        self.questions = Slots(limits.questions, limits.peer_questions)
        self._turns = Turns(self.questions)
        self._forwarded = Slots(limits.calls, limits.peer_calls)
        self._forwarded_streams = Slots(limits.streams, limits.peer_streams)
        self._slow = Slots(sys.maxsize, limits.questions)
        self.shed = 0
        """Calls turned away, and questions dropped whose asker had left, since the node started."""
        self.unproven = 0
        """Questions by HTTP dropped since the node started because no member of the directory sealed them."""

    def window(self, who: str, lasting: bool) -> Release:
        """Take a place for a call of a window, whoever it says it is; return what gives it back.

        Raises:
            Refusal: OVERLOADED, with the seconds until it may be asked again.
        """
        slots = self.streams if lasting else self.calls
        if not slots.take(who):
            name = "streams" if lasting else "calls"
            raise self._overloaded(slots, name, f"window_{name}")
        return lambda: slots.give_back(who)

    def stream(self, peer: str) -> Release:
        """Take a place for a stream that a peer opens; return what gives it back.

        Raises:
            Refusal: OVERLOADED, with the seconds until it may be asked again.
        """
        slots = self.question_streams
        if not slots.take(peer):
            raise self._overloaded(slots, "question_streams", "peer_question_streams")
        return lambda: slots.give_back(peer)

    @contextmanager
    def forwarded(self, peer: str, *, slow: bool = False) -> Iterator[None]:
        """Have a call under way to a peer: a slow one must not take the places of calls to all others.

        Where the answer may take hours, by the carrier's terms, each peer has places that are for nothing else.

        Raises:
            Refusal: PEER_BUSY, with the seconds until it may be asked again.
        """
        release = _to_peer(self._slow if slow else self._forwarded, peer)
        try:
            yield
        finally:
            release()

    def forwarded_stream(self, peer: str) -> Release:
        """Take a place for a stream to a peer, of which the same is true; return what gives it back.

        Raises:
            Refusal: PEER_BUSY, with the seconds until it may be asked again.
        """
        return _to_peer(self._forwarded_streams, peer)

    def at_peers_door(self, ask: Ask) -> Ask:
        """Return what answers a peer's question when there is a place for it, and never if its asker has left by then.

        A question that waits keeps its place on its link, which is read no further when all of them are taken. One
        that is passed on by files gives its place here back at once.
        """

        async def ask_in_turn(call: Call) -> Reply:
            who = _asking(call)
            if not (self.questions.take(who) or await self._waited(who, call.seconds)):
                return Reply()
            with ExitStack() as place:
                place.callback(self._turns.give_back, who)
                return await ask(replace(call, give_way=place.close))

        return ask_in_turn

    async def _waited(self, who: str, seconds: float) -> bool:
        """Wait for a place; return whether there was one in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._turns.take(who)
        except TimeoutError:
            self.shed += 1
            return False
        return True

    def _overloaded(self, slots: Slots, of_all: str, of_each: str) -> Refusal:
        self.shed += 1
        limit, most = (of_all, slots.most) if slots.full else (of_each, slots.most_each)
        again = 0.5 + self.shed * _SPREAD % 1
        return Refusal(codes.OVERLOADED, {"limit": limit, "most": str(most)}, retry_seconds=again)


def _to_peer(slots: Slots, peer: str) -> Release:
    if not slots.take(peer):
        facts = {"member": peer, "waiting": str(slots.most_each)}
        raise Refusal(codes.PEER_BUSY, facts, retry_seconds=_BUSY_SECONDS)
    return lambda: slots.give_back(peer)


def _asking(call: Call) -> str:
    """Return the member whose places a question takes: whose connection or folder it is, or else who has sealed it."""
    return call.brought_by or (call.question.header.sender if call.question else "")

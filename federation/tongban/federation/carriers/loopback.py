"""The way to oneself: a member that handles its own matters asks itself, by the same messages as any peer."""

import asyncio
from collections.abc import Sequence

from tongban.api.exchange.v1.exchange_pb2 import Question
from tongban.federation.exchange.answering import Ask, answer
from tongban.federation.exchange.asking import Asking
from tongban.federation.exchange.carrier import Carrier, Terms


class Loopback:
    """Carries questions to this member itself, and all others by another carrier."""

    def __init__(self, member: str, asking: Asking, ask: Ask, others: Carrier) -> None:
        self._member = member
        self._asking = asking
        self._ask = ask
        self._others = others
        self._under_way: set[asyncio.Task[None]] = set()

    def terms(self, peer: str) -> Terms:
        """Return on what terms a peer is served."""
        return Terms() if peer == self._member else self._others.terms(peer)

    async def send(self, peer: str, questions: Sequence[Question]) -> None:
        """Hand over questions."""
        if peer != self._member:
            await self._others.send(peer, questions)
            return
        for question in questions:
            task = asyncio.create_task(self._answer(question))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def cancel(self, peer: str, attempts: Sequence[str]) -> None:
        """Tell a peer that nobody waits for these answers any more."""
        if peer != self._member:
            self._others.cancel(peer, attempts)

    async def _answer(self, question: Question) -> None:
        answered = await answer(self._ask, question, self._member)
        if answered is not None:
            self._asking.answered(self._member, [answered])

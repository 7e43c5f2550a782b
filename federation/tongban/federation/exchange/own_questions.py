"""Questions that a node asks peers of its own accord: to deliver acts and events, to fetch materials.

They leave evidence like any other exchange, but for what every member may know; what an answer changes is written
together with it.
"""

from collections.abc import Callable

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.calls import Exchanged, Outcome, Step, writes
from tongban.federation.exchange.asking import Asking, NotAnswered
from tongban.federation.exchange.carrier import Terms
from tongban.federation.flush import Flush
from tongban.federation.policies import recorded
from tongban.federation.store.units import Unit


class OwnQuestions:
    """Asks peers and records it."""

    def __init__(self, asking: Asking, flush: Flush, clock: Clock, seconds: float) -> None:
        self._asking = asking
        self._flush = flush
        self._clock = clock
        self._seconds = seconds

    def terms(self, peer: str, method: str) -> Terms:
        """Return on what terms a peer is asked. Raises a Refusal, CARRIER_SLOW, if it cannot be."""
        return self._asking.terms(peer, method)

    async def ask(
        self,
        peer: str,
        method: str,
        context: CallContext,
        body: bytes,
        *,
        message_id: str = "",
        then: Callable[[Refusal | None], Step] = lambda refusal: Step(),
    ) -> bytes:
        """Return a peer's answer, after it is recorded together with the step that follows from it.

        Raises:
            Refusal: the peer's; or PEER_UNAVAILABLE and others before anything left, which leave no record.
        """
        try:
            exchanged, answer = await self._asking.ask(
                peer, method, context, body, self._seconds, message_id=message_id
            )
        except NotAnswered as error:
            await self._record(error.exchanged, Outcome(refusal=error.refusal), then(error.refusal))
            raise error.refusal from None
        except Refusal as refusal:
            await self._write(then(refusal))
            raise
        await self._record(exchanged, Outcome(answer), then(None))
        return answer

    async def _record(self, exchanged: Exchanged, outcome: Outcome, step: Step) -> None:
        if recorded(exchanged.header.method):
            record = evidence.asked(exchanged, outcome, self._clock())
            step = step.then(writes(Unit(evidence=(record.SerializeToString(),))))
        await self._write(step)

    async def _write(self, step: Step) -> None:
        if not step.empty:
            await self._flush.put(step)

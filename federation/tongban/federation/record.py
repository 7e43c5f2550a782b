"""The record step: evidence is durable, together with what the call changed, before the reply leaves."""

from collections.abc import Sequence
from contextlib import suppress

from tongban.api.common.v1.common_pb2 import Seal
from tongban.core import codes
from tongban.core.errors import Refusal, status_of
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.calls import Call, Caller, Exchanged, Outcome, Question, Reply, Step, writes
from tongban.federation.exchange import messages
from tongban.federation.exchange.messages import Unsealed
from tongban.federation.exchange.recent import Recent
from tongban.federation.exchange.streams import Streams
from tongban.federation.flush import Flush
from tongban.federation.load.unproved import Unproved
from tongban.federation.policies import is_lookup, recorded
from tongban.federation.refusing import refusal_for
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Unit


class Recording:
    """Turns what came of a call into a reply that has been recorded."""

    def __init__(self, member: str, flush: Flush, recent: Recent, streams: Streams, clock: Clock) -> None:
        self._member = member
        self._flush = flush
        self._recent = recent
        self._streams = streams
        self._unproved = Unproved()
        self._clock = clock

    async def record(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> Reply:
        """Record what came of a call; return what leaves.

        Raises:
            Lost: another call was faster, so that it has to be decided again.
            StoreFailed: nothing could be recorded.
        """
        if outcome.stream is not None and outcome.exchanged is not None:
            return Reply(stream=outcome.stream)  # A stream to a peer is opened and recorded at once.
        if outcome.stream is not None and is_lookup(call.method):
            return await self._streams.open(call, caller, row, outcome)
        if call.question is None:
            return await self._local(call, caller, row, outcome)
        if outcome.exchanged is not None and outcome.refusal is None:
            return await self._relayed(call.question, outcome.exchanged)
        return await self._answer(call, call.question, caller, row, outcome)

    async def left(self, call: Call, caller: Caller, row: str) -> None:
        """Record that a caller left before there was a reply, if that can be recorded."""
        with suppress(StoreFailed):
            await self.record(call, caller, row, Outcome(refusal=Refusal(codes.CALLER_LEFT)))

    async def unrecorded(self, call: Call, error: Exception) -> Reply:
        """Refuse a call whose evidence cannot be kept: without evidence, nothing was answered."""
        refusal = refusal_for(error, self._member)
        if call.question is None:
            return Reply(refusal=refusal)
        answer = self._unsealed(call, call.question, Outcome(refusal=refusal))
        return Reply(sealed=answer.sealed(await self._flush.seal(answer.leaf)))

    async def _local(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> Reply:
        replies: list[Reply] = []

        def record(done: Outcome) -> Step:
            replies.append(Reply(done.body, done.stream, done.refusal.at(self._member) if done.refusal else None))
            return self._evidence(call, caller, row, done)

        step = outcome.then(record)
        if step.empty:
            outcome.after()
        else:
            await self._flush.put(step, outcome.after)
        return replies[0]

    async def _answer(self, call: Call, asked: Question, caller: Caller, row: str, outcome: Outcome) -> Reply:
        """Seal the answer to a peer and record it with its question; the sealed answer is what leaves."""
        claims = self._recent.claim(asked.header) if caller.member else ()
        replies: list[Reply] = []

        def record(done: Outcome) -> Step:
            answer = self._unsealed(call, asked, done)

            def unit_of(seals: Sequence[Seal]) -> Unit:
                sealed, now = answer.sealed(seals[0]), self._clock()
                replies.append(Reply(sealed=sealed))
                if not self._leaves_a_record(call, asked, caller, done):
                    return Unit()
                kept = evidence.answered(asked, sealed, answer.held, done, row, now)
                if not caller.member:
                    evidence.make_unproved(kept, call.brought_by)
                return Unit(claims=claims, evidence=(kept.SerializeToString(),))

            return Step([answer.leaf], unit_of)

        await self._flush.put(outcome.then(record), outcome.after)
        return replies[0]

    def _leaves_a_record(self, call: Call, asked: Question, caller: Caller, outcome: Outcome) -> bool:
        if caller.member or outcome.refusal is None:
            return outcome.refusal is not None or recorded(asked.header.method)
        return outcome.refusal.code is not codes.QUOTA_EXCEEDED and self._unproved.recorded(call.brought_by)

    async def _relayed(self, asked: Question, exchanged: Exchanged) -> Reply:
        """Record that a question was passed on and its answer back; what the peer sealed leaves as it came."""
        if recorded(asked.header.method):
            record = evidence.relayed(exchanged, self._clock()).SerializeToString()
            await self._flush.put(writes(Unit(claims=self._recent.claim(asked.header), evidence=(record,))))
        return Reply(sealed=exchanged.answer)

    def _evidence(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> Step:
        if not caller.member or not recorded(call.method):
            return Step()  # A stranger at the windows' door leaves no record: nothing was asked of anybody.
        if outcome.exchanged is not None:
            record = evidence.asked(outcome.exchanged, outcome, self._clock())
        else:
            record = evidence.local(call, caller, outcome, self._member, row, self._clock())
        return writes(Unit(evidence=(record.SerializeToString(),)))

    def _unsealed(self, call: Call, asked: Question, outcome: Outcome) -> Unsealed:
        status, body = 0, outcome.body
        if outcome.refusal is not None:
            refusal = outcome.refusal.at(self._member)
            status, body = refusal.code.status, status_of(refusal).SerializeToString()
        key = asked.opened.answer_key if asked.opened else None
        return messages.answer(
            asked.message, asked.header, self._member, body, status, self._clock(), key, call.trailing
        )

"""A node is a function: a call comes in, one way leads through, a reply goes out.

    authenticate → locate → authorize → handle | forward → record → reply

`Node.ask` is that way. It knows no transport and no carrier: time, keys, store and network are passed in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tongban.api.common.v1.common_pb2 import Seal
from tongban.core import codes
from tongban.core.encryption import DecryptionKeys
from tongban.core.errors import Refusal, status_of
from tongban.core.times import Clock
from tongban.federation import evidence
from tongban.federation.authenticate import Authenticator
from tongban.federation.authorize import authorize
from tongban.federation.calls import Call, Caller, Exchanged, Opened, Outcome, Question, Reply, Step, writes
from tongban.federation.exchange import bodies, messages
from tongban.federation.exchange.asking import Asking, NotAnswered
from tongban.federation.exchange.attempts import Attempts
from tongban.federation.exchange.messages import Unsealed
from tongban.federation.exchange.recent import Recent
from tongban.federation.exchange.relaying import Relay
from tongban.federation.exchange.stream_asking import StreamAsking
from tongban.federation.exchange.streams import Streams
from tongban.federation.flush import Flush
from tongban.federation.load.admission import Admission
from tongban.federation.load.quotas import Quotas
from tongban.federation.locate import Place, locate
from tongban.federation.policies import is_lookup, recorded
from tongban.federation.refusing import refusal_for
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.units import Lost, Unit
from tongban.federation.trust.keeper import Keeper

Handle = Callable[[Caller, Call], Awaitable[Outcome]]
"""Answers one method at this node."""

MOST_DECISIONS = 20
"""How often a call decides again after another one was faster, before it gives up."""


class Node:
    """One running node of a member."""

    def __init__(
        self,
        member: str,
        authenticator: Authenticator,
        keeper: Keeper,
        recent: Recent,
        flush: Flush,
        asking: Asking,
        quotas: Quotas,
        admission: Admission,
        streams: Streams,
        stream_asking: StreamAsking,
        handlers: Mapping[str, Handle],
        clock: Clock,
        decryption: DecryptionKeys,
        relay: Relay,
    ) -> None:
        self.member = member
        self._authenticator = authenticator
        self._keeper = keeper
        self._recent = recent
        self._flush = flush
        self._asking = asking
        self._quotas = quotas
        self._admission = admission
        self._streams = streams
        self._stream_asking = stream_asking
        self._handlers = handlers
        self._clock = clock
        self._decryption = decryption
        self._relay = relay

    async def ask(self, call: Call) -> Reply:
        """Take one call through the node. A refusal takes the same way out as an answer."""
        caller, row, quota = Caller(""), "", self._quotas.begin()
        for _ in range(MOST_DECISIONS):
            try:
                caller = caller if caller.member else self._authenticator.authenticate(call)
                place = locate(call, self._keeper.view, self.member, self._clock(), self._handlers)
                call = self._opened(call, place)
                row = authorize(call, caller, place, self._keeper.view, self._clock(), quota, self._relay)
                outcome = await (self._handle(caller, call, row) if place.here else self._forward(caller, call, place))
            except Exception as error:
                outcome = Outcome(refusal=refusal_for(error, self.member))
            try:
                return await self._record(call, caller, row, outcome)
            except Lost:
                continue  # Somebody else was faster: decide again from what stands now.
            except StoreFailed as error:
                return await self._unrecorded(call, error)
        return await self._unrecorded(call, RuntimeError("other calls were always faster"))

    async def _handle(self, caller: Caller, call: Call, row: str) -> Outcome:
        handler = self._handlers.get(call.method)
        if handler is None:
            raise Refusal(codes.METHOD_UNKNOWN, {"method": call.method, "member": self.member})
        try:
            outcome = await handler(caller, call)
        except asyncio.CancelledError:
            await self._record_left(call, caller, row)
            raise
        if call.streamed and outcome.stream is None:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": "a call with one answer"})
        if call.question is not None:
            messages.check_size("the answer", outcome.body)
        return outcome

    def _opened(self, call: Call, place: Place) -> Call:
        """Return a call with what its asker encrypted for this member."""
        asked = call.question
        if asked is None or not place.here or asked.opened or not asked.header.HasField("encryption"):
            return call
        if call.streamed:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": "an encrypted question"})
        body, held = bodies.opened(asked.header, call.body, self._decryption)
        opened = Opened(held, self._keeper.view.encryption_key(asked.header.sender))
        return replace(call, body=body, question=replace(asked, opened=opened))

    async def _forward(self, caller: Caller, call: Call, place: Place) -> Outcome:
        """Ask the peer, or pass on what another one asks it."""
        if call.question is None and place.streams:
            return await self._stream_asking.open(caller, call, place.member)
        if call.question is None:
            return await self._ask_peer(caller, call, place)
        if call.streamed:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": "a relay"})
        try:
            with self._admission.forwarded(place.member):
                return await self._relay.pass_on(call.question, call.seconds)
        except asyncio.CancelledError:
            await self._record_left(call, caller, "")
            raise

    async def _ask_peer(self, caller: Caller, call: Call, place: Place) -> Outcome:
        """Ask the peer; an attempt that did not reach it is recorded, and followed by another while there is time."""
        attempts = Attempts(call.seconds)
        with self._admission.forwarded(place.member):
            while True:
                outcome = await self._attempt(caller, call, place, attempts.left)
                pause = attempts.pause_after(outcome)
                if pause is None:
                    return outcome
                await self._record(call, caller, "", outcome)
                await asyncio.sleep(pause)

    async def _attempt(self, caller: Caller, call: Call, place: Place, seconds: float) -> Outcome:
        try:
            exchanged, body = await self._asking.ask(
                place.member, call.method, call.context, call.body, seconds, window=caller.window
            )
        except NotAnswered as error:
            call.trailing[:] = error.exchanged.trailing
            return Outcome(exchanged=error.exchanged, refusal=error.refusal)
        except Refusal as refusal:
            return Outcome(refusal=refusal)
        call.trailing[:] = exchanged.trailing
        return Outcome(body=body, exchanged=exchanged)

    async def _record(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> Reply:
        """Make the evidence durable together with what the call changed; only then may the reply leave."""
        if outcome.stream is not None and outcome.exchanged is not None:
            return Reply(stream=outcome.stream)  # A stream to a peer is opened and recorded at once.
        if outcome.stream is not None and is_lookup(call.method):
            return await self._streams.open(call, caller, row, outcome)
        if call.question is not None and outcome.exchanged is not None and outcome.refusal is None:
            return await self._record_relayed(call.question, outcome.exchanged)
        if call.question is not None:
            return await self._record_answer(call, call.question, caller, row, outcome)
        replies: list[Reply] = []

        def record(done: Outcome) -> Step:
            replies.append(Reply(done.body, done.stream, done.refusal.at(self.member) if done.refusal else None))
            return self._evidence(call, caller, row, done)

        step = outcome.then(record)
        if step.empty:
            outcome.after()
        else:
            await self._flush.put(step, outcome.after)
        return replies[0]

    async def _record_answer(self, call: Call, asked: Question, caller: Caller, row: str, outcome: Outcome) -> Reply:
        """Seal the answer to a peer and record it with its question; the sealed answer is what leaves."""
        claims = self._recent.claim(asked.header) if caller.member else ()
        replies: list[Reply] = []

        def record(done: Outcome) -> Step:
            answer = self._unsealed(call, asked, done)

            def unit_of(seals: Sequence[Seal]) -> Unit:
                sealed, now = answer.sealed(seals[0]), self._clock()
                replies.append(Reply(sealed=sealed))
                if not (done.refusal or recorded(asked.header.method)):
                    return Unit()
                kept = evidence.answered(asked, sealed, answer.held, done, row, now)
                return Unit(claims=claims, evidence=(kept.SerializeToString(),))

            return Step([answer.leaf], unit_of)

        await self._flush.put(outcome.then(record), outcome.after)
        return replies[0]

    async def _record_relayed(self, asked: Question, exchanged: Exchanged) -> Reply:
        """Record that a question was passed on and its answer back; what the peer sealed leaves as it came."""
        if recorded(asked.header.method):
            record = evidence.relayed(exchanged, self._clock()).SerializeToString()
            await self._flush.put(writes(Unit(claims=self._recent.claim(asked.header), evidence=(record,))))
        return Reply(sealed=exchanged.answer)

    async def _record_left(self, call: Call, caller: Caller, row: str) -> None:
        with suppress(StoreFailed):
            await self._record(call, caller, row, Outcome(refusal=Refusal(codes.CALLER_LEFT)))

    def _evidence(self, call: Call, caller: Caller, row: str, outcome: Outcome) -> Step:
        if not caller.member or not recorded(call.method):
            return Step()  # A stranger at the windows' door leaves no record: nothing was asked of anybody.
        if outcome.exchanged is not None:
            record = evidence.asked(outcome.exchanged, outcome, self._clock())
        else:
            record = evidence.local(call, caller, outcome, self.member, row, self._clock())
        return writes(Unit(evidence=(record.SerializeToString(),)))

    def _unsealed(self, call: Call, asked: Question, outcome: Outcome) -> Unsealed:
        status, body = 0, outcome.body
        if outcome.refusal is not None:
            refusal = outcome.refusal.at(self.member)
            status, body = refusal.code.status, status_of(refusal).SerializeToString()
        key = asked.opened.answer_key if asked.opened else None
        return messages.answer(
            asked.message, asked.header, self.member, body, status, self._clock(), key, call.trailing
        )

    async def _unrecorded(self, call: Call, error: Exception) -> Reply:
        """Refuse a call whose evidence cannot be kept: without evidence, nothing was answered."""
        refusal = refusal_for(error, self.member)
        if call.question is None:
            return Reply(refusal=refusal)
        answer = self._unsealed(call, call.question, Outcome(refusal=refusal))
        return Reply(sealed=answer.sealed(await self._flush.seal(answer.leaf)))

"""The forward step: the peer whose matter it is, is asked, or what another one asks it is passed on."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Outcome, Question
from tongban.federation.exchange.asking import Asking, NotAnswered
from tongban.federation.exchange.attempts import Attempts
from tongban.federation.exchange.relaying import Relay
from tongban.federation.exchange.stream_asking import StreamAsking
from tongban.federation.load.admission import Admission
from tongban.federation.locate import Place
from tongban.federation.policies import POLICIES
from tongban.federation.record import Recording


class Forwarder:
    """Brings calls to peers."""

    def __init__(
        self, asking: Asking, streams: StreamAsking, relay: Relay, admission: Admission, recording: Recording
    ) -> None:
        self._asking = asking
        self._streams = streams
        self._relay = relay
        self._admission = admission
        self._recording = recording

    async def forward(self, caller: Caller, call: Call, place: Place) -> Outcome:
        """Return what came of a call at the peer.

        Raises:
            Refusal: PEER_BUSY, STREAM_IMPOSSIBLE, and those of asking and relaying before anything left.
        """
        if call.question is not None:
            return await self._pass_on(caller, call, call.question, place)
        if not place.arity.unary:
            return await self._open(caller, call, place)
        return await self._ask(caller, call, place)

    async def _open(self, caller: Caller, call: Call, place: Place) -> Outcome:
        release = self._admission.forwarded_stream(place.member)
        try:
            outcome = await self._streams.open(caller, call, place.member, place.arity)
        except BaseException:
            release()
            raise
        return replace(outcome, stream=_released(outcome.stream, release) if outcome.stream else None)

    async def _pass_on(self, caller: Caller, call: Call, asked: Question, place: Place) -> Outcome:
        if call.streamed:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": "a relay"})
        slow = not self._asking.terms(place.member, call.method).at_once
        try:
            with self._admission.forwarded(place.member, slow=slow):
                if slow:
                    call.give_way()
                return await self._relay.pass_on(asked, call.seconds)
        except asyncio.CancelledError:
            await self._recording.left(call, caller, "")
            raise

    async def _ask(self, caller: Caller, call: Call, place: Place) -> Outcome:
        """Ask the peer; an attempt that did not reach it is recorded, and followed by another while there is time."""
        attempts = Attempts(call.seconds, call.method in POLICIES or place.arity.idempotent)
        with self._admission.forwarded(place.member):
            while True:
                outcome = await self._attempt(caller, call, place, attempts.left)
                pause = attempts.pause_after(outcome)
                if pause is None:
                    return outcome
                await self._recording.record(call, caller, "", outcome)
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


async def _released(stream: AsyncGenerator[bytes, None], release: Callable[[], None]) -> AsyncGenerator[bytes, None]:
    """Yield the answers, and give the stream's place back at its end; whoever gets the reply begins it at once."""
    try:
        async with aclosing(stream):
            async for answer in stream:
                yield answer
    finally:
        release()

"""A node is a function: a call comes in, one way leads through, a reply goes out.

    authenticate → locate → authorize → handle | forward → record → reply

`Node.ask` is that way. It knows no transport and no carrier: time, keys, store and network are passed in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from tongban.core import codes
from tongban.core.encryption import DecryptionKeys
from tongban.core.errors import Refusal
from tongban.core.times import Clock
from tongban.federation.authenticate import Authenticator
from tongban.federation.authorize import authorize
from tongban.federation.calls import Call, Caller, Opened, Outcome, Reply
from tongban.federation.exchange import bodies, messages
from tongban.federation.exchange.relaying import Relay
from tongban.federation.forward import Forwarder
from tongban.federation.load.quotas import Quota, Quotas
from tongban.federation.locate import Place, locate
from tongban.federation.record import Recording
from tongban.federation.refusing import refusal_for
from tongban.federation.store.units import Lost
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
        keeper: Keeper,
        authenticator: Authenticator,
        decryption: DecryptionKeys,
        quotas: Quotas,
        relay: Relay,
        handlers: Mapping[str, Handle],
        forwarder: Forwarder,
        recording: Recording,
        clock: Clock,
    ) -> None:
        self.member = member
        self._keeper = keeper
        self._authenticator = authenticator
        self._decryption = decryption
        self._quotas = quotas
        self._relay = relay
        self._handlers = handlers
        self._forwarder = forwarder
        self._recording = recording
        self._clock = clock

    async def ask(self, call: Call) -> Reply:
        """Take one call through the node. A refusal takes the same way out as an answer."""
        caller, row, quota = Caller(""), "", self._quotas.begin()
        for _ in range(MOST_DECISIONS):
            try:
                caller = caller if caller.member else self._authenticated(call, quota)
                quota.of_caller(call.door, caller)
                place = locate(call, self._keeper.view, self.member, self._clock(), self._handlers)
                call = self._opened(call, place)
                row = authorize(call, caller, place, self._keeper.view, self._clock(), quota, self._relay)
                step = self._handle(caller, call, row) if place.here else self._forwarder.forward(caller, call, place)
                outcome = await step
            except Exception as error:
                outcome = Outcome(refusal=refusal_for(error, self.member))
            try:
                return await self._recording.record(call, caller, row, outcome)
            except Lost:
                continue  # Somebody else was faster: decide again from what stands now.
            except Exception as error:  # The store's, or of what a plugin put into the reply.
                return await self._recording.unrecorded(replace(call, trailing=[]), error)
        return await self._recording.unrecorded(call, RuntimeError("other calls were always faster"))

    def _authenticated(self, call: Call, quota: Quota) -> Caller:
        """Return who makes a call. What cannot be believed counts against the member whose connection brought it."""
        try:
            return self._authenticator.authenticate(call)
        except Refusal:
            if call.brought_by:
                quota.of_caller(call.door, Caller(call.brought_by))
            raise

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

    async def _handle(self, caller: Caller, call: Call, row: str) -> Outcome:
        handler = self._handlers.get(call.method)
        if handler is None:
            raise Refusal(codes.METHOD_UNKNOWN, {"method": call.method, "member": self.member})
        try:
            outcome = await handler(caller, call)
        except asyncio.CancelledError:
            await self._recording.left(call, caller, row)
            raise
        if call.streamed and outcome.stream is None:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": "a call with one answer"})
        if call.question is not None:
            messages.check_size("the answer", outcome.body)
        return outcome

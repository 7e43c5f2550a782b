"""The doors of a node on grpc.aio: every method is served as bytes, by a handler for its way of streaming."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

import grpc
from google.protobuf import descriptor_pool

from tongban.core import codes
from tongban.core.arity import UNARY, Arity
from tongban.core.errors import Refusal
from tongban.federation.arities import Arities
from tongban.federation.calls import Call, Door, Reply
from tongban.federation.policies import POLICIES
from tongban.federation.transport import replies
from tongban.federation.transport.replies import Context
from tongban.federation.transport.under_way import UnderWay

Ask = Callable[[Call], Awaitable[Reply]]
Admit = Callable[[str, bool], Callable[[], None]]
"""Takes a place for a call, by the token that its caller shows, and whether it lasts; returns what gives it back."""

_Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"

_MAKERS: dict[tuple[bool, bool], Callable[..., "_Handler"]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
"""By whether requests and answers stream."""


def _everybody(token: str, lasting: bool) -> Callable[[], None]:
    return lambda: None


class CallDoor(grpc.GenericRpcHandler):
    """A door by which calls come in: the windows' or the operators'."""

    def __init__(
        self,
        door: Door,
        member: str,
        ask: Ask,
        under_way: UnderWay,
        admit: Admit = _everybody,
        arities: Arities | None = None,
    ) -> None:
        """Take what answers calls, and what knows the methods of plugins and of other members, if any come here."""
        self._door = door
        self._member = member
        self._ask = ask
        self._under_way = under_way
        self._admit = admit
        self._arities = arities
        declared = {name: _declared(name) for name, policy in POLICIES.items() if door in policy.doors}
        self._own = {name: self._handler(name, arity) for name, arity in declared.items()}
        self._streams: set[asyncio.Task[object]] = set()
        self._stopping = False

    def service(self, details: grpc.HandlerCallDetails) -> "_Handler":
        """Return the handler of a method; one that nobody knows is taken for a unary one."""
        own = self._own.get(details.method)
        return own or self._handler(details.method, self._arity(details))

    def stop_streams(self) -> None:
        """End the streams that would otherwise last as long as their callers."""
        self._stopping = True
        for task in self._streams:
            task.cancel()

    def _arity(self, details: grpc.HandlerCallDetails) -> Arity:
        if self._arities is None:
            return UNARY
        return self._arities.arity(details.method, replies.asked_member(details.invocation_metadata or ()))

    def _handler(self, method: str, arity: Arity) -> "_Handler":
        async def one(request: object, context: Context) -> bytes:
            call = await self._call(method, arity, request, context)
            return await self._single(call, await self._asked(call, context), context)

        async def many(request: object, context: Context) -> None:
            call = await self._call(method, arity, request, context)
            await self._write(call, await self._asked(call, context), context)

        make = _MAKERS[arity.requests_stream, arity.answers_stream]
        return make(many if arity.answers_stream else one)

    async def _call(self, method: str, arity: Arity, request: object, context: Context) -> Call:
        try:
            shown = replies.shown(context)
            self._under_way.add(context, self._admit(shown.token, not arity.unary))
            body = request if isinstance(request, bytes) else b""
            replies.check_method(method)
            replies.check_size(body)
            said = replies.call_context(shown.context)
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member)
            raise
        seconds = replies.seconds(context, streams=not arity.unary)
        return Call(
            door=self._door,
            method=method,
            body=body,
            context=said,
            seconds=seconds,
            token=shown.token,
            stream=_requests(context) if arity.requests_stream else None,
            cut=lambda: self._why(context, seconds),
        )

    async def _asked(self, call: Call, context: Context) -> Reply:
        reply = await self._ask(call)
        if reply.refusal is not None:
            await replies.refuse(context, reply.refusal, self._member, call.trailing)
        return reply

    async def _single(self, call: Call, reply: Reply, context: Context) -> bytes:
        """Return the one answer of a call, also of one that came on a stream."""
        answers: list[bytes] = []

        async def take(answer: bytes) -> None:
            answers.append(answer)

        if reply.stream is not None:
            await self._pass_on(call, reply.stream, context, take)
        context.set_trailing_metadata(tuple(call.trailing))
        return answers[0] if answers else reply.body

    async def _write(self, call: Call, reply: Reply, context: Context) -> None:
        """Write the answers of a call, each when the caller can take it."""
        if reply.stream is not None:
            await self._pass_on(call, reply.stream, context, context.write)
        context.set_trailing_metadata(tuple(call.trailing))

    async def _pass_on(
        self,
        call: Call,
        stream: AsyncGenerator[bytes, None],
        context: Context,
        take: Callable[[bytes], Awaitable[None]],
    ) -> None:
        task = asyncio.current_task()
        self._streams |= {task} if task else set()
        try:
            async with aclosing(stream):
                async for answer in stream:
                    await take(answer)
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member, call.trailing)
        except asyncio.CancelledError:
            if self._stopping and not context.cancelled():
                await replies.refuse(context, Refusal(codes.STOPPING), self._member)
            raise
        finally:
            self._streams -= {task} if task else set()

    def _why(self, context: Context, seconds: float) -> Refusal:
        """Return why a call is cut that is cancelled."""
        left = context.time_remaining()
        if left is not None and left <= 0:
            return Refusal(codes.DEADLINE, {"seconds": f"{seconds:.3g}"})
        stopped = self._stopping and not context.cancelled()
        return Refusal(codes.STOPPING if stopped else codes.CALLER_LEFT)


async def _requests(context: Context) -> AsyncIterator[bytes]:
    while isinstance(request := await context.read(), bytes):
        replies.check_size(request)
        yield request
    if context.cancelled():  # gRPC ends the requests of a caller that has left like those of one that has sent all.
        raise Refusal(codes.CALLER_LEFT)


def _declared(method: str) -> Arity:
    service, _, name = method[1:].rpartition("/")
    return Arity.of(descriptor_pool.Default().FindServiceByName(service).methods_by_name[name])

"""The doors of a node on grpc.aio: every method is served as bytes, by one handler for each way of streaming."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Door, Reply
from tongban.federation.policies import POLICIES
from tongban.federation.transport import replies
from tongban.federation.transport.replies import Context
from tongban.federation.transport.under_way import UnderWay

Ask = Callable[[Call], Awaitable[Reply]]

Admit = Callable[[str, bool], Callable[[], None]]
"""Takes a place for a call, by the token that its caller shows, and whether it lasts; returns what gives it back."""

_Handlers = dict[str, "grpc.RpcMethodHandler[bytes, bytes]"]


def _everybody(token: str, lasting: bool) -> Callable[[], None]:
    return lambda: None


class CallDoor(grpc.GenericRpcHandler):
    """A door by which calls come in: the windows' or the operators'."""

    def __init__(self, door: Door, member: str, ask: Ask, under_way: UnderWay, admit: Admit = _everybody) -> None:
        self._door = door
        self._member = member
        self._ask = ask
        self._under_way = under_way
        self._admit = admit
        self._handlers: _Handlers = {name: self._handler(name) for name, p in POLICIES.items() if door in p.doors}
        self._streams: set[asyncio.Task[object]] = set()

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return the handler of a method; one that this node does not know is taken for a unary look-up."""
        handler = self._handlers.get(details.method)
        return handler or grpc.unary_unary_rpc_method_handler(self._unary(details.method))

    def stop_streams(self) -> None:
        """End the streams that would otherwise last as long as their callers."""
        for task in self._streams:
            task.cancel()

    def _handler(self, method: str) -> "grpc.RpcMethodHandler[bytes, bytes]":
        descriptor = _descriptor(method)
        if descriptor.client_streaming:
            return grpc.stream_unary_rpc_method_handler(self._upload(method))
        if descriptor.server_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(method))
        return grpc.unary_unary_rpc_method_handler(self._unary(method))

    def _unary(self, method: str) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def unary(body: bytes, context: Context) -> bytes:
            return (await self._asked(method, body, context)).body

        return unary

    def _upload(self, method: str) -> Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]:
        async def upload(stream: AsyncIterator[bytes], context: Context) -> bytes:
            return (await self._asked(method, b"", context, stream, lasting=True)).body

        return upload

    def _stream(self, method: str) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
        async def stream(body: bytes, context: Context) -> AsyncIterator[bytes]:
            reply = await self._asked(method, body, context, lasting=True)
            async with self._lasting(context):
                async for part in reply.stream or _nothing():
                    yield part

        return stream

    async def _asked(
        self,
        method: str,
        body: bytes,
        context: Context,
        stream: AsyncIterator[bytes] | None = None,
        *,
        lasting: bool = False,
    ) -> Reply:
        self._under_way.add(context)
        try:
            release = self._admit(replies.token(context), lasting)
            context.add_done_callback(lambda done: release())  # type: ignore[arg-type]  # The stub knows no functions.
            call = self._call(method, body, context, stream)
        except Refusal as refusal:
            await replies.refuse(context, refusal, self._member)
            raise
        reply = await self._ask(call)
        if reply.refusal is not None:
            await replies.refuse(context, reply.refusal, self._member)
        return reply

    def _call(self, method: str, body: bytes, context: Context, stream: AsyncIterator[bytes] | None) -> Call:
        return Call(
            door=self._door,
            method=method,
            body=body,
            context=replies.call_context(context),
            seconds=replies.seconds(context),
            token=replies.token(context),
            stream=stream,
        )

    def _lasting(self, context: Context) -> "_Lasting":
        return _Lasting(self._streams, context, self._member)


class _Lasting:
    """A stream under way, which a stopping node ends with a sentence."""

    def __init__(self, streams: "set[asyncio.Task[object]]", context: Context, member: str) -> None:
        self._streams = streams
        self._context = context
        self._member = member
        self._task = asyncio.current_task()

    async def __aenter__(self) -> None:
        if self._task is not None:
            self._streams.add(self._task)

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._task is not None:
            self._streams.discard(self._task)
        if isinstance(error, asyncio.CancelledError) and not self._context.cancelled():
            await replies.refuse(self._context, Refusal(codes.STOPPING), self._member)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _descriptor(method: str) -> MethodDescriptor:
    service, _, name = method[1:].rpartition("/")
    return descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]

"""The scripted service on a plain grpc.aio server, and what a client sees of it there and through nodes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import Asked, ServiceError
from tongban.core.testing.federation import Federation

from ..scripted.tongban_scripted import METHODS, Script, Step, Told

SERVICE = "/scripted.v1.ScriptService"
PURPOSE = "照办"
_DETAILS = "grpc-status-details-bin"

Terms: TypeAlias = dict[str, Any]
_Context = grpc.aio.ServicerContext[Any, Any]
_MAKERS: dict[tuple[bool, bool], Any] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


@dataclass(frozen=True)
class Seen:
    """What a client sees of a call."""

    answers: tuple[bytes, ...]
    code: grpc.StatusCode
    details: str | None
    status: Status | None
    trailing: tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True)
class Way:
    """A channel to the service, and what a call needs besides."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str | bytes], ...] = ()

    def call(self, method: str, requests: Any, timeout: float | None = 20.0) -> Any:
        """Begin a call, as a stub does; `requests` is one, or an iterable of them if the method takes a stream."""
        client, server = METHODS[method]
        kind = f"{'stream' if client else 'unary'}_{'stream' if server else 'unary'}"
        make = getattr(self.channel, kind)
        stub = make(f"{SERVICE}/{method}", request_serializer=_bytes, response_deserializer=Told.FromString)
        return stub(requests, timeout=timeout, metadata=self.metadata)

    async def see(self, method: str, requests: Any, timeout: float | None = 20.0) -> Seen:
        """Make a call and return all that a client sees of it."""
        call, answers = self.call(method, requests, timeout), list[bytes]()
        try:
            if METHODS[method][1]:
                answers += [answer.SerializeToString() async for answer in call]
            else:
                answers.append((await call).SerializeToString())
        except grpc.aio.AioRpcError:
            pass  # The call says the same.
        return await seen(call, answers)


async def seen(call: Any, answers: Sequence[bytes]) -> Seen:
    """Return what a client has seen of a call that has ended."""
    trailing = tuple((key, value) for key, value in await call.trailing_metadata() or ())
    status = await grpc_status_of(call)
    plain = tuple(sorted(one for one in trailing if one[0] != _DETAILS))
    return Seen(tuple(answers), await call.code(), await call.details(), status, plain)


async def grpc_status_of(call: Any) -> Status | None:
    found = [value for key, value in await call.trailing_metadata() or () if key == _DETAILS]
    return Status.FromString(found[0]) if found else None


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


@asynccontextmanager
async def direct() -> AsyncIterator[Way]:
    """Serve the scripted service directly."""
    server, script = grpc.aio.server(), Script()
    handlers = {name: _handler(script, name) for name in METHODS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE[1:], handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Way(channel)
    await server.stop(None)


@asynccontextmanager
async def through(federation: Federation, member: str, to: str) -> AsyncIterator[Way]:
    """Reach the service of a member through the windows of another."""
    place = federation.places[member]
    credentials = grpc.ssl_channel_credentials(place.certificate.read_bytes())
    options = [("grpc.ssl_target_name_override", f"node.{member}.tongban")]
    context = CallContext(to=to, purpose=PURPOSE, officer="zhang.w").SerializeToString()
    token = f"Bearer {federation.tokens[member]}"
    async with grpc.aio.secure_channel(place.windows, credentials, options) as channel:
        yield Way(channel, (("authorization", token), ("tongban-context-bin", context)))


def _handler(script: Script, name: str) -> Any:
    function, (client, server) = getattr(script, name), METHODS[name]

    async def one(request: Any, context: _Context) -> Any:
        asked = Asked("", "")
        answer = await _failing(context, lambda: function(request, asked))
        context.set_trailing_metadata(tuple(asked.trailing))
        return answer

    async def many(request: Any, context: _Context) -> AsyncIterator[Any]:
        asked = Asked("", "")
        answers = function(request, asked)
        try:
            async for answer in answers if hasattr(answers, "__aiter__") else _async(answers):
                yield answer
        except ServiceError as error:
            await _abort(context, error)
        context.set_trailing_metadata(tuple(asked.trailing))

    make = _MAKERS[client, server]
    return make(many if server else one, request_deserializer=Step.FromString, response_serializer=_bytes)


async def _async(answers: Any) -> AsyncIterator[Any]:
    for answer in answers:
        yield answer


async def _failing(context: _Context, call: Callable[[], Any]) -> Any:
    try:
        return await call()
    except ServiceError as error:
        await _abort(context, error)


async def _abort(context: _Context, error: ServiceError) -> None:
    status = rpc_status.to_status(error.status)
    await context.abort(status.code, status.details, (*status.trailing_metadata, *error.trailing))


async def parts(steps: Sequence[Any], pause: float = 0.0) -> AsyncIterator[Any]:
    """Yield requests as a client makes them."""
    for step in steps:
        yield step
        if pause:
            await asyncio.sleep(pause)

"""Services that plugins bring: bytes become the author's messages, and the author's answers bytes."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tongban.core import codes
from tongban.core.arity import Arity
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal, refusal_by_service
from tongban.core.services import Asked, Service, ServiceError
from tongban.federation.calls import Call, Caller, Door, Outcome
from tongban.federation.plugins.generators import items
from tongban.federation.plugins.limits import Limit
from tongban.federation.plugins.running import Runner
from tongban.federation.tally import Tally

MOST_MESSAGE = 4 << 20
"""Most bytes of a message: what gRPC takes by itself."""


class BroughtMethod:
    """One method of a plugin's service."""

    def __init__(self, runner: Runner, service: Service, method: MethodDescriptor) -> None:
        self.arity = Arity.of(method)
        self._runner = runner
        self._function = getattr(service.servicer, method.name)
        self._request: type[Message] = GetMessageClass(method.input_type)
        self._answer: type[Message] = GetMessageClass(method.output_type)

    async def __call__(self, caller: Caller, call: Call) -> Outcome:
        """Answer a call, or open the stream of its answers."""
        if call.door is Door.PEERS and not call.streamed and not self.arity.unary:
            raise Refusal(codes.STREAM_IMPOSSIBLE, {"what": "the link between members"})
        requests, asked = _Requests(call, self._request, Limit(self._runner.seconds)), _asked(caller, call)
        answers = self._answers(call, requests, asked)
        if self.arity.unary:
            [answer] = [one async for one in answers]
            return Outcome(answer)
        return Outcome(stream=answers, requests=requests.tally)

    async def _answers(self, call: Call, requests: "_Requests", asked: Asked) -> AsyncGenerator[bytes, None]:
        with _telling(call, requests, asked):
            argument = requests if self.arity.requests_stream else decoded(self._request, call.body)
            async with aclosing(self._given(argument, asked, requests.limit)) as given:
                async for answer in given:
                    yield _bytes_of(answer)

    async def _given(self, argument: object, asked: Asked, limit: Limit) -> AsyncGenerator[Message, None]:
        passes = (ServiceError, _Stopped)
        if not self.arity.answers_stream:
            answer = self._runner.call(self._function, argument, asked)
            yield await self._runner.guarded(self._function, answer, limit.step(), self._answer, passes)
            return
        generator = self._function(argument, asked)
        async with aclosing(items(self._runner, self._function, generator, self._answer, limit, passes)) as given:
            async for item in given:
                yield item


def brought_methods(runner: Runner, services: Mapping[str, Service]) -> dict[str, BroughtMethod]:
    """Return what answers each method of these services."""
    return {
        name_of(service, method): BroughtMethod(runner, service, method)
        for service in services.values()
        for method in service.descriptor.methods
    }


def name_of(service: Service, method: MethodDescriptor) -> str:
    """Return a method's name, as in /package.Service/Method."""
    return f"/{service.name}/{method.name}"


class _Stopped(Exception):
    """Tells a plugin that no further request comes, for a reason that its caller is told."""


class _Requests:
    """The requests of a stream, as a plugin iterates over them."""

    def __init__(self, call: Call, kind: type[Message], limit: Limit) -> None:
        self.tally = Tally()
        self.limit = limit
        self.refusal: Refusal | None = None
        self._stream = call.stream
        self._kind = kind

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        if self._stream is None or self.refusal is not None:
            raise StopAsyncIteration
        try:
            with self.limit.waiting():
                body = await anext(self._stream)
            self.tally.add(body)
            return decoded(self._kind, body)
        except Refusal as refusal:
            self.refusal = refusal
            raise _Stopped(refusal.code.name) from None


@contextmanager
def _telling(call: Call, requests: _Requests, asked: Asked) -> Iterator[None]:
    """Have the caller told how the plugin's answers end: its status and trailing metadata, or why requests ended."""
    try:
        yield
    except (ServiceError, _Stopped) as error:
        if isinstance(error, ServiceError) and requests.refusal is None:
            call.trailing[:] = error.trailing
            raise refusal_by_service(error.status) from None
    if requests.refusal is not None:
        raise requests.refusal
    call.trailing[:] = asked.trailing


def _asked(caller: Caller, call: Call) -> Asked:
    said = call.context
    return Asked(
        member=caller.member,
        window=caller.window,
        officer=said.officer,
        purpose=said.purpose,
        legal_basis=said.legal_basis,
        case_id=said.case_id,
        consent_id=said.consent_id,
        seconds=call.seconds,
    )


def _bytes_of(answer: Message) -> bytes:
    body = answer.SerializeToString()
    if len(body) > MOST_MESSAGE:
        raise Refusal(codes.TOO_LARGE, {"what": "the answer", "size": str(len(body)), "limit": str(MOST_MESSAGE)})
    return body

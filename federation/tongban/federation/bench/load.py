"""The load: calls of one kind, so many in flight, for some seconds. It runs in a process of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum
from time import perf_counter, process_time
from types import TracebackType
from typing import Self
from uuid import uuid4

import grpc

from tongban.api.cases.v1.cases_pb2 import (
    CASE_STATE_RECEIVED,
    SubmitCaseRequest,
    SubmitCaseResponse,
    WatchCaseRequest,
    WatchCaseResponse,
)
from tongban.federation.bench.cpu import CpuTimes
from tongban.federation.bench.rows import BenchFailed
from tongban.federation.bench.tls import host_name

CONNECTIONS = 4
"""Most connections that calls in flight share, as counters of a hall do."""

_PATIENCE = 30.0
"""Seconds after which a call has failed."""

_WATCH = "/tongban.api.cases.v1.CaseService/WatchCase"


class Kind(Enum):
    """What one call is."""

    UNARY = "unary"
    SUBMIT = "submit"
    """A case with a request id of its own."""
    THROUGH = "through"
    """The same, watched until it has arrived."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is called."""

    endpoint: str
    certificate: bytes
    """Of the server, PEM."""
    method: str
    body: bytes
    kind: Kind = Kind.UNARY
    metadata: tuple[tuple[str, str | bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """How it is called."""

    target: Target
    processes: dict[str, int]
    """Process ids of the nodes whose processor time is measured, by what they are called."""
    in_flight: int
    seconds: float
    warm_up: float
    """Seconds before that which do not count."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured."""

    calls: int
    seconds: float
    cpu: dict[str, float]
    """Seconds of processor time that each node's process used."""
    p50: float = 0.0
    """Median of the time a call took, in seconds; 0 where calls are not told apart."""
    p99: float = 0.0
    load: float = 0.0
    """Processor time of the load itself, in cores: near 1, it is what limits the rate."""


Call = Callable[[], Awaitable[None]]


def generate(load: Load) -> Sample:
    """Make the calls and return what was measured.

    Raises:
        BenchFailed: a call failed, or none ended in time.
    """
    return asyncio.run(_measured(load))


async def _measured(load: Load) -> Sample:
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(_channel(load.target)) for _ in range(CONNECTIONS)]
        calls = [_CALLS[load.target.kind](one, load.target) for one in channels]
        callers = await stack.enter_async_context(_Callers(calls, load.in_flight))
        await callers.go_on(load.warm_up)
        return await _sampled(callers, load)


async def _sampled(callers: "_Callers", load: Load) -> Sample:
    callers.took.clear()
    cpu, own, begin = CpuTimes(load.processes), process_time(), perf_counter()
    await callers.go_on(load.seconds)
    seconds, used, took = perf_counter() - begin, cpu.used(), sorted(callers.took)
    cores = (process_time() - own) / seconds
    if not took:
        raise BenchFailed(f"no answer from {load.target.method} within {load.seconds:g} s; measure for longer")
    return Sample(len(took), seconds, used, took[len(took) // 2], took[len(took) * 99 // 100], cores)


class _Callers:
    """Callers who each make one call after the other, and end with the one under way."""

    def __init__(self, calls: list[Call], count: int) -> None:
        self.took: list[float] = []
        """Seconds that each call took."""
        self._stopped = False
        self._tasks = [asyncio.create_task(self._run(calls[number % len(calls)])) for number in range(count)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def go_on(self, seconds: float) -> None:
        """Let them call for some seconds; the failure of one is everybody's."""
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()

    async def _run(self, call: Call) -> None:
        while not self._stopped:
            begin = perf_counter()
            try:
                await call()
            except grpc.aio.AioRpcError as error:
                raise BenchFailed(f"a call failed with {error.code().name}: {error.details()}") from None
            self.took.append(perf_counter() - begin)


def _channel(target: Target) -> grpc.aio.Channel:
    options = [
        ("grpc.ssl_target_name_override", host_name(target.certificate)),
        ("grpc.use_local_subchannel_pool", 1),  # Otherwise all channels share one connection.
        ("grpc.enable_retries", 0),
    ]
    return grpc.aio.secure_channel(target.endpoint, grpc.ssl_channel_credentials(target.certificate), options)


def _unary(channel: grpc.aio.Channel, target: Target) -> Call:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.method)

    async def call() -> None:
        await ask(target.body, metadata=target.metadata, timeout=_PATIENCE)

    return call


def _submit(channel: grpc.aio.Channel, target: Target) -> Call:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.method)

    async def call() -> None:
        await ask(_with_id(target.body), metadata=target.metadata, timeout=_PATIENCE)

    return call


def _through(channel: grpc.aio.Channel, target: Target) -> Call:
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.method)
    watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(_WATCH)

    async def call() -> None:
        answer = await ask(_with_id(target.body), metadata=target.metadata, timeout=_PATIENCE)
        request = WatchCaseRequest(case_id=SubmitCaseResponse.FromString(answer).case_id).SerializeToString()
        stream = watch(request, metadata=target.metadata, timeout=_PATIENCE)
        async for update in stream:
            if WatchCaseResponse.FromString(update).summary.state != CASE_STATE_RECEIVED:
                break
        stream.cancel()

    return call


_CALLS: dict[Kind, Callable[[grpc.aio.Channel, Target], Call]] = {
    Kind.UNARY: _unary,
    Kind.SUBMIT: _submit,
    Kind.THROUGH: _through,
}


def _with_id(body: bytes) -> bytes:
    """Return a submission with an id of its own; protobuf takes joined messages for one."""
    return body + SubmitCaseRequest(request_id=uuid4().hex).SerializeToString()

"""A crowd at a windows door: calls that come at a steady rate, whether or not the earlier ones are answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from tongban.core.testing.federation import Place

from .raw import refusal_in


@dataclass
class Driven:
    """What came of the calls."""

    seconds: float = 0.0
    """From the first call to the last outcome."""
    latencies: list[float] = field(default_factory=list)
    """Seconds that each answer took, in order of size."""
    refused: Counter[str] = field(default_factory=Counter)
    """By code; those that came too late, and answers that say nothing, have words of their own."""

    @property
    def goodput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, part: float) -> float:
        """Return the seconds within which this part of the answers came."""
        return self.latencies[int(part * (len(self.latencies) - 1))]

    def __str__(self) -> str:
        p50, p99 = (f"{self.percentile(part) * 1000:.0f}" for part in (0.5, 0.99))
        return f"{self.goodput:.0f} answers/s, p50 {p50} ms, p99 {p99} ms, refused {dict(self.refused)}"


@dataclass
class Crowd:
    """Windows of one node that all ask the same."""

    place: Place
    token: str
    method: str
    body: bytes
    context: bytes
    good: Callable[[bytes], bool]
    """Says whether an answer says what was asked."""
    patience: float
    """Seconds that each call waits for its answer."""

    async def drive(self, rate: float, seconds: float) -> Driven:
        """Call so many times a second, for so long."""
        driven, calls = Driven(), set[asyncio.Task[None]]()
        credentials = grpc.ssl_channel_credentials(self.place.certificate.read_bytes())
        async with grpc.aio.secure_channel(self.place.windows, credentials) as channel:
            begun = time.monotonic()
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
                calls.add(asyncio.create_task(self._call(channel, driven)))
            await asyncio.gather(*calls)
            driven.seconds = time.monotonic() - begun
        driven.latencies.sort()
        return driven

    async def _call(self, channel: grpc.aio.Channel, driven: Driven) -> None:
        metadata = (("authorization", f"Bearer {self.token}"), ("tongban-context-bin", self.context))
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(self.method)
        begun = time.monotonic()
        try:
            answer = await call(self.body, timeout=self.patience, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            driven.refused["late" if late else refusal_in(error).code.name] += 1
        else:
            if self.good(answer):
                driven.latencies.append(time.monotonic() - begun)
            else:
                driven.refused["says nothing"] += 1

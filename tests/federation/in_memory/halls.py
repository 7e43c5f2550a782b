"""Windows that call the scripted service, and what the logs say of it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from tongban.api.evidence.v1.evidence_pb2 import (
    Evidence,
)
from tongban.api.exchange.v1.exchange_pb2 import StreamResponse
from tongban.federation.exchange.stream_answering import AnsweredStream
from tongban.federation.transport.memory import MemoryClient

from .laid_out import CHONGMING, QIDONG, SCRIPT, SCRIPT_PURPOSE
from .town import Town


def hall(town: Town, member: str = CHONGMING, purpose: str = SCRIPT_PURPOSE) -> MemoryClient:
    return town.window(member, seconds=5.0, to=QIDONG, purpose=purpose)


async def collected(answers: AsyncGenerator[Any, None]) -> list[int]:
    async with aclosing(answers):
        return [one.number async for one in answers]


async def last(town: Town, member: str, count: int = 2) -> list[Evidence]:
    """Return the last records about the scripted service in a member's log."""
    return [one for one in await town.evidence(member) if one.method.startswith(SCRIPT)][-count:]


async def stages(town: Town, member: str) -> list[tuple[int, str]]:
    return [(one.stage, one.error_code) for one in await last(town, member)]


async def handed(town: Town, certified: str | None, *parts: bytes) -> StreamResponse:
    """Hand parts to 启东 as a carrier does, and return its first answer."""
    coming, answers = [*parts, None], list[bytes]()

    async def read() -> bytes | None:
        return coming.pop(0)

    async def write(part: bytes) -> None:
        answers.append(part)

    ask = town.nodes[QIDONG].house.node.ask
    await AnsweredStream(ask, read, write, lambda: certified, lambda: False).run()
    return StreamResponse.FromString(answers[0])

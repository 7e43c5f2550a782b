"""Waiting for what other tasks bring about, and calling while they do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 100.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.005)


async def eventually(probe: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a probe of a store gives true."""
    async with asyncio.timeout(SECONDS):
        while not await probe():  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.005)


async def again_and_again(call: Callable[[], Awaitable[T]]) -> list[T]:
    """Return the answers to a call that is repeated while the first one is under way."""

    async def later(seconds: float) -> T:
        await asyncio.sleep(seconds)
        return await call()

    return await asyncio.gather(*(later(place * 0.0004) for place in range(60)))

"""Waiting for what other tasks bring about."""

import asyncio
from collections.abc import Awaitable, Callable

SECONDS = 20.0


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

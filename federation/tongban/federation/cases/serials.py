"""Serial numbers without repeats: leased from the store in blocks, so that most of them cost nothing."""

import asyncio
from collections.abc import Iterator

from tongban.federation.store.interface import Store

FIRST_BLOCK, LARGEST_BLOCK = 20, 640
"""Each block of a series is twice as large as the one before, so that a busy counter seldom waits for one."""


class Serials:
    """Gives the next number of a named series, from 1. Numbers of a block that a stopped node had left are skipped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._blocks: dict[str, Iterator[int]] = {}
        self._sizes: dict[str, int] = {}
        self._leasing = asyncio.Lock()

    async def next(self, name: str) -> int:
        """Return a number that nobody else gets."""
        number = self._left(name)
        if number is not None:
            return number
        async with self._leasing:  # Whoever waits meanwhile finds the new block.
            return self._left(name) or await self._first_of_a_block(name)

    def _left(self, name: str) -> int | None:
        return next(self._blocks.get(name, iter(())), None)

    async def _first_of_a_block(self, name: str) -> int:
        size = self._sizes.get(name, FIRST_BLOCK)
        block = self._blocks[name] = iter(await self._store.lease_serials(name, size))
        self._sizes[name] = min(2 * size, LARGEST_BLOCK)
        return next(block)

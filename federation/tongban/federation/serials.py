"""Serial numbers without repeats: leased from the store in blocks, so that most of them cost nothing."""

from collections.abc import Iterator

from tongban.federation.store.interface import Store

BLOCK = 20


class Serials:
    """Gives the next number of a named series, from 1. Numbers of a block that a stopped node had left are skipped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._blocks: dict[str, Iterator[int]] = {}

    async def next(self, name: str) -> int:
        """Return a number that nobody else gets."""
        number = next(self._blocks.get(name, iter(())), None)
        if number is not None:
            return number
        block = iter(await self._store.lease_serials(name, BLOCK))
        first = next(block)
        self._blocks[name] = block
        return first

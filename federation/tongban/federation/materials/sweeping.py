"""What nobody has had to do with for a day goes: uploads that no case names, and parts that nobody fetches any more."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from tongban.federation.materials.kept import Materials
from tongban.federation.store.interface import Store

_ROUNDS = 24
"""How often it is looked within the time that an upload has."""


_BATCH = 500
"""Materials that are looked up together."""


class Sweeper:
    """Takes away what is left over."""

    def __init__(self, materials: Materials, store: Store) -> None:
        self._materials = materials
        self._store = store

    async def run(self) -> None:
        """Look from time to time, until cancelled; what a stop of the node cut off first has time to go on."""
        while True:
            await asyncio.sleep(self._materials.settings.upload_seconds / _ROUNDS)
            await self.sweep()

    async def sweep(self) -> None:
        """Take away what is left over now."""
        kept = self._materials
        for path in await kept.in_thread(list, kept.fetches()):
            if kept.is_old(path):
                await kept.in_thread(kept.let_go, path)
        for window, path in await kept.in_thread(list, kept.uploads()):
            if kept.is_old(path):
                await self._let_go(window, path)
        for paths in _batched(await kept.in_thread(list, kept.whole())):
            await self._let_go_unnamed([path for path in paths if kept.is_old(path)])

    async def _let_go(self, window: str, path: Path) -> None:
        """Take an upload away, and the material with it if no case names it."""
        kept = self._materials
        whole = kept.path(kept.member, path.name)
        if _are_one(path, whole):
            await self._let_go_unnamed([whole])
        await kept.in_thread(kept.let_go, path, window)

    async def _let_go_unnamed(self, paths: Sequence[Path]) -> None:
        """Take those materials away that no case names."""
        named = await self._store.named_materials([path.name for path in paths])
        for path in paths:
            if path.name not in named and self._materials.is_old(path):  # A case just being taken in has touched it.
                self._materials.let_go(path)


def _batched(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), _BATCH):
        yield paths[start : start + _BATCH]


def _are_one(path: Path, whole: Path) -> bool:
    return path.exists() and whole.exists() and path.samefile(whole)

"""What nobody has had to do with for a day goes: uploads that no case names, and parts that nobody fetches any more."""

import asyncio
from pathlib import Path

from tongban.federation.materials.kept import Materials
from tongban.federation.store.interface import Store

_ROUNDS = 24
"""How often it is looked within the time that an upload has."""


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

    async def _let_go(self, window: str, path: Path) -> None:
        """Take an upload away, and the material with it if no case names it."""
        kept = self._materials
        whole, named = kept.path(kept.member, path.name), await self._store.material_is_named(path.name)
        if (
            not named and kept.is_old(path) and _are_one(path, whole)
        ):  # A case that is just being taken in has touched it.
            kept.let_go(whole)
        await kept.in_thread(kept.let_go, path, window)


def _are_one(path: Path, whole: Path) -> bool:
    return path.exists() and whole.exists() and path.samefile(whole)

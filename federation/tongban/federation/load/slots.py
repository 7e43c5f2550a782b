"""Places for what is under way at the same time. Pure, but for `Turns`, which has those wait who find none."""

import asyncio
from collections import Counter


class Slots:
    """So many places in all, and so many for each who asks."""

    def __init__(self, most: int, most_each: int) -> None:
        self.most = most
        self.most_each = most_each
        self._by_who: Counter[str] = Counter()
        self._taken = 0

    def __len__(self) -> int:
        """Return how many places are taken."""
        return self._taken

    @property
    def full(self) -> bool:
        """Whether nobody can have a place."""
        return self._taken >= self.most

    def take(self, who: str) -> bool:
        """Take a place, if there is one for this asker."""
        if self.full or self._by_who[who] >= self.most_each:
            return False
        self._by_who[who] += 1
        self._taken += 1
        return True

    def give_back(self, who: str) -> None:
        """Give a place back that was taken."""
        self._taken -= 1
        self._by_who[who] -= 1
        if not self._by_who[who]:
            del self._by_who[who]


class Turns:
    """Places for which one can wait: who came first and may have one gets it first."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    async def take(self, who: str) -> None:
        """Take a place; wait until there is one for this asker."""
        if self._slots.take(who):
            return
        waiter = who, asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter[1]
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            else:
                self.give_back(who)
            raise

    def give_back(self, who: str) -> None:
        """Give a place back, to the first who waits and may have it."""
        self._slots.give_back(who)
        for waiter in self._waiting:
            if not waiter[1].done() and self._slots.take(waiter[0]):  # Who is done has left, and takes himself off.
                self._waiting.remove(waiter)
                waiter[1].set_result(None)
                return

"""Sees that what waits in the outbox is delivered: a courier for each peer, in its own time."""

import asyncio

from tongban.federation.exchange.courier import Courier
from tongban.federation.exchange.own_questions import OwnQuestions
from tongban.federation.resources import OUTBOX, Resources


class Queue:
    """Has a courier for every peer for which something may wait."""

    def __init__(self, resources: Resources, questions: OwnQuestions) -> None:
        self._resources = resources
        self._questions = questions
        self._couriers: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        new_peer = self._resources.wakes.listen(OUTBOX)
        try:
            while True:
                new_peer.clear()
                for peer in await self._peers() - set(self._couriers):
                    courier = Courier(peer, self._resources, self._questions)
                    self._couriers[peer] = asyncio.create_task(courier.run(), name=f"courier to {peer}")
                await new_peer.wait()
        finally:
            self._resources.wakes.forget(OUTBOX, new_peer)
            await self._dismiss()

    async def _peers(self) -> set[str]:
        members = set(self._resources.keeper.view.members) | {self._resources.member}
        return members | {count.peer for count in await self._resources.store.outbox_counts()}

    async def _dismiss(self) -> None:
        couriers = list(self._couriers.values())
        self._couriers.clear()
        for courier in couriers:
            courier.cancel()
        await asyncio.gather(*couriers, return_exceptions=True)

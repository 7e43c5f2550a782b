"""Checkpoints: what the evidence log was, sealed, so that nobody changes its past unseen."""

import asyncio
from collections.abc import Sequence

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.evidence.v1.evidence_pb2 import Checkpoint, SignedCheckpoint
from tongban.core import sealing
from tongban.core.merkle import GrowingTree
from tongban.core.sealing import Leaf
from tongban.core.times import Clock, timestamp
from tongban.federation.calls import Step
from tongban.federation.flush import Flush
from tongban.federation.store.interface import Store
from tongban.federation.store.units import Put, Unit

_AT_ONCE = 10_000


class Checkpoints:
    """Follows the log's tree and writes a checkpoint when it has grown."""

    def __init__(self, member: str, store: Store, flush: Flush, clock: Clock, seconds: float) -> None:
        self._member = member
        self._store = store
        self._flush = flush
        self._clock = clock
        self._seconds = seconds
        self._tree = GrowingTree()
        self._written = 0
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Write checkpoints until cancelled."""
        while True:
            await self.write()
            await asyncio.sleep(self._seconds)

    async def write(self) -> int:
        """Write a checkpoint over all records so far, unless there is one; return how many it covers."""
        async with self._lock:
            await self._follow(await self._store.evidence_size())
            if self._tree.size > self._written:
                await self._flush.put(self._step(self._tree.size, self._tree.root()))
                self._written = self._tree.size
            return self._tree.size

    async def _follow(self, size: int) -> None:
        while self._tree.size < size:
            start = self._tree.size
            for leaf in await self._store.leaves(start, min(size, start + _AT_ONCE)):
                self._tree.append(leaf)

    def _step(self, size: int, root: bytes) -> Step:
        checkpoint = Checkpoint(member=self._member, size=size, root=root, time=timestamp(self._clock()))
        data = checkpoint.SerializeToString()

        def unit_of(seals: Sequence[Seal]) -> Unit:
            signed = SignedCheckpoint(checkpoint=data, seal=seals[0])
            return Unit(operations=(Put("checkpoints", {"size": size, "checkpoint": signed.SerializeToString()}),))

        return Step([Leaf(sealing.CHECKPOINT, data)], unit_of)

"""The reads of a store; `interface.Store` says what each means."""

from collections.abc import Collection, Sequence

from tongban.federation.store import queries
from tongban.federation.store.direct import Direct
from tongban.federation.store.errors import StoreFailed
from tongban.federation.store.readers import Readers
from tongban.federation.store.recorder import Clock, LeafHash
from tongban.federation.store.rows import (
    ActRow,
    CaseRow,
    Checkpoint,
    DocumentRow,
    EventRow,
    OutboxCount,
    OutboxRow,
    WindowRow,
    WorkRow,
)
from tongban.federation.store.units import Claim


class Reads:
    """The half of a store that reads."""

    def __init__(self, readers: Readers, direct: Direct, leaf_hash: LeafHash, now: Clock) -> None:
        self._readers = readers
        self._direct = direct
        self._leaf_hash = leaf_hash
        self._now = now

    async def claim(self, key: str) -> Claim | None:
        """Return the claim that stands for a key."""
        found = self._direct.rows(Claim, "claims", queries.CLAIM, key=key, now=self._now())
        return found[0] if found else None

    async def live_claims(self, prefix: str, now: int, limit: int) -> list[Claim]:
        """Return the claims whose keys begin with ``prefix``."""
        beyond = prefix + chr(0x10FFFF)
        values = {"prefix": prefix, "beyond": beyond, "now": now, "limit": limit}
        return await self._readers.rows(Claim, "claims", queries.LIVE_CLAIMS, **values)

    async def case(self, case_id: str) -> CaseRow | None:
        """Return a case."""
        found = self._direct.rows(CaseRow, "cases", queries.CASE, case=case_id)
        return found[0] if found else None

    async def case_by_number(self, number: str, member: str) -> CaseRow | None:
        """Return the case that has this number."""
        if not number:  # a case has the empty text until its number is given
            return None
        found = self._direct.rows(CaseRow, "cases", queries.CASE_BY_NUMBER, number=number, member=member)
        return found[0] if found else None

    async def cases(
        self,
        *,
        states: Collection[str] | None = None,
        intake: str | None = None,
        handling: str | None = None,
        item_code: str | None = None,
        limit: int = 100,
        before: tuple[int, str] | None = None,
    ) -> list[CaseRow]:
        """Return cases, the latest first."""
        equal = {"intake": intake, "handling": handling, "item_code": item_code}
        query = queries.cases_like(states, equal, limit, before)
        return await self._readers.rows(CaseRow, "cases", query)

    async def acts(self, case_id: str) -> list[ActRow]:
        """Return the acts of a case that are not put in order yet."""
        return self._direct.rows(ActRow, "acts", queries.ACTS, case=case_id)

    async def events(self, case_id: str, after: int = 0) -> list[EventRow]:
        """Return the events of a case, in order."""
        return self._direct.rows(EventRow, "events", queries.EVENTS, case=case_id, after=after)

    async def outbox_due(self, peer: str | None, now: int, limit: int, but: Collection[str] = ()) -> list[OutboxRow]:
        """Return messages that may leave now."""
        values = {"now": now, "limit": limit, "but": list(but)}
        if peer is None:
            return await self._readers.rows(OutboxRow, "outbox", queries.OUTBOX_DUE, **values)
        return await self._readers.rows(OutboxRow, "outbox", queries.OUTBOX_DUE_FOR_PEER, peer=peer, **values)

    async def outbox_counts(self) -> list[OutboxCount]:
        """Count messages by peer and state."""
        return [OutboxCount(*row) for row in await self._readers.tuples(queries.OUTBOX_COUNTS)]

    async def outbox_of_case(self, case_id: str) -> list[OutboxRow]:
        """Return the messages of a case."""
        return self._direct.rows(OutboxRow, "outbox", queries.OUTBOX_OF_CASE, case=case_id)

    async def work_due(self, now: int, limit: int) -> list[WorkRow]:
        """Return work that may be done now."""
        return await self._readers.rows(WorkRow, "work", queries.WORK_DUE, now=now, limit=limit)

    async def work_of_case(self, case_id: str) -> list[WorkRow]:
        """Return the work left for a case."""
        return self._direct.rows(WorkRow, "work", queries.WORK_OF_CASE, case=case_id)

    async def named_materials(self, digests: Sequence[str]) -> set[str]:
        """Return those of some digests that a case names."""
        return {digest for (digest,) in await self._readers.tuples(queries.MATERIALS, digests=list(digests))}

    async def windows(self) -> list[WindowRow]:
        """Return all windows."""
        return await self._readers.rows(WindowRow, "windows", queries.WINDOWS)

    async def documents(self) -> list[DocumentRow]:
        """Return all documents."""
        return await self._readers.rows(DocumentRow, "documents", queries.DOCUMENTS)

    async def evidence(self, start: int, end: int) -> list[bytes]:
        """Return records of the evidence log."""
        found = await self._readers.tuples(queries.EVIDENCE, start=start, end=end)
        for position, record, leaf in found:
            if self._leaf_hash(record) != leaf:
                raise StoreFailed(f"evidence record {position} does not match its leaf: the file was altered")
        return [record for _, record, _ in found]

    async def leaves(self, start: int, end: int) -> list[bytes]:
        """Return leaf hashes of the evidence log."""
        return [leaf for (leaf,) in await self._readers.tuples(queries.LEAVES, start=start, end=end)]

    async def evidence_size(self) -> int:
        """Count the records of the evidence log."""
        [(size,)] = self._direct.tuples(queries.EVIDENCE_SIZE)
        return int(size)

    async def checkpoints(self, start: int = 0, limit: int = 100) -> list[Checkpoint]:
        """Return checkpoints, the smallest first."""
        return await self._readers.rows(Checkpoint, "checkpoints", queries.CHECKPOINTS, start=start, limit=limit)

    async def last_checkpoint(self) -> Checkpoint | None:
        """Return the newest checkpoint."""
        found = await self._readers.rows(Checkpoint, "checkpoints", queries.LAST_CHECKPOINT)
        return found[0] if found else None

    async def serial(self, name: str) -> int:
        """Return the next number of a serial."""
        found = self._direct.tuples(queries.SERIAL, serial=name)
        return int(found[0][0]) if found else 1

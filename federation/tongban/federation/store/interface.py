"""What the node asks of a store, whichever database is beneath."""

from collections.abc import Collection, Sequence
from typing import Protocol

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
from tongban.federation.store.units import Claim, Lost, Unit


class Store(Protocol):
    """A durable store. All times are microseconds since the epoch.

    Every method may raise StoreFailed. A read sees everything that was committed before it was asked for.
    """

    async def commit_all(self, units: Sequence[Unit]) -> list[Lost | None]:
        """Record units in one transaction; they are durable when this returns.

        Units compete for claims in their order, also with those that others hand over meanwhile. For each unit
        the answer is None, or `Lost` with the claim that stood already: such a unit wrote nothing. If the
        transaction fails nothing of it is written and all its callers get StoreFailed: StoreFull when the disk
        is full; UnitInvalid, which only reaches the caller whose unit it is, when the unit can never be
        written. A caller that is cancelled does not know whether its units were recorded.
        """
        ...

    async def commit(self, unit: Unit) -> None:
        """Record one unit as `commit_all` does. Raises Lost."""
        ...

    async def lease_serials(self, name: str, count: int) -> range:
        """Take the next ``count`` numbers (at least 1) of a serial, which begins at 1; nobody gets them again."""
        ...

    async def close(self) -> None:
        """Record what was handed over, then let go of the database; again is harmless."""
        ...

    async def claim(self, key: str) -> Claim | None:
        """Return the claim that stands for a key, if one does."""
        ...

    async def live_claims(self, prefix: str, now: int, limit: int) -> list[Claim]:
        """Return up to ``limit`` claims that stand at ``now`` and whose keys begin so, ordered by key."""
        ...

    async def case(self, case_id: str) -> CaseRow | None:
        """Return a case (办件), if it is known."""
        ...

    async def case_by_number(self, number: str, member: str) -> CaseRow | None:
        """Return the case whose intake number (收件编号) or case number (办件编号) this is, if one is known.

        If several have it, numbers that ``member`` gave go first: as intake, then as handling member. After
        these the last updated; no case has the empty number.
        """
        ...

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
        """Return up to ``limit`` cases, the last updated first; filters left out let everything pass.

        For the next page, ``before`` is (updated, case_id) of the last case of this one.
        """
        ...

    async def acts(self, case_id: str) -> list[ActRow]:
        """Return own acts that the handling member has not put in order yet, by author and number."""
        ...

    async def events(self, case_id: str, after: int = 0) -> list[EventRow]:
        """Return the events of a case whose sequence is greater than ``after``, in order."""
        ...

    async def outbox_due(self, peer: str | None, now: int, limit: int, but: Collection[str] = ()) -> list[OutboxRow]:
        """Return up to ``limit`` queued messages for a peer (None: for all) that may leave at ``now``, but for some.

        Of the messages of a case for one peer only the first by position is ever among them, and holds back
        the others until it is delivered or refused; messages with an empty case id are independent. Messages
        past ``valid_until`` are returned like others.
        """
        ...

    async def outbox_counts(self) -> list[OutboxCount]:
        """Count the messages by peer and state."""
        ...

    async def outbox_of_case(self, case_id: str) -> list[OutboxRow]:
        """Return the messages of a case that wait or were refused, by position."""
        ...

    async def work_due(self, now: int, limit: int) -> list[WorkRow]:
        """Return up to ``limit`` pieces of work that may be done at ``now``, the longest due first."""
        ...

    async def work_of_case(self, case_id: str) -> list[WorkRow]:
        """Return the work left for a case, by sequence."""
        ...

    async def named_materials(self, digests: Sequence[str]) -> set[str]:
        """Return those of some digests that a case of this member's intake names as a material."""
        ...

    async def windows(self) -> list[WindowRow]:
        """Return all windows (窗口), also revoked ones."""
        ...

    async def documents(self) -> list[DocumentRow]:
        """Return all documents."""
        ...

    async def evidence(self, start: int, end: int) -> list[bytes]:
        """Return the records of the evidence log from position ``start`` up to, not including, ``end``.

        Raises StoreFailed with the position of the first record that does not match its leaf hash.
        """
        ...

    async def leaves(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of the same positions, unchecked."""
        ...

    async def evidence_size(self) -> int:
        """Count the records of the evidence log; the next gets this position."""
        ...

    async def checkpoints(self, start: int = 0, limit: int = 100) -> list[Checkpoint]:
        """Return up to ``limit`` checkpoints of at least ``start`` records, the smallest first."""
        ...

    async def last_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint of most records, if there is one."""
        ...

    async def serial(self, name: str) -> int:
        """Return the next number of a serial that nobody has leased."""
        ...

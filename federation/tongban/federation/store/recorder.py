"""Writes batches of units: what one connection does, in one thread, one transaction after the other."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from tongban.federation.store import queries
from tongban.federation.store.cipher import Cipher
from tongban.federation.store.settle import settled
from tongban.federation.store.statements import Statements, Upsert, parameters
from tongban.federation.store.tables import claims
from tongban.federation.store.units import Claim, Delete, Insert, Lost, Operation, Put, Unit

_KEYS_PER_QUERY = 500
_PRUNED_AT_ONCE = 1000
_PRUNE_EVERY = 60_000_000

LeafHash = Callable[[bytes], bytes]
OnAppend = Callable[[list[bytes]], None]
Clock = Callable[[], int]


class Recorder:
    """Records units over a connection of its own. Errors of the database leave as they are, all undone."""

    def __init__(
        self,
        connection: Connection,
        upsert: Upsert,
        cipher: Cipher,
        leaf_hash: LeafHash,
        on_append: OnAppend | None,
        now: Clock,
    ) -> None:
        self._connection = connection
        self._statements = Statements(upsert)
        self._cipher = cipher
        self._leaf_hash = leaf_hash
        self._on_append = on_append
        self._now = now
        self._prune_at = now()
        with connection.begin():
            self._size: int = connection.scalar(queries.EVIDENCE_SIZE) or 0

    def record(self, units: Sequence[Unit]) -> list[Lost | None]:
        """Write ``units`` in one transaction, in order; a unit whose claim stands already writes nothing."""
        with self._connection.begin():
            standing = self._standing(claim.key for unit in units for claim in unit.claims)
            outcomes = [_contest(unit, standing) for unit in units]
            winners = [unit for unit, lost in zip(units, outcomes, strict=True) if lost is None]
            self._write_claims(winners)
            self._write_rows(operation for unit in winners for operation in unit.operations)
            leaves = self._write_evidence([record for unit in winners for record in unit.evidence])
        self._size += len(leaves)
        self._announce(leaves)
        return outcomes

    def _standing(self, keys: Iterable[str]) -> dict[str, Claim]:
        found = [row for chunk in _chunks(keys) for row in self._connection.execute(queries.STANDING, {"keys": chunk})]
        now = self._now()
        expired = {row.key for row in found if row.expires is not None and row.expires <= now}
        self._execute(Delete, "claims", [{"key": key} for key in expired])
        return {row.key: Claim(*self._cipher.opened(claims, row)) for row in found if row.key not in expired}

    def _write_claims(self, winners: Iterable[Unit]) -> None:
        rows = [
            {"key": claim.key, "digest": claim.digest, "outcome": claim.outcome, "expires": claim.expires}
            for unit in winners
            for claim in unit.claims
        ]
        for row in rows:
            self._cipher.seal("claims", row)
        self._execute(Insert, "claims", rows)

    def _write_rows(self, operations: Iterable[Operation]) -> None:
        rows: dict[tuple[type[Operation], str], list[dict[str, Any]]] = {}
        for operation in settled(operations):
            row = parameters(operation)
            if not isinstance(operation, Delete):
                self._cipher.seal(operation.table, row)
            rows.setdefault((type(operation), operation.table), []).append(row)
        for (kind, table), together in rows.items():
            self._execute(kind, table, together)

    def _write_evidence(self, records: Sequence[bytes]) -> list[bytes]:
        leaves = [self._leaf_hash(record) for record in records]
        pairs = zip(records, leaves, strict=True)
        self._execute(
            Insert,
            "evidence",
            [
                {"position": position, "record": record, "leaf": leaf}
                for position, (record, leaf) in enumerate(pairs, self._size)
            ],
        )
        return leaves

    def _execute(self, kind: type[Operation], table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(self._statements[kind, table], rows)

    def _announce(self, leaves: list[bytes]) -> None:
        if not leaves or self._on_append is None:
            return
        try:
            self._on_append(leaves)
        except Exception:
            # The records are durable: whoever waits for them must not be told otherwise.
            logging.getLogger(__name__).exception("the listener to the evidence log failed")

    def lease(self, name: str, count: int) -> range:
        """Take the next ``count`` numbers of a serial, which begins at 1."""
        with self._connection.begin():
            first = self._connection.scalar(queries.SERIAL, {"serial": name}) or 1
            self._execute(Put, "serials", [{"name": name, "next": first + count}])
        return range(first, first + count)

    def prune_when_due(self) -> None:
        """Take away some expired claims, if it is a minute since all were; call it often."""
        now = self._now()
        if now < self._prune_at:
            return
        with self._connection.begin():
            gone = self._connection.execute(queries.PRUNE, {"now": now, "limit": _PRUNED_AT_ONCE}).rowcount
        if gone < _PRUNED_AT_ONCE:
            self._prune_at = now + _PRUNE_EVERY


def _contest(unit: Unit, standing: dict[str, Claim]) -> Lost | None:
    for claim in unit.claims:
        if claim.key in standing:
            return Lost(standing[claim.key])
    standing.update((claim.key, claim) for claim in unit.claims)
    return None


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(dict.fromkeys(keys))
    while chunk := list(islice(rest, _KEYS_PER_QUERY)):
        yield chunk

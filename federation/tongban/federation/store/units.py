"""What is written to a store: units, as data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that one unit only may have.

    ``digest`` stands for the content of the command that claims the key, ``outcome`` is the recorded answer to
    it. A claim stands until ``expires`` (microseconds since the epoch), or for ever.
    """

    key: str
    digest: bytes = b""
    outcome: bytes = b""
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Insert:
    """Write a new row; the unit is invalid if a row with its primary key exists.

    The row names every column of the table; a nullable column may be left out and is then empty.
    """

    table: str
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole row, new or in the place of the row with its primary key; columns as for `Insert`."""

    table: str
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Delete:
    """Take away the row with this primary key, if there is one."""

    table: str
    key: Mapping[str, object]


Operation = Insert | Put | Delete


@dataclass(frozen=True, slots=True)
class Unit:
    """What is written together or not at all: claims, operations in their order, records for the evidence log.

    Raises ValueError if it claims a key twice.
    """

    claims: tuple[Claim, ...] = ()
    operations: tuple[Operation, ...] = ()
    evidence: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.claims) > 1 and len({claim.key for claim in self.claims}) < len(self.claims):
            raise ValueError("a unit claims each key once")

    def merged(self, other: "Unit") -> "Unit":
        """Return one unit of both, this one's part first."""
        return Unit(self.claims + other.claims, self.operations + other.operations, self.evidence + other.evidence)


class Lost(Exception):
    """A unit wrote nothing, because one of its claims stands already: ``claim`` as it is recorded."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"the claim {claim.key!r} stands already")
        self.claim = claim

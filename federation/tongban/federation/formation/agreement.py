"""An agreement 协议 from a file that people write: terms in TOML become a document that both parties' nodes sign."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tongban.api.catalogue.v1.catalogue_pb2 import Mode
from tongban.api.documents.v1.documents_pb2 import Agreement, CaseRow, LookupRow, SignedDocument
from tongban.core.documents import new_document
from tongban.federation.formation.errors import FormationError, parsed, read_toml
from tongban.federation.formation.rules import broken_rules

_MODES = {Mode.Name(mode).removeprefix("MODE_").lower(): mode for mode in Mode.values()}


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class LookupTerms(_Table):
    """A table ``[[lookup]]``: one member may ask the other for data."""

    id: str
    asking: str
    answering: str
    method: str
    purposes: list[str]
    legal_basis: str = ""
    consent_required: bool = False
    per_minute: int = Field(0, ge=0)
    """0: no limit."""
    until: date | None = None


class CaseTerms(_Table):
    """A table ``[[case]]``: one member may take cases in for the other."""

    id: str
    intake: str
    handling: str
    items: list[str]
    mode: Literal["online", "proxy_intake"]
    until: date | None = None


class AgreementTerms(_Table):
    """The whole file."""

    name: str
    parties: list[str]
    contact: str = ""
    version: int = Field(1, ge=1)
    valid_days: int = Field(ge=1, le=3660)
    stale_days: int | None = Field(None, ge=1)
    """Empty: as long as it is valid."""
    lookup: list[LookupTerms] = []
    case: list[CaseTerms] = []


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with its place in the file."""

    place: str
    row: LookupRow | CaseRow
    members: tuple[str, str]


def read_terms(path: Path) -> AgreementTerms:
    """Read the terms of an agreement.

    Raises:
        FormationError: with every error of the file's form.
    """
    return parsed(AgreementTerms, read_toml(path, "terms of an agreement"), f"{path} cannot be used")


def draft(terms: AgreementTerms, now: datetime) -> SignedDocument:
    """Return the agreement, which nobody has signed yet.

    Raises:
        FormationError: with every rule that the terms break.
    """
    lookups = [_lookup(number, one) for number, one in enumerate(terms.lookup, 1)]
    cases = [_case(number, one) for number, one in enumerate(terms.case, 1)]
    agreement = Agreement(name=terms.name, parties=sorted(terms.parties), contact=terms.contact)
    problems = [*_problems_of_parties(terms), *broken_rules(agreement, "")]
    problems += [problem for row in lookups + cases for problem in _problems_of_row(row, terms.parties)]
    problems += _problems_of_ids(lookups + cases)
    if problems:
        raise FormationError(f"the agreement {terms.name} cannot be drafted", problems)
    agreement.lookups.extend(row.row for row in lookups if isinstance(row.row, LookupRow))
    agreement.cases.extend(row.row for row in cases if isinstance(row.row, CaseRow))
    valid, stale = timedelta(days=terms.valid_days), timedelta(days=terms.stale_days or terms.valid_days)
    document = new_document(agreement, terms.version, now, stale, valid)
    return SignedDocument(document=document.SerializeToString(deterministic=True))


def _lookup(number: int, terms: LookupTerms) -> _Row:
    row = LookupRow(**terms.model_dump(exclude={"until"}), until=_day(terms.until))
    return _Row(f"lookup[{number}].", row, (terms.asking, terms.answering))


def _case(number: int, terms: CaseTerms) -> _Row:
    row = CaseRow(**terms.model_dump(exclude={"until", "mode"}), until=_day(terms.until), mode=_MODES[terms.mode])
    return _Row(f"case[{number}].", row, (terms.intake, terms.handling))


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _problems_of_parties(terms: AgreementTerms) -> Iterator[str]:
    if len(set(terms.parties)) < len(terms.parties):
        yield "parties: they must be two different members; correct it"
    if terms.stale_days and terms.stale_days > terms.valid_days:
        yield "stale_days: at most valid_days; correct one of them"
    if not terms.lookup and not terms.case:
        yield "lookup, case: an agreement without rows allows nothing; add a table [[lookup]] or [[case]]"


def _problems_of_row(row: _Row, parties: Sequence[str]) -> Iterator[str]:
    yield from broken_rules(row.row, row.place)
    if set(row.members) != set(parties):
        yield f"{row.place}id: the two members of the row must be the two parties; correct members or parties"


def _problems_of_ids(rows: Sequence[_Row]) -> Iterator[str]:
    seen: set[str] = set()
    for row in rows:
        if row.row.id in seen:
            yield f"{row.place}id: another row has the id {row.row.id}; choose one that no other row has"
        seen.add(row.row.id)

"""What the documents of a node say, indexed for questions on a request's way: all of it is in memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256

from tongban.api.catalogue.v1.catalogue_pb2 import Item
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.documents.v1.documents_pb2 import (
    Agreement,
    CaseRow,
    Catalogue,
    Directory,
    LookupRow,
    Member,
    PublicKey,
    PublishedService,
)
from tongban.core import codes
from tongban.core.arity import UNARY, Arity, methods_of
from tongban.core.calendar import local_day
from tongban.core.documents import DIRECTORY, Believed, Freshness
from tongban.core.errors import Refusal
from tongban.core.identifiers import division_covers, division_of
from tongban.core.times import moment


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an agreement, with where it stands and how long."""

    name: str
    """Agreement and row, as evidence names it: agreement/310151/320681/registration#row."""
    row: LookupRow | CaseRow
    until: date | None
    """Its last day, in China; None: as long as the agreement."""
    expires: datetime
    """When the agreement expires."""

    def in_force(self, now: datetime) -> bool:
        """Say whether it still lets anybody do anything."""
        return now < self.expires and (self.until is None or local_day(now) <= self.until)


@dataclass(frozen=True, slots=True)
class TrustView:
    """Directory, catalogues and agreements at one moment."""

    documents: Mapping[str, Believed] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    keys: Mapping[tuple[str, str], PublicKey] = field(default_factory=dict)
    certified: Mapping[bytes, str] = field(default_factory=dict)
    """Member by SHA-256 of a node's certificate (DER)."""
    items: Mapping[tuple[str, str], Item] = field(default_factory=dict)
    """By member and code, each with those of its places that are the member's."""
    methods: Mapping[str, Mapping[str, Arity]] = field(default_factory=dict)
    """Methods that a member publishes and how they stream, by member."""
    lookups: Mapping[tuple[str, str, str], list[Row]] = field(default_factory=dict)
    """By asking member, answering member and method."""
    cases: Mapping[tuple[str, str, str], list[Row]] = field(default_factory=dict)
    """By intake member, handling member and item."""
    contacts: Mapping[frozenset[str], str] = field(default_factory=dict)
    """Whom to ask about a missing row, by the two members."""

    @property
    def directory(self) -> Believed | None:
        """The directory, if there is one."""
        return self.documents.get(DIRECTORY)

    @property
    def version(self) -> int:
        """Version of the directory; 0 without one."""
        return self.directory.document.version if self.directory else 0

    @property
    def federation(self) -> str:
        """Name of the federation."""
        return self.directory.document.directory.federation if self.directory else ""

    def title(self, member: str) -> str:
        """Return a member as people read it: name and id, or the id alone if the directory does not list it."""
        return f"{self.members[member].name}({member})" if member in self.members else member

    def key(self, member: str, key_id: str) -> PublicKey | None:
        """Return the member's key, or None if the directory lists no such key for it."""
        return self.keys.get((member, key_id))

    def encryption_key(self, member: str) -> PublicKey:
        """Return the key for which what a member is to read is encrypted: its newest one.

        Raises:
            Refusal: ENCRYPTION_KEY_MISSING.
        """
        listed = self.members.get(member)
        if listed is None or not listed.encryption_keys:
            raise Refusal(codes.ENCRYPTION_KEY_MISSING, {"member": member})
        return listed.encryption_keys[0]

    def member(self, member: str, now: datetime) -> Member:
        """Return a member of a directory that is in force.

        Raises:
            Refusal: DIRECTORY_MISSING, DIRECTORY_EXPIRED, MEMBER_UNKNOWN.
        """
        self.check_directory(now)
        if member not in self.members:
            raise Refusal(codes.MEMBER_UNKNOWN, {"member": member, "federation": self.federation})
        return self.members[member]

    def check_directory(self, now: datetime) -> None:
        """Refuse to trust anybody without a directory in force.

        Raises:
            Refusal: DIRECTORY_MISSING, DIRECTORY_EXPIRED.
        """
        if self.directory is None:
            raise Refusal(codes.DIRECTORY_MISSING)
        if self.directory.freshness(now) is Freshness.EXPIRED:
            when = moment(self.directory.document.expires_at).isoformat(timespec="seconds")
            raise Refusal(codes.DIRECTORY_EXPIRED, {"federation": self.federation, "when": when})

    def member_of_certificate(self, certificate: bytes) -> str | None:
        """Return the member to which the directory gives this certificate (DER)."""
        return self.certified.get(sha256(certificate).digest())

    def arity(self, member: str, method: str) -> Arity | None:
        """Return how a method of a member's catalogue streams, None if it has no such method.

        A member whose catalogue is not known is given the benefit: the method is taken for a unary one.
        """
        methods = self.methods.get(member)
        return UNARY if methods is None else methods.get(method)

    def lookup_row(self, asking: str, answering: str, method: str, context: CallContext, now: datetime) -> Row | None:
        """Return the row that lets a member ask, for the context's purpose."""
        for row in self.lookups.get((asking, answering, method), ()):
            if row.in_force(now) and isinstance(row.row, LookupRow) and context.purpose in row.row.purposes:
                return row
        return None

    def case_row(self, intake: str, handling: str, item: str, now: datetime) -> Row | None:
        """Return the row that lets a member take cases of an item in for another; for itself it needs none."""
        rows = self.cases.get((intake, handling, item), ())
        return next((row for row in rows if row.in_force(now)), None)

    def contact(self, one: str, other: str) -> str:
        """Return whom to ask about a missing row between two members: the other one, where no agreement says."""
        return self.contacts.get(frozenset({one, other})) or other


def view_of(documents: Iterable[Believed], now: datetime) -> TrustView:
    """Return the view of these documents; catalogues and agreements that have expired say nothing any more."""
    held = {document.name: document for document in documents}
    in_force = [one for one in held.values() if one.freshness(now) is not Freshness.EXPIRED]
    directory = held[DIRECTORY].document.directory if DIRECTORY in held else Directory()
    catalogues = [one.document.catalogue for one in in_force if one.document.HasField("catalogue")]
    agreements = [one for one in in_force if one.document.HasField("agreement")]
    return TrustView(
        documents=held,
        members={member.id: member for member in directory.members},
        keys={(member.id, key.key_id): key for member in directory.members for key in member.keys},
        certified={sha256(node.certificate).digest(): m.id for m in directory.members for node in m.nodes},
        items={(catalogue.member, item.code): item for catalogue in catalogues for item in _items(catalogue)},
        methods={catalogue.member: _methods(catalogue) for catalogue in catalogues},
        lookups=_lookup_rows(agreements),
        cases=_case_rows(agreements),
        contacts={frozenset(_agreement(one).parties): _agreement(one).contact for one in agreements},
    )


def _items(catalogue: Catalogue) -> Iterator[Item]:
    """Yield the items for which the member can be competent: nobody decides for places that are not its own."""
    own = division_of(catalogue.member)
    for item in catalogue.items:
        places = [place for place in item.places if division_covers(own, place)]
        if len(places) == len(item.places):
            yield item
        elif places:
            narrowed = Item()
            narrowed.CopyFrom(item)
            narrowed.places[:] = places
            yield narrowed


def _methods(catalogue: Catalogue) -> dict[str, Arity]:
    methods: dict[str, Arity] = {}
    for service in catalogue.services:
        methods |= _methods_of(service.name, service.descriptors)
    return methods


@lru_cache(maxsize=4096)
def _methods_of(name: str, descriptors: bytes) -> dict[str, Arity]:
    """Read descriptors once, though views are made again and again."""
    return methods_of(PublishedService(name=name, descriptors=descriptors))


def _agreement(believed: Believed) -> Agreement:
    return believed.document.agreement


def _lookup_rows(agreements: Iterable[Believed]) -> dict[tuple[str, str, str], list[Row]]:
    rows: dict[tuple[str, str, str], list[Row]] = {}
    for believed in agreements:
        for row in _agreement(believed).lookups:
            if {row.asking, row.answering} <= set(_agreement(believed).parties):
                rows.setdefault((row.asking, row.answering, row.method), []).append(_row(believed, row))
    return rows


def _case_rows(agreements: Iterable[Believed]) -> dict[tuple[str, str, str], list[Row]]:
    rows: dict[tuple[str, str, str], list[Row]] = {}
    for believed in agreements:
        for row in _agreement(believed).cases:
            if {row.intake, row.handling} <= set(_agreement(believed).parties):
                for item in row.items:
                    rows.setdefault((row.intake, row.handling, item), []).append(_row(believed, row))
    return rows


def _row(believed: Believed, row: LookupRow | CaseRow) -> Row:
    until = date.fromisoformat(row.until) if row.until else None
    return Row(f"{believed.name}#{row.id}", row, until, moment(believed.document.expires_at))

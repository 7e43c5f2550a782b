"""Documents: directory, catalogue and agreement. All are one thing: bytes, seals, version, age.

Whoever has the right keys can believe a document wherever it came from; an older version never replaces a newer one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.documents.v1.documents_pb2 import (
    Agreement,
    Catalogue,
    Directory,
    Document,
    DocumentHead,
    PublicKey,
    SignedDocument,
)
from tongban.core import codes, sealing
from tongban.core.decoding import decoded
from tongban.core.directories import check_directory
from tongban.core.errors import Refusal
from tongban.core.sealing import Keys, Leaf, member_sealed, seal_is_right
from tongban.core.times import moment, timestamp

DIRECTORY = "directory"

LONGEST_VALID = timedelta(days=7305)
"""Twenty years: no document is valid for longer."""

_LATEST_YEAR = 9998
"""Later moments cannot be told in every time zone."""


class Freshness(Enum):
    """How old a document is."""

    FRESH = "fresh"
    STALE = "stale"
    """It works, and wants renewal."""
    EXPIRED = "expired"
    """It is worth nothing."""


@dataclass(frozen=True, slots=True)
class Authorities:
    """Whom a node trusts to say who belongs to the federation: k of these keys sign each directory."""

    keys: tuple[PublicKey, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class Believed:
    """A document whose seals were checked."""

    name: str
    digest: str
    document: Document
    signed: SignedDocument

    def freshness(self, now: datetime) -> Freshness:
        """Return how old it is."""
        if now >= moment(self.document.expires_at):
            return Freshness.EXPIRED
        return Freshness.STALE if now >= moment(self.document.stale_at) else Freshness.FRESH

    def head(self) -> DocumentHead:
        """Return what it is, without content."""
        return DocumentHead(
            name=self.name,
            version=self.document.version,
            digest=self.digest,
            stale_at=self.document.stale_at,
            expires_at=self.document.expires_at,
        )


def new_document(
    content: Directory | Catalogue | Agreement, version: int, now: datetime, stale: timedelta, expires: timedelta
) -> Document:
    """Return a document that is not signed yet; `stale` and `expires` count from now."""
    document = Document(
        version=version,
        issued_at=timestamp(now),
        stale_at=timestamp(now + stale),
        expires_at=timestamp(now + expires),
    )
    if isinstance(content, Directory):
        document.directory.CopyFrom(content)
    elif isinstance(content, Catalogue):
        document.catalogue.CopyFrom(content)
    else:
        document.agreement.CopyFrom(content)
    return document


def document_leaf(document: bytes) -> Leaf:
    """Return a document's bytes as they are sealed."""
    return Leaf(sealing.DOCUMENT, document)


def digest_of(signed: SignedDocument) -> str:
    """Return the digest by which a document is fetched."""
    return sha256(signed.document).hexdigest()


def name_of(document: Document) -> str:
    """Return the name under which a newer version replaces an older one."""
    if document.HasField("directory"):
        return DIRECTORY
    if document.HasField("catalogue"):
        return f"catalogue/{document.catalogue.member}"
    return f"agreement/{'/'.join(document.agreement.parties)}/{document.agreement.name}"


def believed(signed: SignedDocument, authorities: Authorities, keys: Keys) -> Believed:
    """Return a document whose seals are right: of enough authorities for a directory, else of its members.

    Raises:
        Refusal: MALFORMED, INVALID_FIELD, DOCUMENT_INVALID.
    """
    document = decoded(Document, signed.document)
    _check_times(document)
    if document.HasField("directory"):
        _check_authorities(document, signed, authorities)
        _check_directory(document)
    else:
        _check_members(document, signed, keys)
    return Believed(name_of(document), digest_of(signed), document, signed)


def check_newer(new: Believed, held: Believed | None) -> bool:
    """Say whether a document replaces the one that is held; the same one again is no news.

    Raises:
        Refusal: DOCUMENT_OLDER if it is older, or other content under the same version.
    """
    if held is None:
        return True
    if new.digest == held.digest:
        return False
    if new.document.version <= held.document.version:
        facts = {"name": new.name, "version": str(new.document.version), "held": str(held.document.version)}
        raise Refusal(codes.DOCUMENT_OLDER, facts)
    return True


def _check_times(document: Document) -> None:
    issued, stale, expires = map(moment, (document.issued_at, document.stale_at, document.expires_at))
    if not issued <= stale <= expires:
        raise _invalid(document, "it must be issued before it is stale, and stale before it expires")
    if expires - issued > LONGEST_VALID:
        raise _invalid(document, "it may be valid for 20 years at most")
    if expires.year > _LATEST_YEAR:
        raise _invalid(document, "its moments must be in the years 1 to 9998")


def _check_authorities(document: Document, signed: SignedDocument, authorities: Authorities) -> None:
    leaf = document_leaf(signed.document)
    signers = {key.key_id for key in authorities.keys for seal in signed.seals if seal_is_right(key, seal, leaf)}
    if len(signers) < authorities.threshold:
        rule = f"{len(signers)} of the trusted authorities signed it, and {authorities.threshold} must"
        raise _invalid(document, rule)


def _check_directory(document: Document) -> None:
    if rule := check_directory(document.directory):
        raise _invalid(document, rule)


def _check_members(document: Document, signed: SignedDocument, keys: Keys) -> None:
    for member in _must_sign(document):
        if not _has_sealed(keys, member, signed.seals, signed.document):
            raise _invalid(document, _unsigned(document, member))


def _unsigned(document: Document, member: str) -> str:
    rule = f"no key that the directory lists for {member} signed it"
    return f"{rule}; `tongban agreement sign` does, at its node" if document.HasField("agreement") else rule


def _must_sign(document: Document) -> list[str]:
    if document.HasField("catalogue"):
        return [document.catalogue.member]
    parties = list(document.agreement.parties)
    if parties != sorted(set(parties)):
        raise _invalid(document, "its parties must be two different members, in the order of their ids")
    return parties


def _has_sealed(keys: Keys, member: str, seals: Iterable[Seal], document: bytes) -> bool:
    return any(member_sealed(keys, member, seal, document_leaf(document)) for seal in seals)


def _invalid(document: Document, rule: str) -> Refusal:
    return Refusal(codes.DOCUMENT_INVALID, {"name": name_of(document)}, rule=rule)

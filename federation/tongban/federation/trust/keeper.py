"""Keeps the documents of a node: takes in what can be believed, writes it down, and renews the view."""

from hashlib import sha256

from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.core import codes, documents
from tongban.core.documents import Authorities, Believed, Freshness
from tongban.core.errors import Refusal
from tongban.core.times import Clock, micros, moment
from tongban.federation.calls import Step, writes
from tongban.federation.store.interface import Store
from tongban.federation.store.units import Put, Unit
from tongban.federation.trust.view import TrustView, view_of


class Keeper:
    """The documents that a node holds, and the view that they give."""

    def __init__(self, authorities: Authorities, clock: Clock) -> None:
        self._authorities = authorities
        self._clock = clock
        self.view = TrustView()

    async def load(self, store: Store) -> None:
        """Take in what was written before; what cannot be believed any more (a key left the directory) stays out."""
        rows = sorted(await store.documents(), key=lambda row: row.name != documents.DIRECTORY)
        for row in rows:
            try:
                self.take(self.believe(SignedDocument.FromString(row.signed)))
            except Refusal:
                continue

    def admit(self, signed: SignedDocument) -> Believed:
        """Return a document that may be taken in now: a stale directory works on, but gives nobody anything new.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD, DOCUMENT_INVALID, DOCUMENT_OLDER.
        """
        believed, directory = self.believe(signed), self.view.directory
        fresh = directory is not None and directory.freshness(self._clock()) is Freshness.FRESH
        if believed.document.HasField("agreement") and not fresh:
            rule = "the directory is not fresh, so no new agreement is taken; import a newer directory first"
            raise Refusal(codes.DOCUMENT_INVALID, {"name": believed.name}, rule=rule)
        return believed

    def believe(self, signed: SignedDocument) -> Believed:
        """Return a document that can be believed and is not older than the one held.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD, DOCUMENT_INVALID, DOCUMENT_OLDER.
        """
        believed = documents.believed(signed, self._authorities, self.view)
        documents.check_newer(believed, self.view.documents.get(believed.name))
        return believed

    def take(self, believed: Believed) -> None:
        """Have the view say what a document says; what a new directory no longer bears out says nothing any more."""
        held = {**self.view.documents, believed.name: believed}
        view = view_of(held.values(), self._clock())
        if believed.name == documents.DIRECTORY:
            view = view_of([one for one in held.values() if self._stands(one, view)], self._clock())
        self.view = view

    def refresh(self) -> None:
        """Renew the view, so that what has expired says nothing any more."""
        self.view = view_of(self.view.documents.values(), self._clock())

    def _stands(self, believed: Believed, view: TrustView) -> bool:
        try:
            documents.believed(believed.signed, self._authorities, view)
        except Refusal:
            return False
        return True

    def step(self, believed: Believed) -> Step:
        """Return the step that writes a document down."""
        return writes(Unit(operations=(Put("documents", document_row(believed)),)))


def document_row(believed: Believed) -> dict[str, object]:
    """Return a document as the store keeps it."""
    return {
        "name": believed.name,
        "version": believed.document.version,
        "digest": sha256(believed.signed.document).digest(),
        "expires": micros(moment(believed.document.expires_at)),
        "signed": believed.signed.SerializeToString(deterministic=True),
    }

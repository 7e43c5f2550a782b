"""Keeps the documents of a node: takes in what can be believed, writes it down, and renews the view."""

from hashlib import sha256

from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.core import documents
from tongban.core.documents import Authorities, Believed
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

    def believe(self, signed: SignedDocument) -> Believed:
        """Return a document that can be believed and is not older than the one held.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD, DOCUMENT_INVALID, DOCUMENT_OLDER.
        """
        believed = documents.believed(signed, self._authorities, self.view)
        documents.check_newer(believed, self.view.documents.get(believed.name))
        return believed

    def take(self, believed: Believed) -> None:
        """Have the view say what a document says."""
        held = {**self.view.documents, believed.name: believed}
        self.view = view_of(held.values(), self._clock())

    def refresh(self) -> None:
        """Renew the view, so that what has expired says nothing any more."""
        self.view = view_of(self.view.documents.values(), self._clock())

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

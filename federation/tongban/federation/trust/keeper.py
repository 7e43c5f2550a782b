"""Keeps the documents of a node: takes in what can be believed, writes it down, and renews the view."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
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

log = logging.getLogger(__name__)

Write = Callable[[Step], Awaitable[object]]
"""Makes a step durable."""


class Keeper:
    """The documents that a node holds, and the view that they give."""

    def __init__(self, authorities: Authorities, clock: Clock) -> None:
        self._authorities = authorities
        self._clock = clock
        self.view = TrustView()
        self._turn = asyncio.Lock()
        self._keeping: set[asyncio.Task[Believed]] = set()

    async def load(self, store: Store) -> None:
        """Take in what was written before; what cannot be believed any more (a key left the directory) stays out."""
        rows = sorted(await store.documents(), key=lambda row: row.name != documents.DIRECTORY)
        for row in rows:
            try:
                self.view = self._with(self.believe(SignedDocument.FromString(row.signed)))
            except Refusal as refusal:
                log.warning("the document %s that was kept is left out: %s", row.name, refusal)
            except Exception:
                log.exception("the document %s that was kept is left out", row.name)

    async def keep(self, signed: SignedDocument, write: Write, after: Callable[[], None] = lambda: None) -> Believed:
        """Check a document, write it down and have the view say what it says; one after the other.

        Once begun it is done whole, also if the caller leaves; `after` is called in the end. The same document again
        changes nothing.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD, DOCUMENT_INVALID, DOCUMENT_OLDER.
            StoreFailed: it could not be written, and the view is as it was.
        """
        task = asyncio.create_task(self._keep(signed, write, after))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        return await asyncio.shield(task)

    async def _keep(self, signed: SignedDocument, write: Write, after: Callable[[], None]) -> Believed:
        async with self._turn:
            believed = self.admit(signed)
            if documents.check_newer(believed, self.view.documents.get(believed.name)):
                view = self._with(believed)
                await write(writes(Unit(operations=(Put("documents", document_row(believed)),))))
                self.view = view
            after()
            return believed

    def admit(self, signed: SignedDocument) -> Believed:
        """Return a document that may be taken in now: a stale directory works on, but gives nobody anything new.

        Raises:
            Refusal: MALFORMED, INVALID_FIELD, DOCUMENT_INVALID, DOCUMENT_OLDER.
        """
        believed, directory, now = self.believe(signed), self.view.directory, self._clock()
        if believed.freshness(now) is Freshness.EXPIRED:
            when = moment(believed.document.expires_at).isoformat(timespec="seconds")
            raise Refusal(codes.DOCUMENT_INVALID, {"name": believed.name}, rule=f"it expired at {when}")
        fresh = directory is not None and directory.freshness(now) is Freshness.FRESH
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
        self._check_federation(believed)
        documents.check_newer(believed, self.view.documents.get(believed.name))
        return believed

    def _check_federation(self, believed: Believed) -> None:
        """Refuse the directory of another federation that the same authority forms: it must not replace this one."""
        ours, theirs = self.view.federation, believed.document.directory.federation
        if believed.name == documents.DIRECTORY and ours and ours != theirs:
            rule = f"it is of the federation {theirs}, and this node belongs to {ours}"
            raise Refusal(codes.DOCUMENT_INVALID, {"name": believed.name}, rule=rule)

    def refresh(self) -> None:
        """Renew the view, so that what has expired says nothing any more."""
        self.view = view_of(self.view.documents.values(), self._clock())

    def _stands(self, believed: Believed, view: TrustView) -> bool:
        try:
            documents.believed(believed.signed, self._authorities, view)
        except Refusal:
            return False
        return True

    def _with(self, believed: Believed) -> TrustView:
        """Return the view with one more document; what a new directory no longer bears out is not in it."""
        held = {**self.view.documents, believed.name: believed}
        view = view_of(held.values(), self._clock())
        if believed.name == documents.DIRECTORY:
            view = view_of([one for one in held.values() if self._stands(one, view)], self._clock())
        return view


def document_row(believed: Believed) -> dict[str, object]:
    """Return a document as the store keeps it."""
    return {
        "name": believed.name,
        "version": believed.document.version,
        "digest": sha256(believed.signed.document).digest(),
        "expires": micros(moment(believed.document.expires_at)),
        "signed": believed.signed.SerializeToString(deterministic=True),
    }

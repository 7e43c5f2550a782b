"""Fetches documents that peers hold and this node does not: newer directories, catalogues, agreements."""

import asyncio
import logging
from typing import Protocol

from tongban.api.documents.v1.documents_pb2 import (
    Document,
    DocumentHead,
    FetchDocumentRequest,
    FetchDocumentResponse,
    ListDocumentsRequest,
    ListDocumentsResponse,
    SignedDocument,
)
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.documents import DIRECTORY, digest_of, name_of
from tongban.core.errors import Refusal
from tongban.federation.exchange.asking import PeerUnavailable
from tongban.federation.publishing import PUBLISH
from tongban.federation.resources import OUTBOX, Resources

log = logging.getLogger(__name__)

_LIST = "/tongban.api.documents.v1.DocumentService/ListDocuments"
_FETCH = "/tongban.api.documents.v1.DocumentService/FetchDocument"
_ALL_HELD_SECONDS = 30.0
_MISSING_SECONDS = 1.0

PEER_SEEN = "peer-seen"
"""Topic: a peer has shown itself."""


class Fetcher(Protocol):
    """Calls a public method of a peer, outside the link."""

    async def fetch(self, peer: str, method: str, body: bytes) -> bytes:
        """Return the answer; raise PeerUnavailable if there is none."""
        ...


class Refresher:
    """Keeps the documents of a node as new as its peers have them."""

    def __init__(self, resources: Resources, fetcher: Fetcher) -> None:
        self._resources = resources
        self._fetcher = fetcher

    async def run(self) -> None:
        """Ask peers now and then, and soon while a catalogue is missing, until cancelled."""
        changed = self._resources.wakes.listen(PUBLISH)
        seen = self._resources.wakes.listen(PEER_SEEN)
        while True:
            changed.clear()
            seen.clear()
            await self.refresh()
            await _first_of(changed, seen, seconds=self._pause())

    async def refresh(self) -> None:
        """Ask every peer once."""
        self._resources.keeper.refresh()
        await asyncio.gather(*(self._ask(peer) for peer in self._peers()))

    async def _ask(self, peer: str) -> None:
        try:
            listed = await self._fetcher.fetch(peer, _LIST, ListDocumentsRequest().SerializeToString())
            for head in ListDocumentsResponse.FromString(listed).documents:
                if self._wanted(head, peer):
                    await self._take(peer, head)
        except PeerUnavailable:
            return
        except Refusal as refusal:
            log.warning("a document of %s is not taken: %s", peer, refusal)
        except Exception:
            log.exception("documents of %s", peer)

    async def _take(self, peer: str, head: DocumentHead) -> None:
        body = FetchDocumentRequest(digest=head.digest).SerializeToString()
        answer = FetchDocumentResponse.FromString(await self._fetcher.fetch(peer, _FETCH, body))
        _check_asked_for(answer.document, head)
        believed = await self._resources.keeper.keep(answer.document, self._resources.flush.put)
        if believed.name == DIRECTORY:
            self._resources.waker(PUBLISH, OUTBOX)()

    def _wanted(self, head: DocumentHead, peer: str) -> bool:
        held = self._resources.keeper.view.documents.get(head.name)
        if held is not None and (held.digest == head.digest or held.document.version >= head.version):
            return False
        own = self._resources.member
        is_agreement_of_mine = head.name.startswith("agreement/") and own in head.name.split("/")[1:3]
        return head.name in (DIRECTORY, f"catalogue/{peer}") or is_agreement_of_mine

    def _peers(self) -> list[str]:
        members = self._resources.keeper.view.members
        return [id_ for id_, member in members.items() if id_ != self._resources.member and member.nodes]

    def _pause(self) -> float:
        held = self._resources.keeper.view.methods
        return _ALL_HELD_SECONDS if all(peer in held for peer in self._peers()) else _MISSING_SECONDS


def _check_asked_for(signed: SignedDocument, head: DocumentHead) -> None:
    name = name_of(decoded(Document, signed.document))
    if (name, digest_of(signed)) != (head.name, head.digest):
        raise Refusal(codes.DOCUMENT_INVALID, {"name": head.name}, rule=f"another one came for it, {name}")


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()

"""Fetches documents that peers hold and this node does not: newer directories, catalogues, agreements."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from google.protobuf.message import Message

from tongban.api.common.v1.common_pb2 import CallContext
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
from tongban.federation.exchange.asking import UNREACHABLE
from tongban.federation.exchange.carrier import Terms
from tongban.federation.resources import OUTBOX, PEER_SEEN, Resources
from tongban.federation.trust.publishing import PUBLISH

log = logging.getLogger(__name__)

_LIST = "/tongban.api.documents.v1.DocumentService/ListDocuments"
_FETCH = "/tongban.api.documents.v1.DocumentService/FetchDocument"
_DIRECTORY_SECONDS = 30.0
"""How often the view is renewed and the directory looked through for new peers, if nothing happens."""

_HELD_SECONDS, _FIRST_SECONDS, _LEAST_SECONDS = 30.0, 1.0, 0.1
"""How long a peer is left alone: while its catalogue is held, at first while it is missing, and in any case."""

_PEER_SECONDS = 60.0
"""How long one peer may take for all that it has, if its answers come at once; else each has its carrier's time."""

_MOST_HEADS = 1000


class Asker(Protocol):
    """Asks peers."""

    async def ask(self, peer: str, method: str, context: CallContext, body: bytes) -> bytes:
        """Return a peer's answer. Raises a Refusal: the peer's, or why it cannot be reached."""
        ...


class Refresher:
    """Keeps the documents of a node as new as its peers have them."""

    def __init__(self, resources: Resources, asker: Asker) -> None:
        self._resources = resources
        self._asker = asker
        self._following: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Follow every peer of the directory, each in its own time, until cancelled."""
        changed = self._resources.wakes.listen(PUBLISH)
        try:
            while True:
                changed.clear()
                self._resources.keeper.refresh()
                self._follow_all()
                await _first_of(changed, seconds=_DIRECTORY_SECONDS)
        finally:
            self._resources.wakes.forget(PUBLISH, changed)
            await self._leave_all()

    async def ask(self, peer: str) -> None:
        """Ask a peer once for what it holds that is newer; what it does wrong is logged."""
        try:
            async with asyncio.timeout(_PEER_SECONDS if self._terms(peer).at_once else None):
                listing = ListDocumentsRequest(directory_version=self._resources.keeper.view.version)
                body = await self._ask(peer, _LIST, listing)
                for head in self._wanted(ListDocumentsResponse.FromString(body).documents, peer):
                    await self._try_to_take(peer, head)
        except TimeoutError:
            log.warning("documents of %s: not all came in time", peer)
        except Refusal as refusal:
            if refusal.code not in UNREACHABLE:
                log.warning("%s does not say what documents it holds: %s", peer, refusal)
        except Exception:
            log.exception("documents of %s", peer)

    def _follow_all(self) -> None:
        peers = self._peers()
        for peer in peers - set(self._following):
            self._following[peer] = asyncio.create_task(self._follow(peer), name=f"documents of {peer}")
        for peer in set(self._following) - peers:
            self._following.pop(peer).cancel()

    async def _leave_all(self) -> None:
        tasks = list(self._following.values())
        self._following.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, peer: str) -> None:
        """Ask one peer now and then; soon while its catalogue is missing, but less and less often."""
        wakes, topics = self._resources.wakes, (PUBLISH, f"{PEER_SEEN}/{self._resources.asking.routes.next(peer)}")
        events, pause = [wakes.listen(topic) for topic in topics], _FIRST_SECONDS
        try:
            while True:
                for event in events:
                    event.clear()
                await self.ask(peer)
                await asyncio.sleep(_LEAST_SECONDS)
                held = peer in self._resources.keeper.view.methods
                left_alone = max(_HELD_SECONDS, self._terms(peer).patience)
                woken = await _first_of(*events, seconds=left_alone if held else pause)
                pause = _FIRST_SECONDS if woken or held else min(2 * pause, _HELD_SECONDS)
        finally:
            for topic, event in zip(topics, events, strict=True):
                wakes.forget(topic, event)

    def _terms(self, peer: str) -> Terms:
        return self._resources.asking.terms(peer, _LIST)

    async def _try_to_take(self, peer: str, head: DocumentHead) -> None:
        try:
            await self._take(peer, head)
        except Refusal as refusal:
            log.warning("a document of %s is not taken: %s", peer, refusal)

    async def _ask(self, peer: str, method: str, request: Message) -> bytes:
        return await self._asker.ask(peer, method, CallContext(), request.SerializeToString())

    async def _take(self, peer: str, head: DocumentHead) -> None:
        answer = FetchDocumentResponse.FromString(
            await self._ask(peer, _FETCH, FetchDocumentRequest(digest=head.digest))
        )
        _check_asked_for(answer.document, head)
        wake = self._resources.waker(*((PUBLISH, OUTBOX) if head.name == DIRECTORY else ()))
        await self._resources.keeper.keep(answer.document, self._resources.flush.put, wake)

    def _wanted(self, heads: Iterable[DocumentHead], peer: str) -> list[DocumentHead]:
        """Return what this node wants of what a peer lists: each name once, the directory first."""
        wanted = {head.name: head for head in heads if self._is_wanted(head, peer)}
        return sorted(wanted.values(), key=lambda head: (head.name != DIRECTORY, head.name))[:_MOST_HEADS]

    def _is_wanted(self, head: DocumentHead, peer: str) -> bool:
        own = self._resources.member
        is_agreement_of_mine = head.name.startswith("agreement/") and own in head.name.split("/")[1:3]
        if head.name not in (DIRECTORY, f"catalogue/{peer}") and not is_agreement_of_mine:
            return False
        held = self._resources.keeper.view.documents.get(head.name)
        return held is None or (held.digest != head.digest and held.document.version < head.version)

    def _peers(self) -> set[str]:
        members = self._resources.keeper.view.members
        return {id_ for id_, member in members.items() if id_ != self._resources.member and member.nodes}


def _check_asked_for(signed: SignedDocument, head: DocumentHead) -> None:
    name = name_of(decoded(Document, signed.document))
    if (name, digest_of(signed)) != (head.name, head.digest):
        raise Refusal(codes.DOCUMENT_INVALID, {"name": head.name}, rule=f"another one came for it, {name}")


async def _first_of(*events: asyncio.Event, seconds: float) -> bool:
    """Wait for one of the events, or so long; say whether one came."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        came, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(came)
    finally:
        for wait in waits:
            wait.cancel()

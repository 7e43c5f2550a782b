"""What every member may know: items and documents. All of it is in memory."""

from tongban.api.catalogue.v1 import catalogue_pb2 as pb
from tongban.api.documents.v1.documents_pb2 import (
    CaseRow,
    FetchDocumentRequest,
    FetchDocumentResponse,
    ListDocumentsRequest,
    ListDocumentsResponse,
)
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Outcome
from tongban.federation.resources import PEER_SEEN, Resources


class Public:
    """Answers what everybody may ask."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def list_items(self, caller: Caller, call: Call) -> Outcome:
        """Find items by words."""
        request = decoded(pb.ListItemsRequest, call.body)
        view, words = self._resources.keeper.view, request.text.casefold().split()
        found = [
            self._published(member, item)
            for (member, _), item in self._items()
            if request.member in ("", member) and _fits(item, view.title(member), words)
        ]
        return Outcome(pb.ListItemsResponse(items=found).SerializeToString())

    async def get_item(self, caller: Caller, call: Call) -> Outcome:
        """Show one item."""
        request = decoded(pb.GetItemRequest, call.body)
        item = self._resources.keeper.view.items.get((request.member, request.code))
        if item is None:
            raise Refusal(codes.ITEM_UNKNOWN, {"item": request.code})
        answer = pb.GetItemResponse(item=self._published(request.member, item))
        return Outcome(answer.SerializeToString())

    async def list_documents(self, caller: Caller, call: Call) -> Outcome:
        """List the documents that this node holds; a peer that has a newer directory is asked back at once."""
        theirs, view = decoded(ListDocumentsRequest, call.body).directory_version, self._resources.keeper.view
        if theirs > view.version and caller.member != self._resources.member:
            self._resources.wakes.wake(f"{PEER_SEEN}/{caller.member}")
        held = view.documents
        heads = [held[name].head() for name in sorted(held)]
        return Outcome(ListDocumentsResponse(documents=heads).SerializeToString())

    async def fetch_document(self, caller: Caller, call: Call) -> Outcome:
        """Return one document with its seals."""
        digest = decoded(FetchDocumentRequest, call.body).digest
        for believed in self._resources.keeper.view.documents.values():
            if believed.digest == digest:
                return Outcome(FetchDocumentResponse(document=believed.signed).SerializeToString())
        raise Refusal(codes.DOCUMENT_UNKNOWN, {"digest": digest})

    def _items(self) -> list[tuple[tuple[str, str], pb.Item]]:
        return sorted(self._resources.keeper.view.items.items(), key=lambda pair: pair[0])

    def _published(self, member: str, item: pb.Item) -> pb.PublishedItem:
        view = self._resources.keeper.view
        name = view.members[member].name if member in view.members else ""
        return pb.PublishedItem(member=member, member_name=name, item=item, mode=self._mode(member, item))

    def _mode(self, member: str, item: pb.Item) -> "pb.Mode.ValueType":
        if member == self._resources.member:
            return pb.MODE_ONLINE
        now = self._resources.clock()
        row = self._resources.keeper.view.case_row(self._resources.member, member, item.code, now)
        return row.row.mode if row and isinstance(row.row, CaseRow) else pb.MODE_UNSPECIFIED


def _fits(item: pb.Item, member: str, words: list[str]) -> bool:
    text = f"{item.name} {item.code} {member}".casefold()
    return all(word in text for word in words)

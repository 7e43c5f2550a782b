"""The client of an operator's command line, through the node's Unix socket."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import grpc

from tongban.api.admin.v1.admin_pb2 import (
    AddWindowRequest,
    ExportEvidenceRequest,
    ExportEvidenceResponse,
    GetStatusRequest,
    GetStatusResponse,
    ImportDocumentRequest,
    ListPluginsRequest,
    ListWindowsRequest,
    Plugin,
    RevokeWindowRequest,
    SignAgreementRequest,
    Window,
    WindowRole,
)
from tongban.api.admin.v1.admin_pb2_grpc import AdminServiceStub
from tongban.api.catalogue.v1.catalogue_pb2 import GetItemRequest, ListItemsRequest, PublishedItem
from tongban.api.catalogue.v1.catalogue_pb2_grpc import CatalogueServiceStub
from tongban.api.documents.v1.documents_pb2 import (
    DocumentHead,
    FetchDocumentRequest,
    ListDocumentsRequest,
    SignedDocument,
)
from tongban.api.documents.v1.documents_pb2_grpc import DocumentServiceStub
from tongban.core.client._calls import Call
from tongban.core.client._channel import CHANNEL_OPTIONS, DEFAULT_TIMEOUT
from tongban.core.errors import invalid_field
from tongban.core.times import moment

EXPORT_TIMEOUT = 600.0
"""Seconds that an export of evidence may take unless it says otherwise."""

SOCKET_PATH_LIMIT = 107
"""Most bytes in the path of a Unix socket (``sun_path`` on Linux)."""

Q = TypeVar("Q")
A = TypeVar("A")


class AdminClient:
    """An operator's connection to a running node on the same machine.

    Every method can raise `tongban.core.Refusal`: what the node refused, or DEADLINE, NODE_UNREACHABLE and
    ANSWER_UNREADABLE if there was no answer. No call is repeated.
    """

    def __init__(self, socket: Path, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Make a client; it dials when it is first used.

        Args:
            socket: the node's admin socket.
            timeout: seconds that a call may take.

        Raises:
            Refusal: INVALID_FIELD, the path is too long for a socket.
        """
        if len(os.fsencode(socket)) > SOCKET_PATH_LIMIT:
            raise invalid_field("socket", f"a socket's path has at most {SOCKET_PATH_LIMIT} bytes; shorten it")
        self._endpoint, self._timeout = f"unix:{socket}", timeout
        self._channel = grpc.insecure_channel(self._endpoint, CHANNEL_OPTIONS)
        self._admin = AdminServiceStub(self._channel)
        self._catalogue, self._documents = CatalogueServiceStub(self._channel), DocumentServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def status(self) -> GetStatusResponse:
        """Return how the node is: who it is, what it holds, what waits, and what hinders it."""
        return self._ask(self._admin.GetStatus, GetStatusRequest())

    def add_window(self, window_id: str, name: str, roles: "Sequence[WindowRole.ValueType]") -> str:
        """Register a window and return its token, which is shown this once."""
        request = AddWindowRequest(window_id=window_id, name=name, roles=roles)
        return self._ask(self._admin.AddWindow, request).token

    def revoke_window(self, window_id: str) -> datetime:
        """Take a window's token back, and return since when it is good for nothing.

        Raises:
            Refusal: WINDOW_NOT_FOUND.
        """
        return moment(self._ask(self._admin.RevokeWindow, RevokeWindowRequest(window_id=window_id)).revoked_at)

    def windows(self) -> list[Window]:
        """Return the windows, by id."""
        return list(self._ask(self._admin.ListWindows, ListWindowsRequest()).windows)

    def import_document(self, document: SignedDocument) -> DocumentHead:
        """Give the node a signed directory or agreement, and return what it is."""
        return self._ask(self._admin.ImportDocument, ImportDocumentRequest(document=document)).head

    def sign_agreement(self, document: SignedDocument) -> SignedDocument:
        """Return the agreement with the seal of the node's member added."""
        return self._ask(self._admin.SignAgreement, SignAgreementRequest(document=document)).document

    def plugins(self) -> list[Plugin]:
        """Return the plugins, by name, also those that did not load."""
        return list(self._ask(self._admin.ListPlugins, ListPluginsRequest()).plugins)

    def evidence(self, start: int = 0, *, timeout: float = EXPORT_TIMEOUT) -> Iterator[ExportEvidenceResponse]:
        """Yield the evidence log from a record on, in parts, with what verifies it."""
        call = Call(self._endpoint, timeout, pauses=())
        stream = self._admin.ExportEvidence(ExportEvidenceRequest(start=start), **call.terms())
        try:
            yield from stream
        except grpc.RpcError as error:
            raise call.refusal(error) from error
        finally:
            stream.cancel()

    def items(self, text: str = "", *, member: str = "") -> list[PublishedItem]:
        """Return the items 事项 whose name, code or member contains these words; all, if there are none."""
        return list(self._ask(self._catalogue.ListItems, ListItemsRequest(text=text, member=member)).items)

    def item(self, member: str, code: str) -> PublishedItem:
        """Return one member's item with its form, materials and mode."""
        return self._ask(self._catalogue.GetItem, GetItemRequest(member=member, code=code)).item

    def documents(self) -> list[DocumentHead]:
        """Return what the node holds of the federation's documents, by name."""
        return list(self._ask(self._documents.ListDocuments, ListDocumentsRequest()).documents)

    def fetch_document(self, digest: str) -> SignedDocument:
        """Return a document with its seals."""
        return self._ask(self._documents.FetchDocument, FetchDocumentRequest(digest=digest)).document

    def _ask(self, method: "grpc.UnaryUnaryMultiCallable[Q, A]", request: Q) -> A:
        call = Call(self._endpoint, self._timeout, pauses=())
        try:
            return method(request, **call.terms())
        except grpc.RpcError as error:
            raise call.refusal(error) from error

"""The federation's documents as a running node holds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tongban.api.admin.v1.admin_pb2 import Freshness
from tongban.api.documents.v1.documents_pb2 import Document, Member
from tongban.core import codes
from tongban.core.client import AdminClient
from tongban.core.documents import DIRECTORY
from tongban.core.errors import Refusal
from tongban.federation.cli import words
from tongban.federation.formation import read_document


def heads(client: AdminClient, prefix: str) -> list[dict[str, Any]]:
    """Return the documents whose name begins so, and how each stands."""
    return [
        {**words.head(one.head), "state": words.named(Freshness, one.freshness)}
        for one in client.status().documents
        if one.head.name.startswith(prefix)
    ]


def documents(client: AdminClient, prefix: str) -> Iterator[Document]:
    """Yield the documents whose name begins so; the node has checked their seals."""
    for head in client.documents():
        if head.name.startswith(prefix):
            yield Document.FromString(client.fetch_document(head.digest).document)


def members(client: AdminClient) -> list[Member]:
    """Return the members of the directory.

    Raises:
        Refusal: DIRECTORY_MISSING.
    """
    directory = next(documents(client, DIRECTORY), None)
    if directory is None:
        raise Refusal(codes.DIRECTORY_MISSING)
    return list(directory.directory.members)


def take(client: AdminClient, file: Path, what: str) -> dict[str, Any]:
    """Give a document's file to the node, and return what it is."""
    return words.head(client.import_document(read_document(file, what)))

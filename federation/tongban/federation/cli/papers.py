"""Official papers 文书 as files that OpenSSL alone verifies."""

from pathlib import Path
from typing import Any

from tongban.api.common.v1.common_pb2 import Paper
from tongban.api.documents.v1.documents_pb2 import Document, PublicKey
from tongban.core import codes
from tongban.core.client import Client, save_paper
from tongban.core.documents import DIRECTORY
from tongban.core.errors import Refusal


def save(client: Client, paper: Paper, out: Path) -> dict[str, Any]:
    """Write a paper, its signature and its issuer's key from the directory, and say how OpenSSL verifies them."""
    key = _key(client, paper)
    saved = save_paper(paper, key, out)
    files = {"file": str(saved.file), "signature": str(saved.signature), "key_file": str(saved.key_file)}
    return {**files, "verify": saved.verify}


def _key(client: Client, paper: Paper) -> PublicKey:
    for head in client.documents():
        if head.name == DIRECTORY:
            directory = Document.FromString(client.fetch_document(head.digest).document).directory
            for member in directory.members:
                for key in member.keys:
                    if (member.id, key.key_id) == (paper.issuer, paper.key_id):
                        return key
    raise Refusal(codes.PEER_UNKNOWN, {"what": "key", "member": paper.issuer})

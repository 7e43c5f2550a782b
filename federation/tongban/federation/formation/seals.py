"""Sealing documents outside a node, and the files in which they travel: serialised `SignedDocument` messages."""

import asyncio
import os
from pathlib import Path

from tongban.api.documents.v1.documents_pb2 import Document, SignedDocument
from tongban.core.decoding import decoded
from tongban.core.documents import document_leaf
from tongban.core.errors import Refusal
from tongban.core.sealing import seal_all
from tongban.core.signing import LocalSigner
from tongban.federation.formation.errors import FormationError, read_file


def add_seal(signer: LocalSigner, signed: SignedDocument) -> SignedDocument:
    """Return a document with this key's seal; an earlier one of the same key is replaced. Runs an event loop."""
    seals = asyncio.run(seal_all(signer, [document_leaf(signed.document)]))
    others = [seal for seal in signed.seals if seal.key_id != signer.public_key.key_id]
    return SignedDocument(document=signed.document, seals=[*others, *seals])


def read_document(path: Path, what: str) -> SignedDocument:
    """Read a document's file; its seals are not checked.

    Raises:
        FormationError: it holds no document.
    """
    try:
        signed = decoded(SignedDocument, read_file(path, what))
        decoded(Document, signed.document)
    except Refusal as error:
        raise FormationError(f"{path} is no {what}", [str(error)]) from None
    return signed


def write_document(path: Path, signed: SignedDocument) -> None:
    """Write a document's file, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(signed.SerializeToString(deterministic=True))
    os.replace(new, path)

"""What the demonstration proves with means of its own: OpenSSL, the directory's keys, and the bytes of a log."""

import shlex
import subprocess
from pathlib import Path

from tongban.api.cases.v1.cases_pb2 import GetCaseResponse
from tongban.api.common.v1.common_pb2 import Paper
from tongban.api.documents.v1.documents_pb2 import SignedDocument
from tongban.api.evidence.v1.evidence_pb2 import Evidence
from tongban.core import signing
from tongban.core.case import record
from tongban.core.case.fold import CaseView
from tongban.core.client import AdminClient, SavedPaper, save_paper
from tongban.core.documents import Authorities, believed
from tongban.core.evidence import Findings, read, verify_file, write
from tongban.core.sealing import KeyRing


def keys_of(directory: Path, authority: Path) -> KeyRing:
    """Return the members' keys of a directory that its authority signed."""
    signed = SignedDocument.FromString(directory.read_bytes())
    trusted = Authorities((signing.read_public_pem(authority.read_bytes()),), 1)
    listed = believed(signed, trusted, KeyRing({})).document.directory
    return KeyRing({(member.id, key.key_id): key for member in listed.members for key in member.keys})


def save(paper: Paper, keys: KeyRing, folder: Path, name: str) -> SavedPaper:
    """Write a paper, its signature and its issuer's key as OpenSSL takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    key = keys.key(paper.issuer, paper.key_id)
    if key is None:
        raise ValueError(f"the directory lists no key {paper.key_id} of {paper.issuer}")
    return save_paper(paper, key, folder / name)


def openssl_agrees(saved: SavedPaper) -> bool:
    """Say whether the OpenSSL command verifies a paper."""
    return subprocess.run(shlex.split(saved.verify), capture_output=True, check=False).returncode == 0  # noqa: S603


def verified(case: GetCaseResponse, keys: KeyRing) -> CaseView:
    """Return the case that its events tell, after checking every seal, number and step."""
    view = record.verify(keys, case.events)
    if view is None:
        raise ValueError("the case has no events")
    return view


def export(admin: AdminClient, file: Path) -> list[Evidence]:
    """Write a node's evidence log to a file and return its records."""
    with file.open("wb") as stream:
        write(stream, admin.evidence())
    with file.open("rb") as stream:
        return [Evidence.FromString(one.record) for part in read(stream) for one in part.records]


def verify_log(file: Path, keys: KeyRing) -> Findings:
    """Verify a log by the directory's keys."""
    with file.open("rb") as stream:
        return verify_file(stream, keys)


def alter(file: Path, copy: Path, text: bytes) -> int:
    """Copy a log with one byte altered, inside this text; return the place of the byte."""
    content = bytearray(file.read_bytes())
    place = content.rindex(text) + len(text) // 2
    content[place] ^= 0x01
    copy.write_bytes(content)
    return place

"""The file form of an evidence log: parts with their lengths in front, an empty part, and the SHA-256 of all before.

The digest finds what an accident changed outside records and checkpoints, and a file that was cut off; seals find
what somebody changed on purpose.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from google.protobuf.message import DecodeError

from tongban.api.admin.v1.admin_pb2 import ExportEvidenceResponse

MAX_PART = 4 * 1024 * 1024
"""Most bytes of a part."""

START, END = "start of the file", "end of the file"

_LENGTH_BYTES = 4


class EvidenceUnreadable(Exception):
    """The file cannot be read on from some place."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.place = place
        self.what = what


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def write(file: BinaryIO, parts: Iterable[ExportEvidenceResponse]) -> None:
    """Write a log. Empty parts are left out."""
    digest = hashlib.sha256()
    for payload in filter(None, (part.SerializeToString(deterministic=True) for part in parts)):
        for piece in (_varint(len(payload)), payload):
            digest.update(piece)
            file.write(piece)
    digest.update(b"\0")
    file.write(b"\0" + digest.digest())


def read(file: BinaryIO) -> Iterator[ExportEvidenceResponse]:
    """Read a log part by part.

    Raises:
        EvidenceUnreadable: the file ends early, holds what no node writes, or its digest does not fit.
    """
    digest = hashlib.sha256()
    place = START
    while length := _length(file, digest, place):
        payload = _exactly(file, length, place)
        digest.update(payload)
        part = _part(payload, place)
        yield part
        place = f"after record {part.records[-1].position}" if part.records else place
    if file.read(hashlib.sha256().digest_size + 1) != digest.digest():
        raise EvidenceUnreadable(END, "the file's digest does not fit: bytes were changed, added or lost")


def _part(payload: bytes, place: str) -> ExportEvidenceResponse:
    """Parse a part, and refuse fields that we do not know: bytes in them would go unverified."""
    try:
        part = ExportEvidenceResponse.FromString(payload)
    except DecodeError:
        raise EvidenceUnreadable(place, "the part that follows is no part of an evidence log") from None
    part.DiscardUnknownFields()
    if part.SerializeToString(deterministic=True) != payload:
        raise EvidenceUnreadable(place, "the part that follows holds bytes that no record or checkpoint has")
    return part


def _length(file: BinaryIO, digest: _Hash, place: str) -> int:
    length = 0
    for index in range(_LENGTH_BYTES):
        byte = _exactly(file, 1, place)
        digest.update(byte)
        length |= (byte[0] & 0x7F) << (7 * index)
        if byte[0] < 0x80:
            break
    if length > MAX_PART or byte[0] >= 0x80:
        raise EvidenceUnreadable(place, f"the part that follows says it is longer than {MAX_PART} bytes")
    return length


def _exactly(file: BinaryIO, size: int, place: str) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise EvidenceUnreadable(place, "the file ends here, in the middle of a part")
    return data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])

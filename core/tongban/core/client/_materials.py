"""Materials on their way to a node and back."""

import hashlib
import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import BinaryIO, TypeAlias

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.materials.v1.materials_pb2 import (
    FetchMaterialRequest,
    FetchMaterialResponse,
    MaterialDescription,
    UploadMaterialRequest,
    UploadMaterialResponse,
)
from tongban.core.codes import ANSWER_UNREADABLE, TOO_LARGE
from tongban.core.errors import Refusal, invalid_field

MATERIAL_LIMIT = 16 << 30
"""Most bytes of a material; its item and the node may take less."""

CHUNK = 256 << 10
"""Most bytes of it in one message to the node."""

SLICE = 64 << 20
"""Most bytes of it in one call."""

_PART = 1 << 20
_MOST_IDLE = 20

Source: TypeAlias = str | Path | bytes | BinaryIO
"""The path of a file, bytes, or a file that is open for reading bytes and can be sought in."""

Progress: TypeAlias = Callable[[int, int], None]
"""Told after each call: bytes that are there, and bytes in all."""


@dataclass(slots=True)
class Upload:
    """A material, its bytes, and how many of them the node has."""

    material: CaseMaterial
    source: Path | bytes | BinaryIO
    received: int = 0
    idle: int = 0
    """Calls in a row that brought the node nothing new."""

    def requests(self, seconds: float) -> Iterator[UploadMaterialRequest]:
        """Yield the description, then bytes in order: a slice, or what leaves in half of the time that a call has."""
        until, offset = monotonic() + seconds / 2, self.received
        end = min(self.material.size, offset + SLICE)
        yield UploadMaterialRequest(
            description=MaterialDescription(digest=self.material.digest, size=self.material.size, offset=offset)
        )
        while offset < end and (offset == self.received or monotonic() < until):
            data = self._read(offset, min(CHUNK, end - offset))
            yield UploadMaterialRequest(data=data)
            offset += len(data)

    def take(self, answer: UploadMaterialResponse, endpoint: str, progress: Progress | None) -> bool:
        """Take note of what the node has, and say whether another call is to come.

        Raises:
            Refusal: ANSWER_UNREADABLE, the node does not take what it is sent.
        """
        self.idle = self.idle + 1 if answer.received <= self.received else 0
        if self.idle > _MOST_IDLE:
            reason = f"it has {answer.received} bytes of {self.material.size}, and takes no more"
            raise Refusal(ANSWER_UNREADABLE, {"endpoint": endpoint, "reason": reason})
        self.received = answer.received
        if progress is not None:
            progress(self.received, self.material.size)
        return self.received < self.material.size

    def _read(self, offset: int, size: int) -> bytes:
        if isinstance(self.source, bytes):
            return self.source[offset : offset + size]
        with _opened(self.source) as file:
            file.seek(offset)
            return file.read(size)


class Download:
    """A material that comes in parts and is written to a file; what is there already is not fetched again."""

    def __init__(self, case_id: str, digest: str, file: BinaryIO) -> None:
        self._case_id, self._digest, self._file = case_id, digest, file
        file.seek(0)
        self._hash = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
        self._offset = file.tell()

    def request(self) -> FetchMaterialRequest:
        """Return the request for the part that comes next."""
        return FetchMaterialRequest(case_id=self._case_id, digest=self._digest, offset=self._offset, limit=_PART)

    def take(self, part: FetchMaterialResponse, progress: Progress | None) -> bool:
        """Add a part, and say whether another one is to come."""
        self._file.write(part.data)
        self._hash.update(part.data)
        self._offset += len(part.data)
        if progress is not None:
            progress(self._offset, part.size)
        return bool(part.data) and self._offset < part.size

    def check(self, endpoint: str) -> None:
        """Refuse what is not the whole material, and throw it away.

        Raises:
            Refusal: ANSWER_UNREADABLE, the bytes are not those of the digest.
        """
        if self._hash.hexdigest() != self._digest:
            self._file.truncate(0)
            raise Refusal(ANSWER_UNREADABLE, {"endpoint": endpoint, "reason": "the bytes are not those of the digest"})


@contextmanager
def appearing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file beside the path, which becomes the path's once it is whole; what an earlier try left is in it.

    Raises:
        Refusal: INVALID_FIELD, it cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("a+b") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise invalid_field("path", f"{unfinished} cannot be written ({error.strerror})") from error


def prepared(source: Source, code: str, name: str | None, media_type: str | None) -> Upload:
    """Return the upload of a file or of bytes.

    Raises:
        Refusal: TOO_LARGE; INVALID_FIELD, the file cannot be read or bytes have no name.
    """
    source = Path(source) if isinstance(source, str) else source
    name = name or (source.name if isinstance(source, Path) else "")
    if not name:
        raise invalid_field("name", "bytes need a name for people, as a file has")
    digest, size = _measured(source, code)
    material = CaseMaterial(
        code=code,
        name=name,
        digest=digest,
        size=size,
        media_type=media_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
    )
    return Upload(material, source)


def _measured(source: Path | bytes | BinaryIO, code: str) -> tuple[str, int]:
    """Return digest and size, without holding a file in memory."""
    try:
        with _opened(BytesIO(source) if isinstance(source, bytes) else source) as file:
            size = file.seek(0, 2)
            if size > MATERIAL_LIMIT:
                facts = {"what": f"the material {code}", "size": str(size), "limit": str(MATERIAL_LIMIT)}
                raise Refusal(TOO_LARGE, facts)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest(), size  # type: ignore[arg-type]
    except OSError as error:
        raise invalid_field("source", f"{source!s} cannot be read ({error.strerror})") from error


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file for a while; one that is open already stays so."""
    if not isinstance(source, Path):
        yield source
        return
    with source.open("rb") as file:
        yield file

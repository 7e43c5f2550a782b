"""Materials on their way to a node and back."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.materials.v1.materials_pb2 import (
    FetchMaterialRequest,
    FetchMaterialResponse,
    MaterialDescription,
    UploadMaterialRequest,
)
from tongban.core.codes import ANSWER_UNREADABLE, TOO_LARGE
from tongban.core.errors import Refusal, invalid_field

MATERIAL_LIMIT = 4 << 20
"""Most bytes of a material."""

CHUNK = 256 << 10
"""Most bytes of it in one message."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A material and its bytes."""

    material: CaseMaterial
    content: bytes

    def requests(self) -> Iterator[UploadMaterialRequest]:
        """Yield the description, then the bytes in order; anew for each attempt."""
        description = MaterialDescription(digest=self.material.digest, size=self.material.size)
        yield UploadMaterialRequest(description=description)
        for start in range(0, len(self.content), CHUNK):
            yield UploadMaterialRequest(data=self.content[start : start + CHUNK])


class Download:
    """A material that comes in parts."""

    def __init__(self, case_id: str, digest: str) -> None:
        self._case_id, self._digest, self._content = case_id, digest, b""

    def request(self) -> FetchMaterialRequest:
        """Return the request for the part that comes next."""
        return FetchMaterialRequest(case_id=self._case_id, digest=self._digest, offset=len(self._content))

    def take(self, part: FetchMaterialResponse) -> bool:
        """Add a part, and say whether another one is to come."""
        self._content += part.data
        return bool(part.data) and len(self._content) < part.size

    def content(self, endpoint: str) -> bytes:
        """Return the whole material.

        Raises:
            Refusal: ANSWER_UNREADABLE, the bytes are not those of the digest.
        """
        if sha256(self._content).hexdigest() != self._digest:
            raise Refusal(ANSWER_UNREADABLE, {"endpoint": endpoint, "reason": "the bytes are not those of the digest"})
        return self._content


def prepared(source: Path | bytes, code: str, name: str | None, media_type: str | None) -> Upload:
    """Return the upload of a file or of bytes.

    Raises:
        Refusal: TOO_LARGE; INVALID_FIELD, the file cannot be read or bytes have no name.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    if not name:
        raise invalid_field("name", "bytes need a name for people, as a file has")
    content = _content(source, code)
    material = CaseMaterial(
        code=code,
        name=name,
        digest=sha256(content).hexdigest(),
        size=len(content),
        media_type=media_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
    )
    return Upload(material, content)


def _content(source: Path | bytes, code: str) -> bytes:
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > MATERIAL_LIMIT:
            facts = {"what": f"the material {code}", "size": str(size), "limit": str(MATERIAL_LIMIT)}
            raise Refusal(TOO_LARGE, facts)
        return source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise invalid_field("source", f"{source!s} cannot be read ({error.strerror})") from error

"""Materials 申请材料 at this node: files named by their digest, in a folder beside the database."""

import asyncio
import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from tongban.api.materials.v1.materials_pb2 import MaterialDescription, UploadMaterialRequest
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal

MOST_PART = 65_536
"""Most bytes of a part that is fetched at once."""


class Materials:
    """Keeps materials. A file is there whole, with the right digest, or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()

    def path(self, digest: str) -> Path:
        """Return where a material is, or would be."""
        return self._folder / digest

    def size(self, digest: str) -> int | None:
        """Return the bytes of a material, or None if it is not here."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def part(self, digest: str, offset: int, limit: int) -> bytes:
        """Return a part of a material.

        Raises:
            Refusal: MATERIAL_UNKNOWN.
        """
        try:
            with self.path(digest).open("rb") as file:
                file.seek(offset)
                return file.read(min(limit or MOST_PART, MOST_PART))
        except FileNotFoundError:
            raise Refusal(codes.MATERIAL_UNKNOWN, {"digest": digest}) from None

    async def receive(self, stream: AsyncIterator[bytes]) -> MaterialDescription:
        """Keep what a window uploads.

        Raises:
            Refusal: MATERIAL_WRONG, MALFORMED, INVALID_FIELD.
        """
        description: MaterialDescription | None = None
        content = bytearray()
        async for data in stream:
            request = decoded(UploadMaterialRequest, data)
            if description is None:
                description = _description(request)
                continue
            content += request.data
            if not request.data or len(content) > description.size:
                raise Refusal(codes.MATERIAL_WRONG, rule=f"more or other parts came than {description.size} bytes")
        if description is None:
            raise Refusal(codes.MATERIAL_WRONG, rule="nothing was uploaded")
        await self.keep(description.digest, description.size, bytes(content))
        return description

    async def keep(self, digest: str, size: int, content: bytes) -> None:
        """Write a material down, durably.

        Raises:
            Refusal: MATERIAL_WRONG if it is not what its description says.
        """
        if len(content) != size:
            raise Refusal(codes.MATERIAL_WRONG, rule=f"{len(content)} bytes came, and {size} were described")
        if sha256(content).hexdigest() != digest:
            raise Refusal(codes.MATERIAL_WRONG, rule="its SHA-256 is not the digest that was described")
        await asyncio.to_thread(self._write, digest, content)

    def _write(self, digest: str, content: bytes) -> None:
        unfinished = self._folder / f"{uuid4().hex}.part"
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path(digest))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _description(request: UploadMaterialRequest) -> MaterialDescription:
    if not request.HasField("description"):
        raise Refusal(codes.MATERIAL_WRONG, rule="the first part must be the description")
    return request.description

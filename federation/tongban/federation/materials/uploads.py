"""Materials that windows upload: written to disk as they come, in as many calls as it takes."""

from collections import deque
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from tongban.api.materials.v1.materials_pb2 import MaterialDescription, UploadMaterialRequest
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.materials.kept import Materials
from tongban.federation.materials.parts import Part, wrong

_REMEMBERED = 1000
"""Uploads whose digest so far is remembered between calls; that of another is computed from the file again."""


class Uploads:
    """Takes what windows upload. What two windows bring of the same material is apart until it is whole."""

    def __init__(self, materials: Materials) -> None:
        self._materials = materials
        self._parts: WeakValueDictionary[tuple[str, str], Part] = WeakValueDictionary()
        self._remembered: deque[Part] = deque(maxlen=_REMEMBERED)

    async def receive(self, window: str, stream: AsyncIterator[bytes]) -> tuple[MaterialDescription, int]:
        """Keep what a window uploads; return what it is, and how many bytes of it are here.

        Raises:
            Refusal: MATERIAL_WRONG, and nothing of it is kept; MATERIAL_SPACE, MALFORMED, INVALID_FIELD.
        """
        described = await _description(stream)
        kept = self._materials.size(self._materials.member, described.digest)
        if kept is not None:
            self._materials.touch(self._materials.path(self._materials.member, described.digest))
            return described, kept
        part = self._part(window, described.digest)
        here, turn = await self._materials.in_thread(part.begin, described.offset)
        if here >= described.size and not turn:
            here, turn = await self._materials.in_thread(part.begin)  # All has come before: this call judges it.
        try:
            if here < described.size and turn:
                self._materials.room.check(described.size - here, window)
                here = await self._bring(part, turn, described, stream)
            return described, await self._come(part, described, here)
        except Refusal as refusal:
            if refusal.code is codes.MATERIAL_WRONG:
                await self._materials.in_thread(part.drop, turn)
            raise
        finally:
            self._materials.touch(part.path)

    async def _come(self, part: Part, described: MaterialDescription, here: int) -> int:
        """Keep a material if all of it has come; return how many bytes are here."""
        if here < described.size:
            return here
        if here > described.size or not await self._materials.keep(part, self._materials.member, described.digest):
            raise wrong("its SHA-256 or its size is not the one that was described")
        return here

    async def _bring(self, part: Part, turn: int, described: MaterialDescription, stream: AsyncIterator[bytes]) -> int:
        """Write what comes; return how many bytes are here, also when another call has taken over."""
        here = described.offset
        async for message in stream:
            data = decoded(UploadMaterialRequest, message).data
            expected = here + len(data)
            if not data or expected > described.size:
                raise wrong(f"more or other parts came than {described.size} bytes")
            here = await self._materials.in_thread(part.append, turn, data)
            if here != expected:
                break
        return here

    def _part(self, window: str, digest: str) -> Part:
        part = self._parts.get((window, digest))
        if part is None:
            part = Part(self._materials.upload(window, digest), self._materials.room, window)
            self._parts[window, digest] = part
        self._remembered.append(part)
        return part


async def _description(stream: AsyncIterator[bytes]) -> MaterialDescription:
    async for data in stream:
        request = decoded(UploadMaterialRequest, data)
        if request.HasField("description"):
            return request.description
        raise wrong("the first part must be the description")
    raise wrong("nothing was uploaded")

"""Materials: uploaded by windows, fetched by those who have to do with the case."""

from tongban.api.materials.v1.materials_pb2 import FetchMaterialRequest, FetchMaterialResponse, UploadMaterialResponse
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Outcome
from tongban.federation.cases.book import CaseBook
from tongban.federation.materials import Materials
from tongban.federation.resources import Resources


class MaterialService:
    """Takes and gives materials."""

    def __init__(self, resources: Resources, book: CaseBook, materials: Materials) -> None:
        self._resources = resources
        self._book = book
        self._materials = materials

    async def upload(self, caller: Caller, call: Call) -> Outcome:
        """Keep what a window uploads."""
        if call.stream is None:
            raise Refusal(codes.MATERIAL_WRONG, rule="nothing was uploaded")
        kept = await self._materials.receive(call.stream)
        return Outcome(UploadMaterialResponse(digest=kept.digest, size=kept.size).SerializeToString())

    async def fetch(self, caller: Caller, call: Call) -> Outcome:
        """Return a part of a material that is in a case of the asker's."""
        request = decoded(FetchMaterialRequest, call.body)
        held = await self._book.find(request.case_id)
        is_party = caller.member in (held.view.intake, held.view.handling)
        named = {material.digest for material in held.view.materials.values()}
        if not is_party or request.digest not in named:
            raise Refusal(codes.MATERIAL_UNKNOWN, {"digest": request.digest})
        data = self._materials.part(request.digest, request.offset, request.limit)
        size = self._materials.size(request.digest) or 0
        return Outcome(FetchMaterialResponse(data=data, size=size).SerializeToString())

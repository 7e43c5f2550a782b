"""Materials: uploaded by windows, fetched by those who have to do with the case."""

from tongban.api.materials.v1.materials_pb2 import FetchMaterialRequest, FetchMaterialResponse, UploadMaterialResponse
from tongban.core import codes
from tongban.core.case.fold import CaseView
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Door, Outcome
from tongban.federation.cases.book import CaseBook
from tongban.federation.materials.kept import Materials
from tongban.federation.materials.line import LEAST_PART
from tongban.federation.materials.uploads import Uploads


class MaterialService:
    """Takes and gives materials."""

    def __init__(self, book: CaseBook, materials: Materials, uploads: Uploads) -> None:
        self._book = book
        self._materials = materials
        self._uploads = uploads

    async def upload(self, caller: Caller, call: Call) -> Outcome:
        """Keep what a window uploads."""
        if call.stream is None:
            raise Refusal(codes.MATERIAL_WRONG, rule="nothing was uploaded")
        described, received = await self._uploads.receive(caller.window, call.stream)
        answer = UploadMaterialResponse(digest=described.digest, size=described.size, received=received)
        return Outcome(answer.SerializeToString())

    async def fetch(self, caller: Caller, call: Call) -> Outcome:
        """Return a part of a material of a case."""
        request = decoded(FetchMaterialRequest, call.body)
        view = (await self._book.find(request.case_id)).view
        named = {material.digest for material in view.materials.values()}
        if request.digest not in named or not self._may_fetch(caller, call, view):
            raise Refusal(codes.MATERIAL_UNKNOWN, {"digest": request.digest})
        limit = request.limit or LEAST_PART
        data = await self._materials.part(view.intake, request.digest, request.offset, limit)
        size = self._materials.size(view.intake, request.digest) or 0
        return Outcome(FetchMaterialResponse(data=data, size=size).SerializeToString())

    def _may_fetch(self, caller: Caller, call: Call, view: CaseView) -> bool:
        """Say whether a caller gets materials of a case; the intake member has them, and never gets them back.

        Otherwise it would get, by naming a digest in a case of its own, what others gave to the handling member.
        """
        return call.door is Door.WINDOWS or (view.intake, view.handling) == (self._materials.member, caller.member)

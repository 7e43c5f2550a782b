"""Materials that the intake member has are fetched before a handler is asked.

What has come is kept when the peer or this node goes down, and the rest is fetched later. Each part comes in a sealed
message with a digest of its own, and the whole has to be what the case names.
"""

import asyncio
from functools import partial
from weakref import WeakValueDictionary

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.materials.v1.materials_pb2 import FetchMaterialRequest, FetchMaterialResponse
from tongban.core import codes
from tongban.core.case.fold import CaseView
from tongban.core.errors import Refusal
from tongban.federation.exchange.own_questions import OwnQuestions
from tongban.federation.materials import types
from tongban.federation.materials.kept import Materials
from tongban.federation.materials.line import Line, Peer
from tongban.federation.materials.parts import Part

FETCH = "/tongban.api.materials.v1.MaterialService/FetchMaterial"


class MaterialFetcher:
    """Fetches what a case names and is not here."""

    def __init__(self, materials: Materials, questions: OwnQuestions) -> None:
        self._materials = materials
        self._questions = questions
        self._peers: dict[str, Peer] = {}
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def fetch(self, view: CaseView) -> None:
        """Have every material of a case here, as the case describes it.

        Raises:
            Refusal: RECORD_INVALID, it is not what the case says; MATERIAL_SPACE; the peer's, or
                PEER_UNAVAILABLE.
        """
        for material in view.materials.values():
            lock = self._locks.setdefault((view.intake, material.digest), asyncio.Lock())
            async with lock:
                if self._materials.size(view.intake, material.digest) is None:
                    await self._fetch(view, material)
            await self._check(view, material)

    async def _fetch(self, view: CaseView, material: CaseMaterial) -> None:
        path = self._materials.fetched(view.intake, material.digest)
        part = Part(path, self._materials.room)
        try:
            turn = await self._complete(part, view, material)
        finally:
            self._materials.touch(path)
        if not await self._materials.keep(part, view.intake, material.digest):
            await self._materials.in_thread(part.drop, turn)
            raise _invalid(view, material, f"what {view.intake} gave has another digest than the case names")
        self._materials.let_go(path)

    async def _complete(self, part: Part, view: CaseView, material: CaseMaterial) -> int:
        """Bring what is missing; return the turn of who brought it."""
        self._materials.touch(part.path)
        here, turn = await self._materials.in_thread(part.begin)
        self._materials.room.check(max(0, material.size - here))
        peer = self._peers.setdefault(view.intake, Peer(self._questions.terms(view.intake, FETCH)))
        async with Line(peer, partial(self._part, view, material), here, material.size) as line:
            while here < material.size:
                here = await self._materials.in_thread(part.append, turn, await line.take())
        return turn

    async def _part(self, view: CaseView, material: CaseMaterial, offset: int, size: int) -> bytes:
        """Return a part of a material, which a peer gives whole: each question costs a record in the evidence log."""
        request = FetchMaterialRequest(case_id=view.case_id, digest=material.digest, offset=offset, limit=size)
        answer = await self._ask(view, request)
        if answer.size != material.size or len(answer.data) != size:
            rule = f"{len(answer.data)} bytes came from byte {offset} on for {size}, of {answer.size} in all"
            raise _invalid(view, material, f"{rule}; the case names {material.size}")
        return answer.data

    async def _ask(self, view: CaseView, request: FetchMaterialRequest) -> FetchMaterialResponse:
        context = CallContext(case_id=view.case_id)
        answer = await self._questions.ask(view.intake, FETCH, context, request.SerializeToString())
        return FetchMaterialResponse.FromString(answer)

    async def _check(self, view: CaseView, material: CaseMaterial) -> None:
        """Refuse what cannot be of the type that the case names: the intake side may not have looked."""
        head = await self._materials.part(view.intake, material.digest, 0, types.HEAD)
        if self._materials.size(view.intake, material.digest) != material.size:
            raise _invalid(view, material, f"the case names {material.size} bytes, and it has others")
        if problem := types.problem_of(material.media_type, head):
            raise _invalid(view, material, problem)


def _invalid(view: CaseView, material: CaseMaterial, rule: str) -> Refusal:
    return Refusal(codes.RECORD_INVALID, {"case_id": view.case_id}, rule=f"material {material.code}: {rule}")

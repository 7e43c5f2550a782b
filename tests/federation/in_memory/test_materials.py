"""Materials are seen by the two members of their case only."""

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_ARRIVED
from tongban.api.materials.v1.materials_pb2 import (
    FetchMaterialRequest,
    FetchMaterialResponse,
)
from tongban.core import codes

from . import calls
from .laid_out import CHONGMING, HANGZHOU, QIDONG
from .outcomes import refused
from .peers import Peer
from .town import Town

FETCH = f"{calls.MATERIALS}/FetchMaterial"


async def case_with_material(town: Town) -> str:
    await calls.upload(town.window(CHONGMING))
    receipt = await calls.submit(town.window(CHONGMING), calls.submission(materials=[calls.MATERIAL]))
    await town.case_is(QIDONG, receipt.case_id, CASE_STATE_ARRIVED)
    return receipt.case_id


async def test_both_members_of_a_case_see_its_material(town: Town) -> None:
    request = FetchMaterialRequest(case_id=await case_with_material(town), digest=calls.MATERIAL.digest)
    part = await town.window(CHONGMING).call(FETCH, request, FetchMaterialResponse)
    assert (part.data, part.size) == (calls.PAPER, len(calls.PAPER))
    rest = FetchMaterialRequest(case_id=request.case_id, digest=request.digest, offset=3, limit=6)
    assert (await town.window(CHONGMING).call(FETCH, rest, FetchMaterialResponse)).data == calls.PAPER[3:9]
    peer = Peer(town.nodes[CHONGMING], QIDONG, town.nodes[QIDONG].resources.signer)
    answered = await peer.ask(FETCH, request)
    assert FetchMaterialResponse.FromString(answered.body) == part


async def test_a_third_member_sees_no_material_of_a_case(town: Town) -> None:
    await town.start(HANGZHOU)
    request = FetchMaterialRequest(case_id=await case_with_material(town), digest=calls.MATERIAL.digest)
    stranger = Peer(town.nodes[CHONGMING], HANGZHOU, town.nodes[HANGZHOU].resources.signer)
    answered = await stranger.ask(FETCH, request)
    assert answered.code == "MATERIAL_UNKNOWN"
    assert calls.PAPER not in answered.body
    assert "MATERIAL_UNKNOWN" in await town.errors(CHONGMING)


async def test_a_material_is_seen_with_its_own_case_only(town: Town) -> None:
    await case_with_material(town)
    other = (await calls.submit(town.window(CHONGMING), calls.submission("s-2"))).case_id
    peer = Peer(town.nodes[CHONGMING], QIDONG, town.nodes[QIDONG].resources.signer)
    request = FetchMaterialRequest(case_id=other, digest=calls.MATERIAL.digest)
    assert (await peer.ask(FETCH, request)).code == "MATERIAL_UNKNOWN"
    with refused(codes.MATERIAL_UNKNOWN):
        await town.window(CHONGMING).call(FETCH, request, FetchMaterialResponse)

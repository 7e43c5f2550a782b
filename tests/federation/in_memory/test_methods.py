"""Each method with a policy is answered, at the doors of its policy and at no other."""

import pytest

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Door
from tongban.federation.policies import POLICIES, Kind

from .laid_out import CHONGMING, QIDONG
from .peers import Peer
from .town import Town

UNDECODABLE = b"\xff"


@pytest.mark.parametrize("door", [Door.WINDOWS, Door.ADMIN])
async def test_windows_and_operators_reach_the_methods_of_their_doors(town: Town, door: Door) -> None:
    context = CallContext(officer="zhang.w", purpose="核对")
    token = town.laid_out.tokens[CHONGMING]
    calls = {method: Call(door, method, UNDECODABLE, context, 5.0, token=token) for method in POLICIES}
    replies = {method: await town.nodes[CHONGMING].house.node.ask(call) for method, call in calls.items()}
    unknown = {method for method, reply in replies.items() if _code(reply.refusal) == codes.METHOD_UNKNOWN.name}
    assert unknown == {method for method, policy in POLICIES.items() if door not in policy.doors}
    others = {_code(reply.refusal) for method, reply in replies.items() if method not in unknown}
    assert others == {codes.MALFORMED.name} | ({codes.MATERIAL_WRONG.name} if door is Door.WINDOWS else set())


async def test_peers_reach_the_methods_of_their_door(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    codes_of = {method: (await peer.ask(method, UNDECODABLE)).code for method in POLICIES}
    unknown = {method for method, code in codes_of.items() if code == codes.METHOD_UNKNOWN.name}
    assert unknown == {method for method, policy in POLICIES.items() if Door.PEERS not in policy.doors}
    look_ups = {method for method, policy in POLICIES.items() if policy.kind is Kind.LOOKUP}
    assert {codes_of[method] for method in look_ups} == {codes.NO_AGREEMENT_ROW.name}
    assert {codes_of[method] for method in codes_of.keys() - unknown - look_ups} == {codes.MALFORMED.name}


async def test_without_a_sealed_message_a_peer_reaches_nothing(town: Town) -> None:
    for method in POLICIES:
        call = Call(Door.PEERS, method, UNDECODABLE, CallContext(), 5.0, certified=CHONGMING)
        refusal = (await town.nodes[QIDONG].house.node.ask(call)).refusal
        assert _code(refusal) == codes.METHOD_UNKNOWN.name


def _code(refusal: Refusal | None) -> str:
    assert refusal is not None
    return refusal.code.name

"""Who may look up what at whom: by role, purpose, agreement row and consent."""

import pytest

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_INTAKE, AddWindowRequest, AddWindowResponse
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import QueryCreditRequest, QueryCreditResponse
from tongban.api.identity.v1.identity_pb2 import VERDICT_MATCH
from tongban.core import codes
from tongban.federation.calls import Door
from tongban.federation.transport.memory import MemoryClient

from . import calls
from .laid_out import (
    CHONGMING,
    CREDIT,
    CREDIT_PURPOSE,
    FIRM,
    HANGZHOU,
    IDENTITY,
    IDENTITY_PURPOSE,
    QIDONG,
)
from .outcomes import refused
from .peers import Peer
from .town import Town

REQUEST = QueryCreditRequest(credit_code=FIRM.number)


async def test_an_identity_is_verified_in_another_city(town: Town) -> None:
    officer = town.window(QIDONG, to=CHONGMING, purpose=IDENTITY_PURPOSE)
    assert (await calls.verify(officer)).verdict == VERDICT_MATCH
    assert await town.errors(QIDONG) == await town.errors(CHONGMING) == [""]


async def test_one_s_own_sources_need_a_purpose_but_no_row(town: Town) -> None:
    assert (await calls.verify(town.window(CHONGMING, purpose="窗口核验"))).verdict == VERDICT_MATCH
    with refused(codes.PURPOSE_MISSING):
        await calls.verify(town.window(CHONGMING))


# What a window must have and say.


async def test_a_window_without_a_token_or_with_a_wrong_one_is_unknown(town: Town) -> None:
    for token in ("", "wrong"):
        with refused(codes.WINDOW_UNKNOWN):
            await calls.query(MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, token))
    assert await town.errors(CHONGMING) == []  # A stranger leaves no record.


async def test_a_window_needs_the_role_for_look_ups(town: Town) -> None:
    request = AddWindowRequest(window_id="hall-2", name="大厅二号窗口", roles=[WINDOW_ROLE_INTAKE])
    added = await town.admin(CHONGMING).call(f"{calls.ADMIN}/AddWindow", request, AddWindowResponse)
    window = MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, added.token, town.asker().context)
    with refused(codes.ROLE_MISSING) as caught:
        await calls.query(window)
    assert caught.value.facts["role"] == "lookup"
    assert await town.errors(QIDONG) == []


async def test_a_case_needs_the_officer_who_acts(town: Town) -> None:
    with refused(codes.OFFICER_MISSING):
        await calls.submit(town.window(CHONGMING, officer=""))
    assert await town.errors(CHONGMING) == ["OFFICER_MISSING"]


async def test_a_look_up_needs_a_purpose(town: Town) -> None:
    with refused(codes.PURPOSE_MISSING):
        await calls.query(town.asker(purpose=""))
    assert await town.errors(QIDONG) == []


# What an agreement must allow.


async def test_a_purpose_that_no_row_has_is_refused_and_the_row_is_named(town: Town) -> None:
    with refused(codes.NO_AGREEMENT_ROW) as caught:
        await calls.query(town.asker(purpose="评优"))
    row = f'lookup from {CHONGMING} to {QIDONG}, method {CREDIT}, purpose "评优"'
    assert caught.value.facts["row"] == row
    assert caught.value.facts["contact"] == "启东市行政审批局 0513-00000000"
    assert caught.value.member == QIDONG
    for member in (CHONGMING, QIDONG):
        record = (await town.evidence(member))[-1]
        assert (record.error_code, record.agreement_row) == ("NO_AGREEMENT_ROW", row)


async def test_a_row_for_one_direction_allows_nothing_in_the_other(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    answered = await peer.ask(IDENTITY, b"", context=CallContext(to=QIDONG, purpose=IDENTITY_PURPOSE))
    assert answered.code == "NO_AGREEMENT_ROW"


async def test_a_member_without_an_agreement_is_refused(town: Town) -> None:
    await town.start(HANGZHOU)
    with refused(codes.NO_AGREEMENT_ROW):
        await calls.query(town.window(HANGZHOU, to=QIDONG, purpose=CREDIT_PURPOSE, consent_id="授权-1"))
    assert await town.errors(QIDONG) == await town.errors(HANGZHOU) == ["NO_AGREEMENT_ROW"]


async def test_a_row_that_asks_for_consent_is_no_use_without(town: Town) -> None:
    with refused(codes.CONSENT_MISSING) as caught:
        await calls.query(town.asker(consent_id=""))
    row = "agreement/310151/320681/registration#credit"
    assert caught.value.facts["row"] == row
    for member in (CHONGMING, QIDONG):
        record = (await town.evidence(member))[-1]
        assert (record.error_code, record.agreement_row) == ("CONSENT_MISSING", row)


async def test_a_peer_without_purpose_is_refused_although_its_own_node_should_have_done_so(town: Town) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    assert (await peer.ask(CREDIT, REQUEST, context=CallContext(to=QIDONG))).code == "NO_AGREEMENT_ROW"


# Where a call goes.


async def test_a_member_that_nobody_knows_is_told(town: Town) -> None:
    with refused(codes.MEMBER_UNKNOWN):
        await calls.query(town.asker(to="440100"))
    assert await town.errors(CHONGMING) == ["MEMBER_UNKNOWN"]


async def test_a_method_that_nobody_published_is_refused_before_it_leaves(town: Town) -> None:
    for method in ("/beijing.housing.v1.HousingService/QueryHouse", IDENTITY):
        with refused(codes.METHOD_UNKNOWN) as caught:
            await town.asker().call(method, REQUEST, QueryCreditResponse)
        assert caught.value.facts == {"method": method, "member": QIDONG}
    assert await town.errors(QIDONG) == []


PEERS_MAY_NOT = [
    f"{calls.CASES}/GetCase",
    f"{calls.CASES}/SubmitCase",
    f"{calls.CASES}/DecideCase",
    f"{calls.MATERIALS}/UploadMaterial",
    f"{calls.ADMIN}/GetStatus",
    f"{calls.ADMIN}/SignAgreement",
]


@pytest.mark.parametrize("method", PEERS_MAY_NOT)
async def test_a_peer_cannot_call_what_is_for_windows_or_operators(town: Town, method: str) -> None:
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    assert (await peer.ask(method, b"")).code == "METHOD_UNKNOWN"
    assert await town.errors(QIDONG) == ["METHOD_UNKNOWN"]


@pytest.mark.parametrize("method", [f"{calls.EXCHANGE}/DeliverAct", f"{calls.ADMIN}/GetStatus"])
async def test_a_window_cannot_call_what_is_for_peers_or_operators(town: Town, method: str) -> None:
    with refused(codes.METHOD_UNKNOWN):
        await town.window(CHONGMING).call(method, REQUEST, QueryCreditResponse)

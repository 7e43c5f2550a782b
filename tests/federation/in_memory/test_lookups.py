"""Who may look up what at whom: by role, purpose, agreement row and consent, and by documents that are in force."""

import asyncio
from datetime import timedelta

import pytest

from tongban.api.admin.v1.admin_pb2 import WINDOW_ROLE_INTAKE, WINDOW_ROLE_LOOKUP, AddWindowRequest, AddWindowResponse
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED, QueryCreditRequest, QueryCreditResponse
from tongban.api.identity.v1.identity_pb2 import VERDICT_MATCH
from tongban.core import codes
from tongban.federation.calls import Door
from tongban.federation.formation import Age, publish, read_document, remove_member
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
    NOW,
    QIDONG,
)
from .outcomes import refused
from .peers import Peer
from .town import Town

REQUEST = QueryCreditRequest(credit_code=FIRM.number)


def asking(town: Town, **changes: str) -> MemoryClient:
    """Return a window of 崇明 that may ask 启东, with changes of what it says."""
    said = {"to": QIDONG, "purpose": CREDIT_PURPOSE, "consent_id": "授权-1", **changes}
    return town.window(CHONGMING, seconds=2.0, **said)


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
    window = MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, added.token, asking(town).context)
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
        await calls.query(asking(town, purpose=""))
    assert await town.errors(QIDONG) == []


# What an agreement must allow.


async def test_a_purpose_that_no_row_has_is_refused_and_the_row_is_named(town: Town) -> None:
    with refused(codes.NO_AGREEMENT_ROW) as caught:
        await calls.query(asking(town, purpose="评优"))
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
        await calls.query(asking(town, consent_id=""))
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
        await calls.query(asking(town, to="440100"))
    assert await town.errors(CHONGMING) == ["MEMBER_UNKNOWN"]


async def test_a_method_that_nobody_published_is_refused_before_it_leaves(town: Town) -> None:
    for method in ("/beijing.housing.v1.HousingService/QueryHouse", IDENTITY):
        with refused(codes.METHOD_UNKNOWN) as caught:
            await asking(town).call(method, REQUEST, QueryCreditResponse)
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


# Documents in force.


async def test_a_stale_directory_still_serves(town: Town) -> None:
    await _publish(town, Age(valid_days=30, stale_days=1), CHONGMING, QIDONG)
    _turn(town, timedelta(days=2))
    assert (await calls.query(asking(town))).availability == AVAILABILITY_OBTAINED


async def test_an_expired_directory_serves_nobody(town: Town) -> None:
    await _publish(town, Age(valid_days=2, stale_days=1), CHONGMING)
    _turn(town, timedelta(days=3))
    with refused(codes.DIRECTORY_EXPIRED) as caught:
        await calls.query(asking(town))
    assert caught.value.facts["federation"] == "内存通办"
    assert (await town.errors(CHONGMING))[-1:] == ["DIRECTORY_EXPIRED"]


async def test_a_peer_with_an_expired_directory_answers_so(town: Town) -> None:
    await _publish(town, Age(valid_days=2, stale_days=1), QIDONG)
    _turn(town, timedelta(days=3))
    peer = Peer(town.nodes[QIDONG], CHONGMING, town.nodes[CHONGMING].resources.signer)
    assert (await peer.ask(CREDIT, REQUEST)).code == "DIRECTORY_EXPIRED"
    assert (await town.errors(QIDONG))[-1:] == ["DIRECTORY_EXPIRED"]


async def test_without_a_directory_a_node_knows_nobody(town: Town) -> None:
    await town.stop(CHONGMING)
    (town.laid_out.folder / CHONGMING / "node.db").unlink()
    await town.start(CHONGMING)
    token = await _window(town, CHONGMING)
    window = MemoryClient(town.nodes[CHONGMING].house.node, Door.WINDOWS, token, asking(town).context)
    with refused(codes.DIRECTORY_MISSING):
        await calls.query(window)
    assert (await town.evidence(CHONGMING))[-1].error_code == "DIRECTORY_MISSING"


async def test_a_member_that_left_the_directory_is_cut_off_on_a_standing_link(town: Town) -> None:
    await calls.query(asking(town))
    await asyncio.to_thread(remove_member, town.laid_out.folder / "authority", CHONGMING)
    await _publish(town, Age(), QIDONG)
    with refused(codes.PEER_UNAVAILABLE):
        await calls.query(asking(town))
    assert await town.errors(CHONGMING) == ["", "PEER_UNAVAILABLE"]


async def test_an_agreement_that_has_expired_allows_nothing(town: Town) -> None:
    await _publish(town, Age(valid_days=60, stale_days=60), CHONGMING, QIDONG)
    _turn(town, timedelta(days=31))
    with refused(codes.NO_AGREEMENT_ROW):
        await calls.query(asking(town))


def _turn(town: Town, by: timedelta) -> None:
    for clock in town.clocks.values():
        clock.turn(by)


async def _publish(town: Town, age: Age, *members: str) -> None:
    """Publish a new directory, and import it at these members."""
    path = await asyncio.to_thread(publish, town.laid_out.folder / "authority", age, NOW)
    for member in members:
        await calls.import_document(town.admin(member), read_document(path, "directory"))


async def _window(town: Town, member: str) -> str:
    request = AddWindowRequest(window_id="hall-1", name="大厅一号窗口", roles=[WINDOW_ROLE_LOOKUP])
    return (await town.admin(member).call(f"{calls.ADMIN}/AddWindow", request, AddWindowResponse)).token

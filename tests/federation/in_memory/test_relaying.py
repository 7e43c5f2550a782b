"""Members that pass on messages which they can neither read nor change: 崇明 reaches 启东 through two provinces."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from tongban.api.admin.v1.admin_pb2 import (
    ExportEvidenceRequest,
    ExportEvidenceResponse,
    GetStatusRequest,
    GetStatusResponse,
)
from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_RECEIVED
from tongban.api.credit.v1.credit_pb2 import AVAILABILITY_OBTAINED
from tongban.api.documents.v1.documents_pb2 import ListDocumentsRequest
from tongban.api.evidence.v1.evidence_pb2 import SIDE_ANSWERED, SIDE_ASKED, SIDE_RELAYED
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest
from tongban.core import codes
from tongban.core.errors import Refusal, status_of
from tongban.core.evidence import verify_file, write
from tongban.core.services import Entry
from tongban.federation.calls import Question as Asked
from tongban.federation.exchange.asking import NotAnswered

from ..scripted.tongban_scripted import TRAILING, Step, Told
from . import calls
from .faults import Wiretap, dropping, is_of_documents_only
from .laid_out import (
    CHONGMING,
    CREDIT,
    INSTANT_ITEM,
    QIDONG,
    SCRIPT,
    SCRIPT_PURPOSE,
)
from .outcomes import refused
from .peers import Liar, Peer
from .relays import (
    EVERYBODY,
    JIANGSU,
    LIST,
    REQUEST,
    SECRETS,
    SHANGHAI,
    TOLD,
    ZHEJIANG,
    Provinces,
    Relayed,
    of_queries,
    reached,
    relaying_for,
    verified_alone,
)
from .town import Town
from .waiting import eventually


@pytest.fixture
async def town(provinces: Provinces) -> AsyncIterator[Town]:
    async with provinces.town() as town:
        yield await town.start(*EVERYBODY)


async def verified(town: Town, member: str) -> None:
    """Check that a member's log verifies by the keys of the directory, every seal of a hop too."""
    parts = town.admin(member).stream(f"{calls.ADMIN}/ExportEvidence", ExportEvidenceRequest(), ExportEvidenceResponse)
    file = BytesIO()
    write(file, [part async for part in parts])
    file.seek(0)
    found = verify_file(file, town.nodes[member].resources.keeper.view)
    assert (found.problems, found.unchecked_seals) == ([], 0)


async def test_promise_36_a_case_and_look_ups_pass_two_relays_that_can_read_nothing(town: Town) -> None:
    tap = town.net.way = Wiretap()
    assert (await calls.query(town.asker())).availability == AVAILABILITY_OBTAINED
    receipt = await calls.submit(town.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    await town.case_is(CHONGMING, receipt.case_id, CASE_STATE_APPROVED)
    result = await calls.result(town.window(CHONGMING), receipt.case_id)
    assert "特此证明" in result.result.content.decode()
    assert not [frame for frame in tap.frames if {frame.asking, frame.answering} == {CHONGMING, QIDONG}]
    for frame in tap.frames:
        assert not [secret for secret in SECRETS if secret in frame.data and not is_of_documents_only(frame)]
    for member in (CHONGMING, SHANGHAI, JIANGSU, QIDONG):
        await verified(town, member)


async def test_promise_36_the_logs_of_all_four_tell_one_story(town: Town) -> None:
    await calls.query(town.asker())
    asked, first, second, answered = [
        of_queries(await town.evidence(member))[-1] for member in (CHONGMING, SHANGHAI, JIANGSU, QIDONG)
    ]
    assert [one.side for one in (asked, first, second, answered)] == [
        SIDE_ASKED,
        SIDE_RELAYED,
        SIDE_RELAYED,
        SIDE_ANSWERED,
    ]
    assert len({one.question.SerializeToString() for one in (asked, first, second, answered)}) == 1
    assert len({one.answer.SerializeToString() for one in (asked, first, second, answered)}) == 1
    assert [one.through for one in (asked, first, second, answered)] == [SHANGHAI, JIANGSU, "", ""]
    assert [[hop.member for hop in one.hops] for one in (asked, first, second, answered)] == [
        [],
        [SHANGHAI],
        [SHANGHAI, JIANGSU],
        [SHANGHAI, JIANGSU],
    ]
    assert (asked.question_digest, asked.answer_digest) == (answered.question_digest, answered.answer_digest)
    for relay in (first, second):
        header, answer = Header.FromString(relay.question.header), Header.FromString(relay.answer.header)
        assert (relay.question_digest, relay.answer_digest) == (header.body_digest, answer.body_digest)
        assert (relay.asking, relay.answering, relay.question_salt) == (CHONGMING, QIDONG, b"")


@pytest.mark.parametrize("side", ["question", "answer"])
async def test_a_log_that_tells_another_content_than_was_sealed_is_found(town: Town, side: str) -> None:
    await calls.query(town.asker())
    record = of_queries(await town.evidence(QIDONG))[-1]
    setattr(record, f"{side}_digest", bytes(32))
    found = verified_alone(town, record)
    assert [problem.what for problem in found.problems] == [f"its {side} was sealed with another content"]


@pytest.mark.parametrize("start", [CHONGMING, ZHEJIANG], ids=["that the asker is part of", "beside the asker"])
async def test_promise_36_a_ring_of_three_stops_at_the_first_repeat(provinces: Provinces, start: str) -> None:
    """Three members each have the next one pass on what is for 启东, and nobody has it straight."""
    ring = (start, SHANGHAI, JIANGSU)
    provinces.settings |= {
        member: relaying_for(CHONGMING) + reached(QIDONG, onward)
        for member, onward in zip(ring, (*ring[1:], start), strict=True)
    }
    if start is not CHONGMING:
        provinces.settings[CHONGMING] = reached(QIDONG, start)
    async with provinces.town() as town:
        tap = town.net.way = Wiretap()
        await town.start(*EVERYBODY)
        with refused(codes.MESSAGE_LOOPED) as caught:
            await calls.query(town.asker())
        assert caught.value.member == JIANGSU
        assert f"come to {start} twice" in caught.value.message
        passed = [frame for frame in tap.questions() if b"QueryCredit" in frame.data]
        assert [frame.answering for frame in passed] == list(ring[start is CHONGMING :])
        assert (await town.errors(CHONGMING))[-1:] == ["MESSAGE_LOOPED"]
        [record] = of_queries(await town.evidence(JIANGSU))
        assert (record.side, record.error_code) == (SIDE_RELAYED, "MESSAGE_LOOPED")
        asked = of_queries(await town.evidence(CHONGMING))[-1]
        assert Header.FromString(asked.answer.header).sender == JIANGSU


async def test_a_relay_passes_on_only_for_those_in_its_settings(town: Town) -> None:
    made = Relayed(town, at=ZHEJIANG)
    assert await made.handed(await made.question(), CHONGMING) == "RELAY_CLOSED"
    record = (await town.evidence(ZHEJIANG))[-1]
    assert (record.side, record.error_code) == (SIDE_RELAYED, "RELAY_CLOSED")


async def test_the_refusal_of_a_closed_relay_names_whom_to_ask(provinces: Provinces) -> None:
    provinces.settings[CHONGMING] = reached(QIDONG, ZHEJIANG)
    async with provinces.town() as town:
        await town.start(*EVERYBODY)
        with refused(codes.RELAY_CLOSED) as caught:
            await calls.query(town.asker())
        assert caught.value.member == ZHEJIANG
        assert f"Ask the operators of {ZHEJIANG}" in caught.value.remedy


async def test_a_relay_takes_nothing_that_it_could_read(town: Town) -> None:
    asker = Peer(town.nodes[JIANGSU], CHONGMING, town.nodes[CHONGMING].resources.signer)
    answered = await asker.ask(CREDIT, REQUEST, context=TOLD, receiver=QIDONG)
    assert answered.code == "MESSAGE_MISADDRESSED"


async def test_what_was_passed_on_is_not_passed_on_again(town: Town) -> None:
    made = Relayed(town, at=JIANGSU)
    question = await made.question(SHANGHAI)
    assert await made.handed(question, SHANGHAI) == ""
    assert await made.handed(question, SHANGHAI) == "MESSAGE_REPLAYED"
    assert [one.error_code for one in of_queries(await town.evidence(QIDONG))] == [""]


async def test_a_repeat_of_what_is_under_way_shares_its_answer(town: Town) -> None:
    """A carrier may bring a message twice; each of the two attempts gets the one answer, and nobody is asked twice."""
    tap = town.net.way = Wiretap()
    signer, keys = (getattr(town.nodes[CHONGMING].resources, name) for name in ("signer", "decryption"))
    asker = Peer(town.nodes[JIANGSU], CHONGMING, signer, SHANGHAI, keys)
    key = town.nodes[QIDONG].resources.decryption.public_keys[0]
    question = await asker.question(LIST, ListDocumentsRequest(), key=key, receiver=QIDONG)
    question.hops.append(await Relayed(town).hop(question, [SHANGHAI]))
    async with asyncio.timeout(4):
        first, second = await asyncio.gather(asker.hand(question), asker.hand(question))
    assert (first.code, second.code, first.body) == ("", "", second.body)
    passed = [one for frame in tap.frames if not frame.back for one in LinkRequest.FromString(frame.data).questions]
    assert [one.message for one in passed].count(question.message) == 1


async def test_whoever_shares_an_answer_is_told_when_the_first_has_left(town: Town) -> None:
    town.net.way = dropping(lambda frame: frame.back and frame.answering == QIDONG)
    relay = town.nodes[JIANGSU].resources.asking
    question = await Relayed(town).question(SHANGHAI)
    asked = Asked(question.message, Header.FromString(question.message.header), question.hops)
    first, second = [asyncio.create_task(relay.pass_on(asked, question.hops, 10.0)) for _ in range(2)]
    await asyncio.sleep(0.05)
    first.cancel()
    with pytest.raises(NotAnswered) as caught:
        await second
    assert caught.value.refusal.code is codes.PEER_UNAVAILABLE


async def test_a_way_is_as_slow_as_what_lies_behind_the_relay(provinces: Provinces) -> None:
    provinces.settings[CHONGMING] = reached(QIDONG, SHANGHAI) + "answer_seconds = 7200\n"
    async with provinces.town() as town:
        await town.start(CHONGMING)
        asking = town.nodes[CHONGMING].resources.asking
        for method, slow in ((LIST, True), (f"{calls.MATERIALS}/FetchMaterial", True), (CREDIT, False)):
            terms = asking.terms(QIDONG, method)
            assert (terms.at_once, terms.patience) == (not slow, 7200 * slow)


async def test_the_peer_s_refusal_comes_back_as_the_peer_s(town: Town) -> None:
    with refused(codes.NO_AGREEMENT_ROW) as caught:
        await calls.query(town.asker(purpose="看看"))
    assert caught.value.member == QIDONG
    relayed = of_queries(await town.evidence(JIANGSU))[-1]
    assert (relayed.status, relayed.error_code) == (codes.NO_AGREEMENT_ROW.status, "")


@pytest.mark.parametrize(("gone", "says"), [(QIDONG, JIANGSU), (JIANGSU, SHANGHAI)])
async def test_a_relay_that_cannot_pass_on_says_so_in_its_own_name(town: Town, gone: str, says: str) -> None:
    town.net.cut(gone)
    with refused(codes.PEER_UNAVAILABLE) as caught:
        await calls.query(town.asker())
    assert (caught.value.member, caught.value.facts["member"]) == (says, gone)
    asked = of_queries(await town.evidence(CHONGMING))[-1]
    assert (Header.FromString(asked.answer.header).sender, asked.through) == (says, SHANGHAI)
    relayed = of_queries(await town.evidence(says))[-1]
    assert (relayed.side, relayed.error_code) == (SIDE_RELAYED, "PEER_UNAVAILABLE")


async def test_a_relay_that_is_away_is_told_as_such_and_its_return_sends_the_queue_on(town: Town) -> None:
    await town.stop(SHANGHAI)
    receipt = await calls.submit(town.window(CHONGMING), calls.submission(item=INSTANT_ITEM))
    with refused(codes.PEER_UNAVAILABLE) as caught:
        await calls.query(town.asker())
    assert caught.value.facts["member"] == SHANGHAI
    status = await town.admin(CHONGMING).call(f"{calls.ADMIN}/GetStatus", GetStatusRequest(), GetStatusResponse)
    [peer] = [one for one in status.peers if one.member == QIDONG]
    assert (peer.carrier, peer.linked, peer.queued) == ("relay", False, 1)
    await town.start(SHANGHAI)
    await town.case_is(CHONGMING, receipt.case_id, CASE_STATE_APPROVED)


def lying(town: Town, body: bytes, status: int) -> None:
    """Have 崇明's questions answered by the relay, in its own name."""
    asking, signer = town.nodes[CHONGMING].resources.asking, town.nodes[SHANGHAI].resources.signer
    asking.carrier = Liar(asking, signer, body, {"status": status})


async def test_promise_36_a_relay_cannot_answer_for_the_peer(town: Town) -> None:
    lying(town, b"", 0)
    with refused(codes.MESSAGE_ALTERED):
        await calls.query(town.asker())
    assert (await town.errors(CHONGMING))[-1] == "MESSAGE_ALTERED"


async def test_what_a_relay_refuses_is_final_for_nobody(town: Town) -> None:
    """崇明's relay says of an act what only 启东 can say, and in its name."""
    told = Refusal(codes.CASE_STEP, member=QIDONG)
    lying(town, status_of(told).SerializeToString(), told.code.status)
    with refused(codes.CASE_STEP) as caught:
        await calls.query(town.asker())
    assert caught.value.member == SHANGHAI
    receipt = await calls.submit(town.window(CHONGMING))
    await eventually(lambda: _asked(town, "DeliverAct"))
    [waiting] = await town.nodes[CHONGMING].resources.store.outbox_counts()
    assert (waiting.peer, waiting.state) == (QIDONG, "queued")
    assert await calls.state(town.window(CHONGMING), receipt.case_id) == CASE_STATE_RECEIVED


async def _asked(town: Town, method: str) -> bool:
    return any(one.method.endswith(method) for one in await town.evidence(CHONGMING))


async def test_each_hop_passes_on_what_is_left_of_the_time(town: Town) -> None:
    tap = town.net.way = Wiretap()
    await calls.query(town.asker(seconds=9.0))
    left = [
        one.timeout_ms
        for frame in tap.questions()
        for one in LinkRequest.FromString(frame.data).questions
        if Header.FromString(one.message.header).method == CREDIT
    ]
    assert len(left) == 3
    assert 9000 >= left[0] >= left[1] >= left[2] > 4000


async def test_whose_asker_left_is_left_by_the_relays_too(town: Town) -> None:
    town.net.way = dropping(lambda frame: frame.back and frame.answering == QIDONG)
    asking = asyncio.create_task(calls.query(town.asker()))
    await eventually(lambda: _answered_at_qidong(town))
    asking.cancel()
    for member in (SHANGHAI, JIANGSU):
        await eventually(lambda member=member: _left(town, member))  # type: ignore[misc]
    assert [one.side for one in of_queries(await town.evidence(JIANGSU))] == [SIDE_RELAYED]


async def _answered_at_qidong(town: Town) -> bool:
    return bool(of_queries(await town.evidence(QIDONG)))


async def _left(town: Town, member: str) -> bool:
    return [one.error_code for one in of_queries(await town.evidence(member))] == ["CALLER_LEFT"]


async def test_a_plugin_s_method_is_relayed_with_its_trailing_metadata(town: Town) -> None:
    window, trailing = town.window(CHONGMING, to=QIDONG, purpose=SCRIPT_PURPOSE), list[Entry]()
    told = await window.call(f"{SCRIPT}/One", Step(what="trail", data=b"abc"), Told, trailing)
    assert (told.number, trailing) == (3, TRAILING)


async def test_a_stream_is_not_relayed_and_nothing_of_it_leaves(town: Town) -> None:
    tap = town.net.way = Wiretap()
    window = town.window(CHONGMING, to=QIDONG, purpose=SCRIPT_PURPOSE)
    with refused(codes.STREAM_IMPOSSIBLE):
        [one async for one in window.stream(f"{SCRIPT}/Many", Step(number=2), Told)]
    assert tap.questions() == []
    assert (await town.errors(CHONGMING))[-1] == "STREAM_IMPOSSIBLE"

"""Who is turned away while too much is under way, and what that costs the others: nothing."""

import asyncio
from itertools import pairwise

import pytest

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Door, Reply
from tongban.federation.load.admission import Admission
from tongban.federation.settings import Limits


def admission(**limits: int) -> Admission:
    return Admission(Limits(**{"calls": 3, "window_calls": 2, "streams": 2, "window_streams": 1, **limits}))


def turned_away(node: Admission, who: str, *, lasting: bool = False) -> Refusal:
    with pytest.raises(Refusal) as caught:
        node.window(who, lasting)
    assert caught.value.code is codes.OVERLOADED
    return caught.value


def test_a_window_has_as_many_calls_as_one_may_have_and_leaves_room_for_others() -> None:
    node = admission()
    for _ in range(2):
        node.window("a", False)
    assert turned_away(node, "a").facts == {"limit": "window_calls", "most": "2"}
    release = node.window("b", False)
    assert turned_away(node, "c").facts == {"limit": "calls", "most": "3"}
    release()
    node.window("c", False)
    assert node.shed == 2


def test_streams_take_no_places_of_calls() -> None:
    node = admission()
    node.window("a", True)
    assert turned_away(node, "a", lasting=True).facts["limit"] == "window_streams"
    node.window("b", True)
    assert turned_away(node, "c", lasting=True).facts["limit"] == "streams"
    for _ in range(2):
        node.window("a", False)


def test_those_turned_away_do_not_all_come_again_at_once() -> None:
    node = admission(calls=1, window_calls=1)
    node.window("a", False)
    seconds = sorted(turned_away(node, "b").retry_seconds for _ in range(100))
    assert seconds[0] >= 0.5
    assert seconds[-1] <= 1.5
    assert max(later - earlier for earlier, later in pairwise(seconds)) < 0.05


def test_a_slow_peer_leaves_room_for_calls_to_others() -> None:
    node = admission(peer_calls=1)
    with node.forwarded("320681"):
        with pytest.raises(Refusal) as caught, node.forwarded("320681"):
            pass
        assert (caught.value.code, caught.value.facts["member"]) == (codes.PEER_BUSY, "320681")
        with node.forwarded("330100"):
            pass
    with node.forwarded("320681"):
        pass


def test_streams_of_peers_and_streams_to_peers_have_limits_of_their_own() -> None:
    node = admission(window_streams=1, peer_streams=1, question_streams=3, peer_question_streams=2)
    node.stream("320681"), node.stream("320681")
    with pytest.raises(Refusal) as caught:
        node.stream("320681")
    assert caught.value.facts == {"limit": "peer_question_streams", "most": "2"}
    release = node.stream("330100")
    with pytest.raises(Refusal) as caught:
        node.stream("340100")
    assert caught.value.facts == {"limit": "question_streams", "most": "3"}
    release()
    node.stream("340100")
    release = node.forwarded_stream("320681")
    with pytest.raises(Refusal) as caught:
        node.forwarded_stream("320681")
    assert (caught.value.code, caught.value.facts["member"]) == (codes.PEER_BUSY, "320681")
    node.forwarded_stream("330100")
    release()
    node.forwarded_stream("320681")


def test_what_takes_hours_has_places_of_its_own_for_each_peer() -> None:
    node = admission(calls=1, peer_calls=1, questions=2)
    with node.forwarded("320681", slow=True), node.forwarded("320681", slow=True):
        with pytest.raises(Refusal) as caught, node.forwarded("320681", slow=True):
            pass
        assert (caught.value.code, caught.value.facts["waiting"]) == (codes.PEER_BUSY, "2")
        with node.forwarded("330100", slow=True), node.forwarded("320681"):
            pass


def question(member: str, seconds: float = 5.0) -> Call:
    return Call(Door.PEERS, "/a.B/C", b"", CallContext(), seconds, certified=member)


async def test_questions_of_peers_wait_for_a_place() -> None:
    node, going, under_way = admission(questions=2, peer_questions=1), asyncio.Event(), list[str]()

    async def ask(call: Call) -> Reply:
        under_way.append(str(call.certified))
        await going.wait()
        return Reply(b"answered")

    answer = node.at_peers_door(ask)
    asked = [asyncio.ensure_future(answer(question(member))) for member in ("a", "a", "b", "c")]
    await asyncio.sleep(0.01)
    assert under_way == ["a", "b"]
    going.set()
    assert [one.body for one in await asyncio.gather(*asked)] == [b"answered"] * 4
    assert len(node.questions) == 0


async def test_a_question_that_gives_way_has_no_place_any_more() -> None:
    node, going, under_way = admission(questions=1), asyncio.Event(), list[str]()

    async def ask(call: Call) -> Reply:
        under_way.append(str(call.certified))
        call.give_way()
        await going.wait()
        return Reply(b"answered")

    answer = node.at_peers_door(ask)
    asked = [asyncio.ensure_future(answer(question(member))) for member in ("a", "a", "b")]
    await asyncio.sleep(0.01)
    assert (under_way, len(node.questions)) == (["a", "a", "b"], 0)
    going.set()
    await asyncio.gather(*asked)
    assert len(node.questions) == 0


async def test_a_question_whose_asker_has_left_is_not_begun() -> None:
    node, begun = admission(questions=1), list[Call]()

    async def ask(call: Call) -> Reply:
        begun.append(call)
        await asyncio.sleep(0.2)
        return Reply(b"answered")

    answer = node.at_peers_door(ask)
    first, second = question("a"), question("b", seconds=0.01)
    replies = await asyncio.gather(answer(first), answer(second))
    assert ([call.certified for call in begun], replies[1], node.shed) == (["a"], Reply(), 1)

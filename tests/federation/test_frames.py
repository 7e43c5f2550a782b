"""Frames of a link: what gathers leaves together, and no frame is larger than its receiver takes."""

import asyncio
from uuid import uuid4

import pytest

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkRequest, LinkResponse, Question, SealedMessage
from tongban.core.times import timestamp, wall_clock
from tongban.federation.calls import Call, Reply
from tongban.federation.exchange import frames
from tongban.federation.exchange.answering import AnsweredLink
from tongban.federation.exchange.messages import MOST_BODY
from tongban.federation.exchange.places import Places, attempt


@pytest.mark.parametrize("count", [0, 1, frames.MOST_ITEMS, frames.MOST_ITEMS + 1])
def test_a_frame_takes_so_many_items_at_most(count: int) -> None:
    waiting = list(range(count))
    assert frames.taken(waiting) == list(range(min(count, frames.MOST_ITEMS)))
    assert waiting == list(range(frames.MOST_ITEMS, count))


def test_a_frame_takes_items_until_it_is_full_and_one_at_least() -> None:
    waiting = [400_000, 400_000, 400_000, 400_000, 5_000_000, 1]
    taken = [frames.taken(waiting, int) for _ in range(3)]
    assert taken == [[400_000] * 3, [400_000, 5_000_000], [1]]
    assert waiting == []


def test_the_largest_frame_can_be_taken() -> None:
    header = bytes(4096)
    seal = Seal(key_id="k" * 64, signature=bytes(80), path=[bytes(32)] * 10)
    largest = Question(message=SealedMessage(header=header, seal=seal, body=bytes(MOST_BODY)), timeout_ms=1)
    before = Question(message=SealedMessage(header=header, seal=seal, body=bytes(frames.MOST_BYTES - 5000)))
    waiting, cancelled = [before, largest, before], ["i" * 120] * 2000
    taken = frames.taken(waiting, Question.ByteSize)
    assert len(taken) == 2
    frame = LinkRequest(questions=taken, cancelled=frames.taken(cancelled))
    assert MOST_BODY < frame.ByteSize() < frames.MOST_FRAME


def question(sender: str = "310151", id_: str = "") -> Question:
    """Return a question whose header keeps the contract's rules; nobody has sealed it."""
    now = timestamp(wall_clock())
    header = Header(
        id=id_ or uuid4().hex,
        sender=sender,
        receiver="320681",
        method="/x.y.Z/Ask",
        sent_at=now,
        expires_at=now,
        body_digest=bytes(32),
    )
    seal = Seal(key_id="k", signature=b"s", tree_size=1)
    return Question(message=SealedMessage(header=header.SerializeToString(), seal=seal), timeout_ms=1000)


async def test_a_thousand_large_answers_leave_in_frames_that_can_be_taken() -> None:
    written: list[bytes] = []
    all_answered = asyncio.Event()

    async def ask(call: Call) -> Reply:
        assert call.question is not None
        return Reply(sealed=SealedMessage(header=call.question.message.header, body=bytes(66_000)))

    async def write(frame: bytes) -> None:
        await asyncio.sleep(0.001)  # Meanwhile more answers gather.
        written.append(frame)
        if sum(len(LinkResponse.FromString(one).answers) for one in written) == 1000:
            all_answered.set()

    link = AnsweredLink(ask, write, 1000)
    questions = [question() for _ in range(1000)]
    await link.take(LinkRequest(questions=questions).SerializeToString(), "310151")
    async with asyncio.timeout(20):
        await all_answered.wait()
    link.stop()
    assert max(map(len, written)) < frames.MOST_BYTES + 70_000
    answered = [answer.header for frame in written for answer in LinkResponse.FromString(frame).answers]
    assert sorted(answered) == sorted(one.message.header for one in questions)


async def test_a_cancelled_question_is_answered_no_more_and_one_of_another_member_with_its_id_is() -> None:
    begun, ended = set[str](), set[str]()

    async def ask(call: Call) -> Reply:
        assert call.question is not None
        sender = call.question.header.sender
        begun.add(sender)
        try:
            await asyncio.Event().wait()
        finally:
            ended.add(sender)
        return Reply()

    async def write(frame: bytes) -> None:
        assert LinkResponse.FromString(frame) == LinkResponse(credit=1000)

    link = AnsweredLink(ask, write, 1000)
    senders = ["310151", "330100", "340100"]
    questions = [question(sender, "one id") for sender in senders]
    await link.take(LinkRequest(questions=questions).SerializeToString(), "310151")
    await asyncio.sleep(0)
    await link.take(LinkRequest(cancelled=[attempt(questions[1]), "unknown"]).SerializeToString(), "310151")
    await asyncio.sleep(0.01)
    assert (begun, ended) == (set(senders), {senders[1]})
    link.stop()
    await asyncio.sleep(0.01)
    assert ended == set(senders)


async def test_links_of_one_peer_share_its_places_and_a_link_that_ends_gives_back_its_own() -> None:
    begun: list[str] = []

    async def ask(call: Call) -> Reply:
        assert call.question is not None
        begun.append(call.question.header.id)
        if len(begun) > 1:
            await asyncio.Event().wait()
        return Reply(sealed=SealedMessage(header=call.question.message.header))

    async def write(frame: bytes) -> None:
        if LinkResponse.FromString(frame).answers:
            await asyncio.Event().wait()  # The peer does not read it, so that the question keeps its place.

    places = Places(2)
    first, second = AnsweredLink(ask, write, 2, places), AnsweredLink(ask, write, 2, places)
    await first.take(LinkRequest(questions=[question(), question()]).SerializeToString(), "310151")
    frame = LinkRequest(questions=[question(), question()]).SerializeToString()
    waiting = asyncio.create_task(second.take(frame, "310151"))
    await asyncio.sleep(0.05)
    assert (len(begun), waiting.done()) == (2, False)
    first.stop()
    await waiting
    await asyncio.sleep(0.05)
    assert len(begun) == 4
    second.stop()
    assert await asyncio.wait_for(places.take(2), 1.0)

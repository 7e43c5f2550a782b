"""Hops of messages that were passed on: one that is altered, forged, left out or too many is refused."""

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from tongban.api.common.v1.common_pb2 import Seal
from tongban.api.exchange.v1.exchange_pb2 import Question

from . import calls
from .laid_out import (
    CHONGMING,
    CREDIT,
    HANGZHOU,
    QIDONG,
)
from .peers import Peer
from .relays import (
    EVERYBODY,
    JIANGSU,
    REQUEST,
    SHANGHAI,
    TOLD,
    ZHEJIANG,
    Provinces,
    Relayed,
    of_queries,
    verified_alone,
)
from .town import Town


@pytest.fixture
async def town(provinces: Provinces) -> AsyncIterator[Town]:
    async with provinces.town() as town:
        yield await town.start(*EVERYBODY)


async def test_an_altered_hop_in_a_log_is_found(town: Town) -> None:
    await calls.query(town.asker())
    record = of_queries(await town.evidence(QIDONG))[-1]
    record.hops[0].member = ZHEJIANG
    found = verified_alone(town, record)
    told = f"the seal of {JIANGSU}, which passed its question on, does not fit"
    assert [(problem.place, problem.what) for problem in found.problems] == [("record 0", told)]
    assert found.unchecked_seals == 1  # 浙江 has no key with the id that stands there.


async def test_a_question_with_right_hops_is_answered(town: Town) -> None:
    made = Relayed(town)
    assert await made.handed(await made.question(ZHEJIANG, SHANGHAI, JIANGSU), JIANGSU) == ""


Change = Callable[[Relayed, Question], object]


def _swapped(made: Relayed, question: Question) -> None:
    hops = list(question.hops)[::-1]
    del question.hops[:]
    question.hops.extend(hops)


ALTERED: dict[str, Change] = {
    "another member in it": lambda made, question: setattr(question.hops[0], "member", ZHEJIANG),
    "another signature": lambda made, question: question.hops[0].seal.MergeFrom(Seal(signature=b"x")),
    "no key of the member": lambda made, question: question.hops[1].seal.MergeFrom(Seal(key_id="0" * 32)),
    "the first one left out": lambda made, question: question.hops.__delitem__(0),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
async def test_promise_36_an_altered_hop_is_refused(town: Town, change: Change) -> None:
    made = Relayed(town)
    question = await made.question(SHANGHAI, JIANGSU)
    change(made, question)
    assert await made.handed(question, JIANGSU) == "MESSAGE_ALTERED"
    assert (await town.errors(QIDONG))[-1] == "MESSAGE_ALTERED"


async def test_promise_36_a_forged_hop_is_refused(town: Town) -> None:
    made = Relayed(town)
    question = await made.question(SHANGHAI, JIANGSU)
    forged = await made.hop(question, (SHANGHAI, ZHEJIANG))
    question.hops[1].seal.CopyFrom(forged.seal)
    assert await made.handed(question, JIANGSU) == "MESSAGE_ALTERED"


async def test_a_hop_of_another_message_is_refused(town: Town) -> None:
    made = Relayed(town)
    question, other = await made.question(JIANGSU), await made.question(JIANGSU)
    question.hops[0].CopyFrom(other.hops[0])
    assert await made.handed(question, JIANGSU) == "MESSAGE_ALTERED"


async def test_the_last_hop_cannot_be_left_out_nor_brought_by_another(town: Town) -> None:
    made = Relayed(town)
    assert await made.handed(await made.question(SHANGHAI), JIANGSU) == "PEER_UNKNOWN"
    assert await made.handed(await made.question(), JIANGSU) == "PEER_UNKNOWN"
    assert await made.handed(await made.question(SHANGHAI, JIANGSU), CHONGMING) == "PEER_UNKNOWN"
    assert (await town.errors(QIDONG))[-3:] == ["PEER_UNKNOWN"] * 3


@pytest.mark.parametrize(
    "hops",
    [
        (QIDONG, JIANGSU),
        (CHONGMING, JIANGSU),
        (JIANGSU, SHANGHAI, JIANGSU),
        (HANGZHOU, ZHEJIANG, SHANGHAI, JIANGSU),
    ],
    ids=["its receiver", "its sender", "one of them twice", "too many"],
)
async def test_promise_36_a_question_that_went_round_or_too_far_is_refused(town: Town, hops: Sequence[str]) -> None:
    await town.start(HANGZHOU)
    made = Relayed(town)
    assert await made.handed(await made.question(*hops), JIANGSU) == "MESSAGE_LOOPED"
    assert (await town.errors(QIDONG))[-1] == "MESSAGE_LOOPED"


async def test_promise_36_a_relay_takes_nothing_that_passed_it_or_three_others(town: Town) -> None:
    await town.start(HANGZHOU)
    made = Relayed(town, at=JIANGSU)
    assert await made.handed(await made.question(JIANGSU, SHANGHAI), SHANGHAI) == "MESSAGE_LOOPED"
    assert await made.handed(await made.question(HANGZHOU, ZHEJIANG, SHANGHAI), SHANGHAI) == "MESSAGE_LOOPED"
    to_its_sender = Relayed(town, at=SHANGHAI, receiver=CHONGMING)
    assert await to_its_sender.handed(await to_its_sender.question(), CHONGMING) == "MESSAGE_LOOPED"
    assert await town.errors(QIDONG) == []


async def test_promise_36_a_relay_lends_nobody_its_own_rows(town: Town) -> None:
    """崇明 may ask 启东 about credit; what it passes on for 上海 is asked by 上海, which may not."""
    signer, keys = (getattr(town.nodes[SHANGHAI].resources, name) for name in ("signer", "decryption"))
    asker = Peer(town.nodes[QIDONG], SHANGHAI, signer, CHONGMING, keys)
    key = town.nodes[QIDONG].resources.decryption.public_keys[0]
    question = await asker.question(CREDIT, REQUEST, key=key, context=TOLD)
    question.hops.append(await Relayed(town).hop(question, [CHONGMING]))
    assert (await asker.hand(question)).code == "NO_AGREEMENT_ROW"

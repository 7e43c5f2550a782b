"""When a look-up is asked again, with a clock that is turned by hand."""

import pytest

from tongban.api.exchange.v1.exchange_pb2 import Header, SealedMessage
from tongban.core import codes
from tongban.core.codes import Code
from tongban.core.errors import Refusal
from tongban.federation.calls import Exchanged, Outcome
from tongban.federation.exchange.attempts import Attempts

NOT_THERE = Outcome(refusal=Refusal(codes.PEER_UNAVAILABLE))


def after(retry_seconds: float) -> Outcome:
    return Outcome(refusal=Refusal(codes.PEER_UNAVAILABLE, retry_seconds=retry_seconds))


class Hand:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_three_attempts_are_made_in_all() -> None:
    attempts = Attempts(10.0, True)
    assert [attempts.pause_after(NOT_THERE) for _ in range(3)] == [0.2, 0.6, None]


def test_a_peer_is_given_the_time_that_it_is_told_to_need() -> None:
    assert Attempts(10.0, True).pause_after(after(1.5)) == 1.5


def test_a_peer_that_will_be_away_for_long_is_not_waited_for() -> None:
    assert Attempts(60.0, True).pause_after(after(5.0)) is None


def test_a_caller_without_time_for_the_pause_is_told_at_once() -> None:
    hand = Hand()
    attempts = Attempts(1.0, True, hand)
    assert attempts.pause_after(after(1.0)) is None
    attempts = Attempts(1.0, True, hand)
    hand.now = 0.9
    assert attempts.left == pytest.approx(0.1)
    assert attempts.pause_after(NOT_THERE) is None


@pytest.mark.parametrize("code", [codes.DEADLINE, codes.NO_AGREEMENT_ROW, codes.PEER_BUSY, codes.QUOTA_EXCEEDED])
def test_what_else_is_told_is_the_answer(code: Code) -> None:
    assert Attempts(10.0, True).pause_after(Outcome(refusal=Refusal(code))) is None


def test_an_answer_of_the_peer_is_the_answer_whatever_it_says() -> None:
    refusal = Refusal(codes.PEER_UNAVAILABLE)
    assert Attempts(10.0, True).pause_after(Outcome(b"yes")) is None
    told = Exchanged(SealedMessage(), Header(), SealedMessage(), refusal.code.status)
    assert Attempts(10.0, True).pause_after(Outcome(exchanged=told, refusal=refusal)) is None
    broken = Exchanged(SealedMessage(), Header(), None, refusal.code.status)
    assert Attempts(10.0, True).pause_after(Outcome(exchanged=broken, refusal=refusal)) == 0.2
    assert Attempts(10.0, False).pause_after(Outcome(exchanged=broken, refusal=refusal)) is None
    assert Attempts(10.0, False).pause_after(NOT_THERE) == 0.2

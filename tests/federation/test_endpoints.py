"""Endpoints of a peer: what fails is left alone for longer and longer, and is back at once when it is seen."""

import pytest

from tongban.federation.exchange.endpoints import Address, Endpoints, State, pause_after

ONE, OTHER = Address("a:1", "node.a"), Address("b:1", "node.b")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoints(clock: Clock) -> Endpoints:
    endpoints = Endpoints(clock)
    endpoints.follow([ONE, OTHER])
    return endpoints


def test_first_failures_are_tried_again_soon_and_later_ones_after_five_seconds_for_each_ejection() -> None:
    assert [pause_after(count) for count in range(1, 10)] == [0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 10.0, 15.0]
    assert pause_after(66) == pause_after(1000) == 300.0


def test_an_ejected_endpoint_is_left_alone_until_its_time_is_over(endpoints: Endpoints, clock: Clock) -> None:
    endpoints.follow([ONE])
    for _ in range(8):
        endpoints.failed(ONE, "no connection")
    assert (endpoints.available(), endpoints.retry_seconds()) == ([], 10.0)
    clock.now += 9.9
    assert endpoints.available() == []
    clock.now += 0.1
    assert (endpoints.available(), endpoints.retry_seconds()) == ([ONE], 0.0)


def test_the_others_are_tried_meanwhile_and_first(endpoints: Endpoints, clock: Clock) -> None:
    endpoints.failed(ONE, "no connection")
    assert endpoints.available() == [OTHER, ONE]
    endpoints.failed(ONE, "no connection")
    assert endpoints.available() == [OTHER]
    assert endpoints.retry_seconds() == 0.0


def test_a_link_returns_an_endpoint_and_an_answer_forgets_its_failures(endpoints: Endpoints) -> None:
    for _ in range(7):
        endpoints.failed(ONE, "no connection")
    endpoints.linked(ONE)
    assert ONE in endpoints.available()
    endpoints.unlinked(ONE)
    endpoints.failed(ONE, "the link broke")
    assert endpoints.states()[0].retry_seconds == 10.0
    endpoints.linked(ONE)
    endpoints.proved(ONE)
    endpoints.unlinked(ONE)
    endpoints.failed(ONE, "the link broke")
    assert ONE in endpoints.available()


def test_a_peer_that_shows_itself_is_tried_at_once(endpoints: Endpoints) -> None:
    for _ in range(20):
        endpoints.failed(ONE, "no connection")
        endpoints.failed(OTHER, "no connection")
    assert endpoints.available() == []
    endpoints.seen()
    assert set(endpoints.available()) == {ONE, OTHER}


def test_what_is_known_stays_with_endpoints_that_stay(endpoints: Endpoints) -> None:
    for _ in range(7):
        endpoints.failed(ONE, "no connection")
    endpoints.linked(OTHER)
    endpoints.follow([ONE])
    endpoints.unlinked(OTHER)
    assert endpoints.available() == []
    endpoints.follow([ONE, OTHER])
    assert endpoints.available() == [OTHER]


def test_operators_are_told_how_each_stands(endpoints: Endpoints, clock: Clock) -> None:
    assert [one.state for one in endpoints.states()] == [State.IDLE, State.IDLE]
    assert endpoints.problem() == ""
    endpoints.linked(ONE)
    for _ in range(7):
        endpoints.failed(OTHER, "no connection")
    linked, ejected = endpoints.states()
    assert (linked.endpoint, linked.state) == ("a:1", State.LINKED)
    assert (ejected.state, ejected.failures, ejected.retry_seconds) == (State.EJECTED, 7, 5.0)
    assert endpoints.problem() == "b:1: no connection"
    clock.now += 5.0
    assert endpoints.states()[1].state is State.WAITING

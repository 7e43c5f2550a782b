"""Places for what is under way, against a model; and those who wait for one."""

import asyncio
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tongban.federation.load.slots import Slots, Turns

MOST, MOST_EACH = 5, 3


class Model(RuleBasedStateMachine):
    """Never more are taken than there are, in all and for each; and one that is free can be had."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(MOST, MOST_EACH)
        self.taken: Counter[str] = Counter()

    @rule(who=st.sampled_from("abc"))
    def take(self, who: str) -> None:
        free = self.taken.total() < MOST and self.taken[who] < MOST_EACH
        assert self.slots.take(who) == free
        self.taken[who] += free

    @precondition(lambda self: self.taken.total())
    @rule(choice=st.integers(0, 100))
    def give_back(self, choice: int) -> None:
        held = sorted(self.taken.elements())
        who = held[choice % len(held)]
        self.slots.give_back(who)
        self.taken[who] -= 1

    @invariant()
    def counts(self) -> None:
        assert len(self.slots) == self.taken.total()
        assert self.slots.full == (self.taken.total() == MOST)


TestModel = Model.TestCase


async def taking(turns: Turns, who: str) -> "asyncio.Task[None]":
    """Begin to take a place."""
    task = asyncio.create_task(turns.take(who))
    await asyncio.sleep(0)
    return task


async def test_who_waits_gets_the_place_that_is_given_back_in_turn() -> None:
    turns = Turns(Slots(1, 1))
    await turns.take("a")
    first, second = await taking(turns, "b"), await taking(turns, "c")
    turns.give_back("a")
    await asyncio.sleep(0)
    assert (first.done(), second.done()) == (True, False)
    turns.give_back("b")
    await second


async def test_who_has_as_many_as_may_be_does_not_hold_up_others() -> None:
    turns = Turns(Slots(3, 2))
    await turns.take("a")
    await turns.take("a")
    third = await taking(turns, "a")
    await turns.take("b")
    turns.give_back("b")
    await asyncio.sleep(0)
    assert not third.done()
    turns.give_back("a")
    await third


async def test_who_waits_no_longer_takes_no_place() -> None:
    slots = Slots(1, 1)
    turns = Turns(slots)
    await turns.take("a")
    gone, stays = await taking(turns, "b"), await taking(turns, "c")
    gone.cancel()
    await asyncio.wait([gone])
    turns.give_back("a")
    await stays
    turns.give_back("c")
    assert len(slots) == 0


async def test_a_place_that_comes_free_as_the_first_leaves_goes_to_the_next() -> None:
    slots = Slots(1, 1)
    turns = Turns(slots)
    await turns.take("a")
    gone, stays = await taking(turns, "b"), await taking(turns, "c")
    gone.cancel()
    turns.give_back("a")  # Before the first has run again, and taken himself off the list.
    await asyncio.wait([gone])
    await stays
    turns.give_back("c")
    assert len(slots) == 0


async def test_a_place_that_was_given_to_one_who_has_just_left_goes_on() -> None:
    slots = Slots(1, 1)
    turns = Turns(slots)
    await turns.take("a")
    gone, stays = await taking(turns, "b"), await taking(turns, "c")
    turns.give_back("a")
    gone.cancel()
    await asyncio.wait([gone])
    await stays
    turns.give_back("c")
    assert len(slots) == 0

"""The case machine, cell by cell against a table that people can read."""

from dataclasses import replace

import pytest

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import Act
from tongban.core import codes
from tongban.core.case import machine
from tongban.core.case.machine import State
from tongban.core.case.record import check_act
from tongban.core.errors import Refusal

from .story import HANDLING, INTAKE, OTHER, STEPS, act_of, case_after

TABLE = """
                      by        received  arrived       correction    accepted  not_accepted  approved  rejected
received              intake    -         -             -             -         -             -         -
arrived               handling  arrived   -             -             -         -             -         -
correction_requested  handling  -         correction    -             -         -             -         -
supplemented          intake    -         -             arrived       -         -             -         -
accepted              handling  -         accepted      -             -         -             -         -
not_accepted          handling  -         not_accepted  not_accepted  -         -             -         -
approved              handling  -         -             -             approved  -             -         -
rejected              handling  -         -             -             rejected  -             -         -
"""
"""To which state a step leads from the state above the column; nothing but these steps is possible."""
_HEAD, *_ROWS = (line.split() for line in TABLE.strip().splitlines())
STATES = _HEAD[1:]
BY = {step: by for step, by, *_ in _ROWS}
LEADS_TO = {(step, state): to for step, _, *cells in _ROWS for state, to in zip(STATES, cells, strict=True)}
MEMBERS = {"intake": INTAKE, "handling": HANDLING, "neither": OTHER}

BEGUN = replace(case_after("received", "arrived"), numbers={INTAKE: 4, HANDLING: 4, OTHER: 4})


def state(name: str) -> State:
    return pb.CaseState.Value(f"CASE_STATE_{name.upper()}")


def test_the_table_here_has_every_state_and_every_step() -> None:
    assert {"unspecified", *STATES} == {machine.state_name(value) for value in pb.CaseState.values()}
    contents = {field.name for field in Act.DESCRIPTOR.oneofs_by_name["content"].fields}
    assert set(machine.STEPS) == contents == set(BY) - {"approved", "rejected"} | {"decided"}
    assert set(BY) == set(STEPS)


@pytest.mark.parametrize("role", MEMBERS)
@pytest.mark.parametrize(("step", "before"), LEADS_TO)
def test_each_step_in_each_state_by_each_member(step: str, before: str, role: str) -> None:
    view = replace(BEGUN, state=state(before))
    act = act_of(step, 5, MEMBERS[role])
    if role != BY[step]:
        with pytest.raises(Refusal, match="is an act of") as caught:
            check_act(act, view)
        assert caught.value.code is codes.RECORD_INVALID
    elif LEADS_TO[step, before] == "-":
        with pytest.raises(Refusal) as caught:
            check_act(act, view)
        taken = machine.step_of(act)
        assert (caught.value.code, caught.value.rule) == (codes.CASE_STEP, taken.rule)
        assert caught.value.facts == {"step": taken.name, "step_zh": taken.chinese, "state": before}
    else:
        check_act(act, view)
        assert machine.state_after(act) == state(LEADS_TO[step, before])


@pytest.mark.parametrize("step", BY)
def test_only_an_intake_begins_a_case(step: str) -> None:
    act = act_of(step, 1)
    if step == "received":
        check_act(act, None)
        assert machine.state_after(act) == state("received")
        return
    with pytest.raises(Refusal) as caught:
        check_act(act, None)
    assert caught.value.code is codes.CASE_STEP


def test_what_is_closed_stays_closed() -> None:
    closed = {name for name in STATES if all(LEADS_TO[step, name] == "-" for step in BY)}
    assert {state(name) for name in closed} == machine.FINAL


def test_every_state_can_be_reached_and_every_open_one_can_be_left() -> None:
    reached, news = {"received"}, {"received"}
    while news:
        news = {to for (_, before), to in LEADS_TO.items() if before in news and to != "-"} - reached
        reached |= news
    assert reached == set(STATES)


def test_every_step_has_a_chinese_name_and_says_its_rule() -> None:
    for step in machine.STEPS.values():
        assert step.chinese
        assert len(step.rule.split()) > 3

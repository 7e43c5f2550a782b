"""The case machine: which step is possible in which state, who may take it, and where it leads.

The table is read as data. A step that it does not allow is refused by the name of the rule.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import OUTCOME_APPROVED, Act
from tongban.core import codes
from tongban.core.errors import Refusal

State: TypeAlias = "pb.CaseState.ValueType"

FINAL = frozenset({pb.CASE_STATE_NOT_ACCEPTED, pb.CASE_STATE_APPROVED, pb.CASE_STATE_REJECTED})
"""States in which a case is closed 已办结."""


class Role(Enum):
    """Which of the two members of a case takes a step."""

    INTAKE = "intake"
    """收件方"""
    HANDLING = "handling"
    """办理方"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case."""

    name: str
    """Name of the act's content."""
    chinese: str
    by: Role
    possible_in: frozenset[State]
    leads_to: State
    rule: str
    """Why it is refused elsewhere."""


_NONE, _RECEIVED, _ARRIVED = pb.CASE_STATE_UNSPECIFIED, pb.CASE_STATE_RECEIVED, pb.CASE_STATE_ARRIVED
_CORRECTION, _ACCEPTED = pb.CASE_STATE_CORRECTION, pb.CASE_STATE_ACCEPTED

_TABLE: tuple[tuple[str, str, Role, set[State], State, str], ...] = (
    ("received", "收件", Role.INTAKE, {_NONE}, _RECEIVED, "a case is taken in once"),
    ("arrived", "到件", Role.HANDLING, {_RECEIVED}, _ARRIVED, "a case arrives once, after its intake"),
    (
        "correction_requested",
        "补正告知",
        Role.HANDLING,
        {_ARRIVED},
        _CORRECTION,
        "a correction is told between arrival and acceptance, and one at a time",
    ),
    ("supplemented", "补正", Role.INTAKE, {_CORRECTION}, _ARRIVED, "a supplement answers an open correction"),
    (
        "accepted",
        "受理",
        Role.HANDLING,
        {_ARRIVED},
        _ACCEPTED,
        "a case is accepted once, after arrival and with no correction open",
    ),
    (
        "not_accepted",
        "不予受理",
        Role.HANDLING,
        {_ARRIVED, _CORRECTION},
        pb.CASE_STATE_NOT_ACCEPTED,
        "acceptance is refused after arrival and before acceptance",
    ),
    ("decided", "决定", Role.HANDLING, {_ACCEPTED}, pb.CASE_STATE_APPROVED, "a decision follows acceptance, once"),
)

STEPS = {name: Step(name, zh, by, frozenset(states), to, rule) for name, zh, by, states, to, rule in _TABLE}
"""Every step by the name of its act's content."""


def step_of(act: Act) -> Step:
    """Return the step that an act takes."""
    return STEPS[act.WhichOneof("content") or "received"]


def check(step: Step, state: State) -> None:
    """Refuse a step that the case's state does not allow, by the name of the rule.

    Raises:
        Refusal: CASE_STEP.
    """
    if state not in step.possible_in:
        facts = {"step": step.name, "step_zh": step.chinese, "state": state_name(state)}
        raise Refusal(codes.CASE_STEP, facts, rule=step.rule)


def state_after(act: Act) -> State:
    """Return the state to which an act leads."""
    if act.WhichOneof("content") == "decided" and act.decided.outcome != OUTCOME_APPROVED:
        return pb.CASE_STATE_REJECTED
    return step_of(act).leads_to


def state_name(state: State) -> str:
    """Return a state's name as people and files use it: arrived, not_accepted."""
    return pb.CaseState.Name(state).removeprefix("CASE_STATE_").lower()

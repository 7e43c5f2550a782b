"""The page of the domain: states and steps of a case, from the contract's enum and the case machine's table."""

from collections.abc import Iterator, Mapping

from pages.comments import comments
from pages.markdown import prose, table
from tongban.api.cases.v1.acts_pb2 import OUTCOME_APPROVED, OUTCOME_REJECTED, Act
from tongban.api.cases.v1.cases_pb2 import CaseState
from tongban.core.case.machine import FINAL, STEPS, Role, Step, state_after, state_name

_ROLES = {Role.INTAKE: "intake member 收件方", Role.HANDLING: "handling member 办理方"}


def text() -> str:
    """Return the table of states and the table of steps."""
    return f"### States\n\n{_states(comments())}\n\n### Steps\n\n{_steps()}"


def _states(told: Mapping[str, str]) -> str:
    rows = [
        [f"`{state_name(state)}`", _meaning(told, state), "yes" if state in FINAL else "no"]
        for state in CaseState.values()
        if state
    ]
    return table(["State", "Meaning", "Closed"], rows)


def _meaning(told: Mapping[str, str], state: "CaseState.ValueType") -> str:
    return prose(told[f"tongban.api.cases.v1.CaseState.{CaseState.Name(state)}"]).removesuffix(" Final.")


def _steps() -> str:
    rows = [
        [f"`{step.name}`", step.chinese, _ROLES[step.by], _names(step.possible_in), _leads_to(step), step.rule]
        for step in STEPS.values()
    ]
    return table(["Step", "", "Taken by", "Possible in", "Leads to", "Rule"], rows)


def _names(states: "frozenset[CaseState.ValueType]") -> str:
    return ", ".join(_name(state) for state in sorted(states))


def _name(state: "CaseState.ValueType") -> str:
    return f"`{state_name(state)}`" if state else "no case yet"


def _leads_to(step: Step) -> str:
    return " or ".join(map(_name, dict.fromkeys(map(state_after, _acts(step)))))


def _acts(step: Step) -> Iterator[Act]:
    """Yield acts that take a step, with each outcome that a decision may have."""
    for outcome in (OUTCOME_APPROVED, OUTCOME_REJECTED):
        act = Act()
        getattr(act, step.name).SetInParent()
        if step.name == "decided":
            act.decided.outcome = outcome
        yield act

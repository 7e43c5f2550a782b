"""Requests from what a window developer has in hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from tongban.api.cases.v1.acts_pb2 import CaseMaterial, CorrectionItem
from tongban.api.cases.v1.cases_pb2 import (
    AcceptCase,
    ApproveCase,
    DecideCaseRequest,
    RefuseCase,
    RejectCase,
    RequestCorrection,
    SubmitCaseRequest,
    SupplementCaseRequest,
)
from tongban.api.common.v1 import common_pb2
from tongban.api.identity.v1 import identity_pb2
from tongban.core.errors import invalid_field
from tongban.core.items import Accept, Approve, Correct, Party, Refuse, Reject
from tongban.core.sources import Verdict

Decision: TypeAlias = Accept | Approve | Correct | Refuse | Reject
"""What an officer may do with a case: the answers of a handler, except to leave it to an officer."""

_VERDICTS = {
    identity_pb2.VERDICT_MATCH: Verdict.MATCH,
    identity_pb2.VERDICT_MISMATCH: Verdict.MISMATCH,
    identity_pb2.VERDICT_NOT_FOUND: Verdict.NOT_FOUND,
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What an identity look-up 身份核验 gave."""

    verdict: Verdict | None
    """What the source says; None: it did not answer 未取得. That is no negative: verify by hand, or ask again."""
    assertion: identity_pb2.SignedAssertion
    """The same, signed, to be handed in with a case."""


def verified(response: identity_pb2.VerifyIdentityResponse) -> Verified:
    """Return what the look-up gave."""
    return Verified(_VERDICTS.get(response.verdict), response.assertion)


def verify(party: Party) -> identity_pb2.VerifyIdentityRequest:
    """Return the question whether name and number belong together."""
    return identity_pb2.VerifyIdentityRequest(party=_party(party))


def submit(
    item_code: str,
    deciding_place: str,
    applicant: Party,
    agent: Party | None,
    form: Mapping[str, str] | None,
    materials: Sequence[CaseMaterial],
    assertions: Sequence[identity_pb2.SignedAssertion],
    request_id: str | None,
) -> SubmitCaseRequest:
    """Return a case to be taken in."""
    if agent and agent.is_organisation:
        raise invalid_field("agent", "who comes to the window for the applicant is a person")
    return SubmitCaseRequest(
        request_id=request_id or uuid4().hex,
        item_code=item_code,
        deciding_place=deciding_place,
        applicant=_party(applicant),
        agent=_person(agent) if agent else None,
        form=form or {},
        materials=materials,
        assertions=assertions,
    )


def supplement(
    case_id: str, materials: Sequence[CaseMaterial], form: Mapping[str, str] | None, request_id: str | None
) -> SupplementCaseRequest:
    """Return what a correction asked for."""
    return SupplementCaseRequest(
        request_id=request_id or uuid4().hex, case_id=case_id, materials=materials, form=form or {}
    )


def decide(case_id: str, decision: Decision, request_id: str | None) -> DecideCaseRequest:
    """Return what an officer does."""
    return DecideCaseRequest(request_id=request_id or uuid4().hex, case_id=case_id, **_decision(decision))


def _decision(decision: Decision) -> dict[str, Any]:
    match decision:
        case Accept():
            return {"accept": AcceptCase()}
        case Approve(text):
            return {"approve": ApproveCase(text=text)}
        case Correct(items):
            asked = [CorrectionItem(code=code, text=text) for code, text in items.items()]
            return {"request_correction": RequestCorrection(items=asked)}
        case Refuse(reason, right_authority):
            return {"refuse": RefuseCase(reason=reason, right_authority=right_authority)}
        case Reject(reason):
            return {"reject": RejectCase(reason=reason)}


def _party(party: Party) -> common_pb2.Party:
    if party.is_organisation:
        return common_pb2.Party(organisation=common_pb2.Organisation(name=party.name, credit_code=party.number))
    return common_pb2.Party(person=_person(party))


def _person(party: Party) -> common_pb2.Person:
    return common_pb2.Person(name=party.name, resident_id=party.number)

"""What both sides check of a case: the intake side before it takes it in, the handling side before it puts it in order.

Form, materials, assertions, and the agreement.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from tongban.api.cases.v1.acts_pb2 import Received
from tongban.api.cases.v1.cases_pb2 import SubmitCaseRequest
from tongban.api.catalogue.v1.catalogue_pb2 import FormField, Item
from tongban.api.common.v1.common_pb2 import Party
from tongban.api.identity.v1.identity_pb2 import VERDICT_MATCH, Assertion, SignedAssertion
from tongban.api.rules.v1.rules_pb2 import Format
from tongban.core import codes, sealing
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal
from tongban.core.identifiers.formats import FORMATS
from tongban.core.sealing import Leaf
from tongban.core.times import moment
from tongban.federation.trust.view import TrustView

_MOST_CHARACTERS = 1000


def case_row(view: TrustView, intake: str, handling: str, item: str, now: datetime) -> str:
    """Return the name of the agreement row under which a case may be taken in; one's own matters need none.

    Raises:
        Refusal: NO_AGREEMENT_ROW.
    """
    if intake == handling:
        return "own"
    row = view.case_row(intake, handling, item, now)
    if row is None:
        facts = {
            "asking": intake,
            "answering": handling,
            "what": f"item {item}",
            "row": f"case from {intake} to {handling}, item {item}",
            "contact": view.contact(intake, handling),
        }
        raise Refusal(codes.NO_AGREEMENT_ROW, facts)
    return row.name


def form(item: Item, filled: Mapping[str, str], *, whole: bool) -> None:
    """Refuse a form that does not keep the item's rules; a supplement need not be whole.

    Raises:
        Refusal: FORM_FIELD.
    """
    fields = {field.name: field for field in item.form}
    for name in filled:
        if name not in fields:
            raise _form_field(name[:64], f"the item's form has no such field; it has {', '.join(sorted(fields))}")
    for name, field in fields.items():
        if name in filled or whole:
            _check_field(field, filled.get(name, ""))


def assertions(request: SubmitCaseRequest | Received, view: TrustView, now: datetime) -> None:
    """Refuse identity assertions that are not about the applicant or agent, or that nobody can rely on.

    Raises:
        Refusal: ASSERTION_INVALID.
    """
    parties = [request.applicant, *([Party(person=request.agent)] if request.HasField("agent") else [])]
    digests = {party_digest(party) for party in parties}
    for signed in request.assertions:
        _check_assertion(signed, digests, view, now)


def gives_intake_number(member: str, number: str) -> bool:
    """Say whether an intake number 收件编号 is one that this member gives: nobody else's can be the same."""
    return re.fullmatch(rf"SJ-{re.escape(member)}-[0-9]{{8}}-[0-9]{{4,}}", number) is not None


def party_digest(party: Party) -> bytes:
    """Return the digest by which an assertion names whom it is about."""
    return sha256(party.SerializeToString(deterministic=True)).digest()


def _check_field(field: FormField, value: str) -> None:
    if not value:
        if field.required:
            raise _form_field(field.name, "it is required")
        return
    most = field.max_len or _MOST_CHARACTERS
    if len(value) > most:
        raise _form_field(field.name, f"at most {most} characters")
    if field.format:
        name = Format.Name(field.format).removeprefix("FORMAT_").lower().replace("_", "-")
        problem = FORMATS[name](value)
        if problem:
            raise _form_field(field.name, f"it must be a {name}: {problem}")


def _check_assertion(signed: SignedAssertion, parties: set[bytes], view: TrustView, now: datetime) -> None:
    assertion = decoded(Assertion, signed.assertion)
    leaf = Leaf(sealing.ASSERTION, signed.assertion)
    rules = [
        (sealing.member_sealed(view, assertion.member, signed.seal, leaf), "its member did not seal it"),
        (assertion.party_digest in parties, "it is about neither the applicant nor the agent, as they are named here"),
        (assertion.verdict == VERDICT_MATCH, "only a match can travel with a case"),
        (now < moment(assertion.expires_at), "it has expired"),
    ]
    for kept, rule in rules:
        if not kept:
            raise Refusal(codes.ASSERTION_INVALID, rule=rule, field="assertions")


def _form_field(name: str, rule: str) -> Refusal:
    return Refusal(codes.FORM_FIELD, field=f"form.{name}", rule=rule)

"""The third step: may it? A window by its role; a peer by a row of an agreement, which is closed by default."""

from datetime import datetime

from tongban.api.admin.v1.admin_pb2 import WindowRole
from tongban.api.documents.v1.documents_pb2 import LookupRow
from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.calls import Call, Caller, Door
from tongban.federation.exchange.relaying import Relay
from tongban.federation.load.quotas import Quota
from tongban.federation.locate import Place
from tongban.federation.policies import Kind
from tongban.federation.trust.view import TrustView


def authorize(
    call: Call, caller: Caller, place: Place, view: TrustView, now: datetime, quota: Quota, relay: Relay
) -> str:
    """Return the agreement row that allows a call; empty where none is needed.

    `quota` counts how often a row is asked by.

    Raises:
        Refusal: ROLE_MISSING, OFFICER_MISSING, PURPOSE_MISSING, NO_AGREEMENT_ROW, CONSENT_MISSING, QUOTA_EXCEEDED,
            RELAY_CLOSED, MESSAGE_LOOPED.
    """
    if call.question is not None and not place.here:
        relay.permit(call.question)
        return ""
    if call.door is Door.WINDOWS:
        _check_window(call, caller, place)
    if call.door is Door.PEERS and place.policy.kind is Kind.LOOKUP:
        return _row(call, caller, place, view, now, quota)
    return ""


def missing_row(asking: str, answering: str, call: Call) -> str:
    """Return the row that an agreement would need to allow a look-up, in words for its authors."""
    purpose = call.context.purpose
    return f'lookup from {asking} to {answering}, method {call.method}, purpose "{purpose}"'


def _check_window(call: Call, caller: Caller, place: Place) -> None:
    policy = place.policy
    if policy.roles and not policy.roles & caller.roles:
        role = " or ".join(sorted(WindowRole.Name(one).removeprefix("WINDOW_ROLE_").lower() for one in policy.roles))
        raise Refusal(codes.ROLE_MISSING, {"window": caller.window, "role": role, "method": call.method})
    if policy.officer and not call.context.officer:
        raise Refusal(codes.OFFICER_MISSING, {"method": call.method}, field="officer")
    if policy.kind is Kind.LOOKUP and not call.context.purpose:
        raise Refusal(codes.PURPOSE_MISSING, {"method": call.method}, field="purpose")


def _row(call: Call, caller: Caller, place: Place, view: TrustView, now: datetime, quota: Quota) -> str:
    row = view.lookup_row(caller.member, place.member, call.method, call.context, now)
    if row is None or not isinstance(row.row, LookupRow):
        facts = {
            "asking": caller.member,
            "answering": place.member,
            "what": call.method,
            "row": missing_row(caller.member, place.member, call),
            "contact": view.contact(caller.member, place.member),
        }
        raise Refusal(codes.NO_AGREEMENT_ROW, facts)
    if row.row.consent_required and not call.context.consent_id:
        raise Refusal(codes.CONSENT_MISSING, {"row": row.name}, field="consent_id")
    quota.of_row(row.name, row.row)
    return row.name

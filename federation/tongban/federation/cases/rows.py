"""Cases as the store keeps them: what a unit writes for acts, events and messages."""

from hashlib import sha256

from tongban.api.cases.v1.acts_pb2 import SignedAct, SignedEvent
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.exchange.v1.exchange_pb2 import DeliverActRequest, DeliverEventRequest
from tongban.core.case import machine
from tongban.core.case.fold import CaseView
from tongban.core.times import micros, moment
from tongban.federation.store.units import Claim, Insert, Put

DELIVER_ACT = "/tongban.api.exchange.v1.CaseExchangeService/DeliverAct"
DELIVER_EVENT = "/tongban.api.exchange.v1.CaseExchangeService/DeliverEvent"

_VALID = 90 * 86_400 * 1_000_000
"""Acts and events may be delivered for ninety days."""


def case_row(view: CaseView, item_name: str, window: str) -> Put:
    """Return what a list of cases shows of one."""
    row = {
        "case_id": view.case_id,
        "intake": view.intake,
        "handling": view.handling,
        "item_code": view.received.item_code,
        "item_name": item_name,
        "state": machine.state_name(view.state),
        "intake_number": view.received.intake_number,
        "case_number": view.case_number,
        "sequence": view.sequence,
        "window": window,
        "updated": micros(moment(view.updated_at)),
    }
    return Put("cases", row)


def act_row(case_id: str, author: str, number: int, signed: SignedAct) -> Insert:
    """Return an own act that is not in order yet."""
    row = {"case_id": case_id, "author": author, "n": number, "act": signed.act}
    return Insert("acts", {**row, "seal": signed.seal.SerializeToString()})


def event_row(case_id: str, sequence: int, signed: SignedEvent) -> Insert:
    """Return an event."""
    row = {
        "case_id": case_id,
        "sequence": sequence,
        "event": signed.event,
        "act": signed.act.act,
        "act_seal": signed.act.seal.SerializeToString(),
        "event_seal": signed.seal.SerializeToString(),
    }
    return Insert("events", row)


def event_claim(case_id: str, sequence: int, event: bytes) -> Claim:
    """Return the claim that gives each place in a case to one event."""
    return Claim(f"event/{case_id}/{sequence}", digest=sha256(event).digest())


def act_claim(case_id: str, author: str, number: int, act: bytes, outcome: bytes) -> Claim:
    """Return the claim that takes each act in once, with the answer that a repeat gets."""
    return Claim(f"act/{case_id}/{author}/{number}", digest=sha256(act).digest(), outcome=outcome)


def correction_claim(case_id: str, sequence: int) -> Claim:
    """Return the claim that lets one step of this node follow upon the correction at a place in a case."""
    return Claim(f"correction/{case_id}/{sequence}")


def act_message(peer: str, case_id: str, author: str, number: int, signed: SignedAct, now: int) -> Insert:
    """Return the message that hands an act to the handling member."""
    body = DeliverActRequest(act=signed).SerializeToString()
    return _message(f"{case_id}/{author}/{number}", peer, case_id, number, DELIVER_ACT, body, now)


def event_message(peer: str, case_id: str, sequence: int, signed: SignedEvent, now: int) -> Insert:
    """Return the message that hands an event to the intake member."""
    body = DeliverEventRequest(event=signed).SerializeToString()
    return _message(f"{case_id}/event/{sequence}", peer, case_id, sequence, DELIVER_EVENT, body, now)


def _message(id_: str, peer: str, case_id: str, position: int, method: str, body: bytes, now: int) -> Insert:
    row = {
        "message_id": id_,
        "peer": peer,
        "case_id": case_id,
        "position": position,
        "method": method,
        "context": CallContext(case_id=case_id).SerializeToString(),
        "body": body,
        "valid_until": now + _VALID,
        "attempt": 0,
        "not_before": 0,
        "state": "queued",
        "error": "",
    }
    return Insert("outbox", row)

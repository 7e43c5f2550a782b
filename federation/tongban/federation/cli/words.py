"""Messages of the contracts as plain data for output: enums by name, times as in China, people masked."""

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from google.protobuf.timestamp_pb2 import Timestamp

from tongban.api.cases.v1.acts_pb2 import Act, Event, Outcome
from tongban.api.cases.v1.cases_pb2 import CaseState, CaseSummary
from tongban.api.common.v1.common_pb2 import Paper, Party
from tongban.api.documents.v1.documents_pb2 import DocumentHead
from tongban.core.identifiers import mask, mask_name
from tongban.core.times import moment

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

_CHINA = timezone(timedelta(hours=8))


def when(stamp: Timestamp) -> str:
    """Return a moment in China with its offset, ISO 8601; empty if there is none."""
    return local(moment(stamp)) if stamp.ByteSize() else ""


def local(time: datetime) -> str:
    """Return a moment in China with its offset, ISO 8601."""
    return time.astimezone(_CHINA).isoformat(timespec="seconds")


def named(enum: "_EnumTypeWrapper[Any]", value: int) -> str:
    """Return an enum's value as people read it: CASE_STATE_NOT_ACCEPTED is ``not_accepted``; 0 is empty."""
    if not value:
        return ""
    prefix = enum.Name(enum.values()[0]).removesuffix("UNSPECIFIED")
    return enum.Name(value).removeprefix(prefix).lower()


def party(one: Party) -> str:
    """Return whose matter it is: a person masked, an organisation as it is registered."""
    if one.HasField("organisation"):
        return f"{one.organisation.name} {one.organisation.credit_code}"
    return f"{mask_name(one.person.name)} {mask(one.person.resident_id)}" if one.HasField("person") else ""


def summary(case: CaseSummary) -> dict[str, Any]:
    """Return a case at a glance."""
    return {
        "case_id": case.case_id,
        "intake_number": case.intake_number,
        "case_number": case.case_number,
        "item": f"{case.item_code} {case.item_name}".strip(),
        "intake": case.intake,
        "handling": case.handling,
        "state": named(CaseState, case.state),
        "updated_at": when(case.updated_at),
        "deadline": case.deadline.day + (" (provisional)" if case.deadline.provisional else ""),
        "correction": [f"{item.code}: {item.text}" for item in case.correction.items],
        "hindrance": case.hindrance,
    }


def act(one: Act, event: Event | None = None) -> dict[str, Any]:
    """Return an act of a case; one that is not in order yet has no place."""
    content = one.WhichOneof("content") or ""
    return {
        "place": event.sequence if event else "",
        "time": when(one.time),
        "author": one.author,
        "act": content,
        "officer": one.officer,
        "says": _says(one, content),
    }


def _says(one: Act, content: str) -> str:
    if content == "received":
        materials = ", ".join(material.code for material in one.received.materials)
        return f"{one.received.intake_number}, {party(one.received.applicant)}; materials: {materials or 'none'}"
    if content == "correction_requested":
        return "; ".join(f"{item.code}: {item.text}" for item in one.correction_requested.items)
    if content == "supplemented":
        return ", ".join([*(m.code for m in one.supplemented.materials), *sorted(one.supplemented.form)])
    if content == "accepted":
        return f"{one.accepted.case_number}, by {one.accepted.deadline.day or 'at once'}"
    if content == "not_accepted":
        return f"{one.not_accepted.reason} {one.not_accepted.right_authority}".strip()
    return f"{named(Outcome, one.decided.outcome)} {one.decided.reason}".strip()


def paper(one: Paper) -> dict[str, Any]:
    """Return what a paper is, without its text."""
    return {"title": one.title, "issuer": one.issuer, "key": one.key_id, "media_type": one.media_type}


def head(one: DocumentHead) -> dict[str, Any]:
    """Return what a document is."""
    return {
        "name": one.name,
        "version": one.version,
        "stale_at": when(one.stale_at),
        "expires_at": when(one.expires_at),
        "digest": one.digest,
    }

"""Refusals: what a caller is told instead of an answer.

A `Refusal` takes the same way out of a node as any answer does. On the wire it is a ``google.rpc.Status`` with one
`ErrorDetail` among its details, and a ``google.rpc.RetryInfo`` where it is known when to ask again; `status_of` and
`refusal_of` are the two sides of that border.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from urllib.parse import quote

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from tongban.api.errors.v1.errors_pb2 import ErrorDetail
from tongban.core.codes import CATALOGUE, INTERNAL, INVALID_FIELD, SERVICE_STATUS, Code
from tongban.core.identifiers.member_id import check_member_id

_STATUSES = range(1, 17)
"""The gRPC status codes of calls that did not succeed."""


MOST_STATUS = 6144
"""Most bytes of a status that a plugin's service gives, with its details, as it travels; see `size_of_status`."""

MOST_SENTENCE, MOST_FACT, MOST_FACTS = 700, 250, 6
"""Most bytes of a sentence and of a fact, and most facts, that travel with a refusal."""

MOST_DETAIL = 4600
"""Most bytes of an `ErrorDetail`: in base64 it fits into the eight kilobytes that gRPC gives to metadata. Of facts that
do not fit, the longest are left out."""

_CODE, _FACT = re.compile(r"[A-Z][A-Z0-9_]{0,63}"), re.compile(r"[a-z][a-z0-9_]{0,63}")
_REFERENCE = re.compile(r"[0-9A-Za-z_.-]{0,64}")

_LONGEST_RETRY = 86_400.0

_AS_IT_IS = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
"""What gRPC does not percent-encode in a message."""


class _Facts(dict[str, str]):
    """Facts for a sentence; one that nobody gave is left out rather than told in braces."""

    def __missing__(self, key: str) -> str:
        return ""


@dataclass(slots=True, eq=False)
class Refusal(Exception):
    """A call is refused; the code says how, the facts fill the catalogue's sentences.

    Facts must hold no personal data: they leave the node and stand in evidence logs.
    """

    code: Code
    facts: Mapping[str, str] = field(default_factory=dict)
    field: str = ""
    """Path of the wrong field in the request."""
    rule: str = ""
    """Rule that was broken, in words."""
    member: str = ""
    """Member at whose node it arose; set by the node when it leaves."""
    reference: str = ""
    """Key of the node's log entry with the inside of the error."""
    retry_seconds: float = 0.0
    """Seconds after which asking again may help (``google.rpc.RetryInfo``), at most a day; 0: not known."""
    told: Status | None = None
    """Status of a plugin's service, which reaches the caller as it is."""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    @property
    def message(self) -> str:
        """What happened, in English."""
        return self._fill(self.code.message)

    @property
    def message_zh(self) -> str:
        """What happened, in Chinese."""
        return self._fill(self.code.message_zh)

    @property
    def remedy(self) -> str:
        """What to do now, in English."""
        return self._fill(self.code.remedy)

    @property
    def remedy_zh(self) -> str:
        """What to do now, in Chinese."""
        return self._fill(self.code.remedy_zh)

    def at(self, member: str) -> "Refusal":
        """Return the same refusal as it leaves the node of this member; one from further away stays as it is."""
        return self if self.member else replace(self, member=member)

    def _fill(self, sentence: str) -> str:
        own = {"field": self.field, "rule": self.rule, "member": self.member, "reference": self.reference}
        return sentence.format_map(_Facts({**own, **self.facts})).strip()


def invalid_field(path: str, rule: str) -> Refusal:
    """Return the refusal of a field that breaks a rule."""
    return Refusal(INVALID_FIELD, field=path, rule=rule)


def status_of(refusal: Refusal) -> Status:
    """Return the refusal as it travels: cut to what fits into the metadata of a call, which takes eight kilobytes."""
    if refusal.told is not None:
        return refusal.told
    detail = ErrorDetail(
        code=refusal.code.name,
        member=refusal.member,
        field=_brief(refusal.field, MOST_FACT),
        rule=_brief(refusal.rule),
        message=_brief(refusal.message),
        message_zh=_brief(refusal.message_zh),
        remedy=_brief(refusal.remedy),
        remedy_zh=_brief(refusal.remedy_zh),
        retryable=refusal.code.retryable,
        reference=refusal.reference,
        facts={name: _brief(refusal.facts[name], MOST_FACT) for name in sorted(refusal.facts)[:MOST_FACTS]},
    )
    while detail.facts and detail.ByteSize() > MOST_DETAIL:
        del detail.facts[max(detail.facts, key=lambda name: len(detail.facts[name]))]
    status = Status(code=refusal.code.status, message=f"{refusal.code.name}: {_brief(refusal.message, MOST_FACT)}")
    status.details.add().Pack(detail)
    if refusal.retry_seconds > 0:
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(ceil(min(refusal.retry_seconds, _LONGEST_RETRY) * 1000))
        status.details.add().Pack(retry)
    return status


def refusal_of(status: Status) -> Refusal:
    """Return the refusal that a status tells; a code that this version does not know keeps its own sentences.

    A status without `ErrorDetail` is one of a plugin's service.

    Raises:
        DecodeError: its `ErrorDetail` is none that a node makes: a code, a member, a reference or a fact is no such
            thing, or has no end.
    """
    detail = ErrorDetail()
    if not any(_unpacks(entry, detail) for entry in status.details):
        return refusal_by_service(status)
    if not _is_one(detail):
        raise DecodeError("ErrorDetail")
    return Refusal(
        code=CATALOGUE.get(detail.code) or _foreign(detail, status.code),
        facts=dict(detail.facts),
        field=detail.field,
        rule=detail.rule,
        member=detail.member,
        reference=detail.reference,
        retry_seconds=_retry_seconds(status),
    )


def _is_one(detail: ErrorDetail) -> bool:
    sentences = (detail.rule, detail.message, detail.message_zh, detail.remedy, detail.remedy_zh)
    return (
        _CODE.fullmatch(detail.code) is not None
        and (not detail.member or check_member_id(detail.member) is None)
        and _REFERENCE.fullmatch(detail.reference) is not None
        and all(len(text.encode()) <= MOST_SENTENCE for text in sentences)
        and all(len(text.encode()) <= MOST_FACT for text in (detail.field, *detail.facts.values()))
        and len(detail.facts) <= MOST_FACTS
        and all(_FACT.fullmatch(name) for name in detail.facts)
    )


def _unpacks(entry: Any, into: Message) -> bool:
    """Say whether an entry is such a message; bytes from elsewhere may be none of what their type says."""
    try:
        return bool(entry.Unpack(into))
    except DecodeError:
        return False


def _retry_seconds(status: Status) -> float:
    retry = RetryInfo()
    if not any(_unpacks(entry, retry) for entry in status.details):
        return 0.0
    seconds: float = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return max(0.0, min(seconds, _LONGEST_RETRY))


def refusal_by_service(status: Status) -> Refusal:
    """Return the refusal with a status of a plugin's service; details that are too long to travel are left out."""
    if status.code not in _STATUSES:
        return Refusal(INTERNAL)
    if size_of_status(status) > MOST_STATUS:
        status = Status(code=status.code, message=_brief(status.message))
    said = f"{status.code} {_brief(status.message, MOST_FACT)}".strip()
    return Refusal(replace(SERVICE_STATUS, status=status.code), {"said": said}, told=status)


def size_of_status(status: Status) -> int:
    """Return the bytes that a status takes among the metadata of a call: in base64, and its message once more.

    The message travels percent-encoded as ``grpc-message`` too, as clients compare it with the status: a Chinese
    character takes nine bytes there.
    """
    return base64_size(status.ByteSize()) + len(quote(status.message, safe=_AS_IT_IS))


def base64_size(size: int) -> int:
    """Return the bytes that so many take in base64."""
    return (size + 2) // 3 * 4


def _brief(text: str, most: int = MOST_SENTENCE) -> str:
    data = text.encode()
    return text if len(data) <= most else data[: most - 3].decode(errors="ignore") + "…"


def _foreign(detail: ErrorDetail, status: int) -> Code:
    literal = [_literal(text) for text in (detail.message, detail.message_zh, detail.remedy, detail.remedy_zh)]
    sayable = status if status in _STATUSES else INTERNAL.status
    return Code(detail.code, sayable, literal[0], literal[1], literal[2], literal[3], detail.retryable)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")

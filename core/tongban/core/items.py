"""Service items 事项 as a plugin declares them, and the case and answers that its handler sees.

All of it is plain data: a handler takes a `Case` and gives an `Answer`, so the same plugin can run in a process of
its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tongban.api.catalogue.v1 import catalogue_pb2 as pb
from tongban.api.rules.v1.rules_pb2 import Format


class ItemType(Enum):
    """Kind of matter in law 事项类型 (GB/T 39046-2020 A.1, by name)."""

    ADMINISTRATIVE_LICENCE = "ADMINISTRATIVE_LICENCE"
    """行政许可"""
    ADMINISTRATIVE_CONFIRMATION = "ADMINISTRATIVE_CONFIRMATION"
    """行政确认"""
    ADMINISTRATIVE_PAYMENT = "ADMINISTRATIVE_PAYMENT"
    """行政给付"""
    PUBLIC_SERVICE = "PUBLIC_SERVICE"
    """公共服务"""
    OTHER = "OTHER"
    """其他"""


class DecidingFact(Enum):
    """The fact that decides whose matter it is 业务属地."""

    REGISTRATION = "REGISTRATION"
    """登记机关所在地"""
    HOUSEHOLD = "HOUSEHOLD"
    """户籍地"""
    INSURANCE = "INSURANCE"
    """参保地"""
    FUND_DEPOSIT = "FUND_DEPOSIT"
    """缴存地"""
    PROPERTY = "PROPERTY"
    """坐落地"""
    SCHOOL = "SCHOOL"
    """学籍地"""
    ARCHIVE = "ARCHIVE"
    """档案所在地"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an item's form 申请表."""

    name: str
    """Name in the form: lower-case letters, digits and underscores."""
    label: str
    """Label for people."""
    required: bool = True
    max_len: int = 1000
    """Most characters, at most 1,000."""
    format: str = ""
    """Named format, as in resident-id, credit-code, date; empty for any text."""


@dataclass(frozen=True, slots=True)
class Required:
    """One material 申请材料 that an item asks for."""

    code: str
    """Code within the item: lower-case letters, digits and underscores."""
    name: str
    """Name for people."""
    required: bool = True
    """Whether a case can be accepted only with it."""
    max_bytes: int = 20 << 20
    """Most bytes of it, from 1 to 16 GiB."""
    media_types: Sequence[str] = ()
    """Media types that it may have, as in application/pdf; empty: any."""


@dataclass(frozen=True, slots=True)
class Party:
    """A person or an organisation, as told at the window."""

    name: str
    number: str
    """Resident identity number, or unified social credit code 统一社会信用代码."""
    is_organisation: bool = False


@dataclass(frozen=True, slots=True)
class Material:
    """A material of a case, already at this node."""

    code: str
    name: str
    digest: str
    """SHA-256, hexadecimal."""
    size: int
    """Bytes."""
    media_type: str
    path: Path
    """Where its bytes are; read them, do not change them."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case 办件 as its handler sees it."""

    case_id: str
    key: str
    """The same each time the handler is asked for the same step: use it to do a thing in another system once."""
    item_code: str
    intake: str
    """Member that took the case in 收件."""
    applicant: Party
    agent: Party | None
    """Who came to the window for the applicant 经办人."""
    form: Mapping[str, str]
    materials: Sequence[Material]
    correction_asked: bool = False
    """Whether the applicant has been asked for a correction already; that is done once (行政许可法 §32(4))."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Accept the case, if it is not yet, and grant it 准予/办结."""

    text: str
    """What the paper of the result is to say."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Accept the case, if it is not yet, and do not grant it 不予许可."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not accept the case 不予受理."""

    reason: str
    right_authority: str = ""
    """Who is competent, if this member is not 行政许可法 §32(2)."""


@dataclass(frozen=True, slots=True)
class Correct:
    """Ask the applicant for a correction 补正, once and in full."""

    items: Mapping[str, str]
    """By code of the material or form field: what to supply, in words for the applicant."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept the case 受理; an officer decides."""


@dataclass(frozen=True, slots=True)
class LeaveToOfficer:
    """Do nothing now; an officer takes the next step."""


Answer = Approve | Reject | Refuse | Correct | Accept | LeaveToOfficer
Handler = Callable[[Case], Answer | Awaitable[Answer]]


def _leave_to_officer(case: Case) -> Answer:
    return LeaveToOfficer()


@dataclass(slots=True)
class Item:
    """A service item 事项 that a plugin's member handles.

    Decorate a function with ``@item.handler`` to have it asked when a case arrives and after each supplement; without
    one, officers do every step.
    """

    code: str
    """Code, opaque, at most 50 characters."""
    name: str
    type: ItemType
    deciding_fact: DecidingFact
    result_title: str
    """Title of the paper that ends a case well."""
    form: Sequence[Field] = ()
    materials: Sequence[Required] = ()
    version: int = 1
    """Raise it when form, materials or terms change; a case keeps the version that it was taken in with."""
    promised_days: int = 0
    """Working days from acceptance 承诺时限; 0 for an item that is answered at once 即办件."""
    correction_days: int = 5
    """Working days that the applicant has for a correction."""
    places: Sequence[str] = ()
    """Divisions for which the member is competent, at or below its own; empty: the member's own."""
    implementation_code: str = ""
    """实施编码; empty: the item's code stands for it in case numbers."""
    answer: Handler = field(default=_leave_to_officer, repr=False)

    def handler(self, function: Handler) -> Handler:
        """Have this function, plain or ``async``, answer cases of the item."""
        self.answer = function
        return function

    def published(self, division: str) -> pb.Item:
        """Return the item as a catalogue lists it; the division is its member's own."""
        return pb.Item(
            code=self.code,
            name=self.name,
            version=self.version,
            type=pb.ItemType.Value(f"ITEM_TYPE_{self.type.value}"),
            promise=pb.PROMISE_WORKING_DAYS if self.promised_days else pb.PROMISE_INSTANT,
            promised_days=self.promised_days,
            correction_days=self.correction_days,
            deciding_fact=pb.DecidingFact.Value(f"DECIDING_FACT_{self.deciding_fact.value}"),
            places=list(self.places) or [division],
            form=[_form_field(one) for one in self.form],
            materials=[_requirement(one) for one in self.materials],
            result_title=self.result_title,
            implementation_code=self.implementation_code,
        )


def _form_field(one: Field) -> pb.FormField:
    name = f"FORMAT_{one.format.replace('-', '_').upper()}" if one.format else "FORMAT_UNSPECIFIED"
    return pb.FormField(
        name=one.name, label=one.label, required=one.required, max_len=one.max_len, format=Format.Value(name)
    )


def _requirement(one: Required) -> pb.MaterialRequirement:
    return pb.MaterialRequirement(
        code=one.code,
        name=one.name,
        required=one.required,
        max_bytes=one.max_bytes,
        media_types=list(one.media_types),
    )

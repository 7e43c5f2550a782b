"""What papers and deadlines of a case say."""

from collections.abc import Sequence
from datetime import datetime

from tongban.api.cases.v1.acts_pb2 import CaseMaterial, Deadline
from tongban.api.catalogue.v1.catalogue_pb2 import (
    ITEM_TYPE_ADMINISTRATIVE_CONFIRMATION,
    ITEM_TYPE_ADMINISTRATIVE_LICENCE,
    ITEM_TYPE_ADMINISTRATIVE_PAYMENT,
    Item,
)
from tongban.api.common.v1.common_pb2 import Party
from tongban.core.calendar import CHINA, WorkingCalendar, local_day
from tongban.core.case.fold import CaseView
from tongban.core.identifiers import mask

_ADMINISTRATIVE = (
    ITEM_TYPE_ADMINISTRATIVE_LICENCE,
    ITEM_TYPE_ADMINISTRATIVE_CONFIRMATION,
    ITEM_TYPE_ADMINISTRATIVE_PAYMENT,
)


def deadline(calendar: WorkingCalendar, now: datetime, days: int) -> Deadline:
    """Return the last of so many working days; the day after counts as the first."""
    counted = calendar.add_working_days(local_day(now), days)
    return Deadline(
        day=counted.day.isoformat(),
        working_days=days,
        skipped=[day.isoformat() for day in counted.skipped],
        provisional=counted.provisional,
        calendar=counted.calendar_version,
    )


def name_and_number(party: Party) -> str:
    """Return a party as papers name it: a person's number masked, an organisation's code in full."""
    if party.HasField("organisation"):
        return f"{party.organisation.name}(统一社会信用代码 {party.organisation.credit_code})"
    return f"{party.person.name}(证件号码 {mask(party.person.resident_id)})"


def receipt_lines(
    numbers: Sequence[tuple[str, str]], applicant: Party, item: Item, materials: Sequence[CaseMaterial], now: datetime
) -> list[str]:
    """Return the lines of an intake receipt 收件告知单."""
    lines = [f"{label}:{number}" for label, number in numbers]
    lines += [f"事项:{item.name}({item.code})", f"申请人:{name_and_number(applicant)}"]
    lines += [f"收件时间:{_local(now)}", f"收到材料:{len(materials)} 份"]
    lines += [f"  {place}. {one.name}(SHA-256 {one.digest})" for place, one in enumerate(materials, 1)]
    return [*lines, "本告知单仅证明收到上述材料,是否受理由办理机关决定。"]


def result_lines(view: CaseView, item: Item, handling: str, told: Sequence[str], now: datetime) -> list[str]:
    """Return the lines of a paper that ends a case."""
    number = f"办件编号:{view.case_number}" if view.case_number else f"收件编号:{view.received.intake_number}"
    return [
        number,
        f"业务协同编号:{view.case_id}",
        f"事项:{item.name}({item.code})",
        f"申请人:{name_and_number(view.received.applicant)}",
        f"办理机关:{handling}",
        "",
        *told,
        "",
        f"作出时间:{_local(now)}",
    ]


def remedy_lines(item: Item) -> list[str]:
    """Return what an applicant can do against a refusal; an administrative act must say it (行政许可法 §38)."""
    if item.type not in _ADMINISTRATIVE:
        return []
    return ["如不服,可以依法申请行政复议或者提起行政诉讼。"]


def _local(now: datetime) -> str:
    return now.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")

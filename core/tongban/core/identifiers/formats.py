"""Named formats, as the field rules of the contracts call them."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from tongban.core.identifiers.credit_code import check_credit_code
from tongban.core.identifiers.division import check_division
from tongban.core.identifiers.member_id import check_member_id
from tongban.core.identifiers.numbers import check_case_id
from tongban.core.identifiers.resident_id import check_resident_id

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_date(text: str) -> str | None:
    """Tell what is wrong with a date in the form yyyy-mm-dd (ISO 8601), or None."""
    if not _DATE.fullmatch(text):
        return "must be a date in the form yyyy-mm-dd"
    try:
        date.fromisoformat(text)
    except ValueError:
        return "must be a date that the calendar has"
    return None


def check_sha256(text: str) -> str | None:
    """Tell what is wrong with a SHA-256 digest in hexadecimal, or None."""
    return None if _SHA256.fullmatch(text) else "must be 64 lower-case hexadecimal digits"


FORMATS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {
        "resident-id": check_resident_id,
        "credit-code": check_credit_code,
        "division": check_division,
        "member-id": check_member_id,
        "case-id": check_case_id,
        "date": check_date,
        "sha256": check_sha256,
    }
)
"""Name of a format to its check, which answers None or a short reason that does not contain the value."""

"""Identifiers of people, bodies, places and cases: checks, names, and numbers for synthetic people."""

from tongban.core.identifiers.credit_code import check_credit_code, synthetic_credit_code
from tongban.core.identifiers.division import check_division, division_covers, division_name
from tongban.core.identifiers.formats import FORMATS, check_date, check_sha256
from tongban.core.identifiers.member_id import check_member_id, division_of
from tongban.core.identifiers.numbers import (
    CASE_TOKEN_BYTES,
    MAX_NUMBER_LENGTH,
    case_id,
    case_number,
    check_case_id,
    implementation_code,
    intake_number,
)
from tongban.core.identifiers.resident_id import check_resident_id, mask, mask_name, synthetic_resident_id

__all__ = [
    "CASE_TOKEN_BYTES",
    "FORMATS",
    "MAX_NUMBER_LENGTH",
    "case_id",
    "case_number",
    "check_case_id",
    "check_credit_code",
    "check_date",
    "check_division",
    "check_member_id",
    "check_resident_id",
    "check_sha256",
    "division_covers",
    "division_name",
    "division_of",
    "implementation_code",
    "intake_number",
    "mask",
    "mask_name",
    "synthetic_credit_code",
    "synthetic_resident_id",
]

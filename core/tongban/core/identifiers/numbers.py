"""The three numbers of a case, and 实施编码.

收件编号 is given by the intake member, 业务协同编号 by the intake node for the whole federation, 办件编号 by
the handling member at 受理. All are opaque strings of at most 50 characters (GB/T 39046-2020, an..50).
"""

import re
from base64 import b32encode
from datetime import date
from hashlib import sha256

from tongban.core.identifiers.check_characters import mod_37_36
from tongban.core.identifiers.credit_code import check_credit_code
from tongban.core.identifiers.member_id import check_member_id, division_of

MAX_NUMBER_LENGTH = 50
"""Longest 收件编号, 业务协同编号 or 办件编号, in characters."""

CASE_TOKEN_BYTES = 10
"""Length of the random token in a 业务协同编号: 80 bits, so that nodes need not agree on who takes which."""

_CASE_ID = re.compile(r"[0-9]{6}-[0-9]{8}-[A-Z2-7]{16}[0-9A-Z]")
_ITEM_CODE = re.compile(r"[0-9A-Z]{12}(?:[0-9]{2})?")
_NATIONAL = re.compile(r"[0-9A-Z]{18}[1-7][0-9A-Z]{12}")
_SHORTENED = 33  # leaves a number of 50 characters room for a serial of seven digits


def intake_number(member: str, day: date, serial: int) -> str:
    """收件编号 for the receipt, such as SJ-310151-20261121-0001; `serial` counts from 1 per member and day.

    Raises ValueError for a malformed member id or a serial that is below 1 or too long.
    """
    _require_member(member)
    return _limited(f"SJ-{member}-{day:%Y%m%d}-{_serial_digits(serial)}")


def case_id(member: str, day: date, token: bytes) -> str:
    """业务协同编号: division, day, token and one check character (ISO 7064 MOD 37,36), 33 characters in all.

    Whoever makes a case passes `CASE_TOKEN_BYTES` random bytes. Readers treat the id as opaque.
    Raises ValueError for a malformed member id or a token of another length.
    """
    _require_member(member)
    if len(token) != CASE_TOKEN_BYTES:
        raise ValueError(f"token: must be {CASE_TOKEN_BYTES} bytes, is {len(token)}")
    body = f"{division_of(member)}-{day:%Y%m%d}-{b32encode(token).decode()}"
    return body + mod_37_36(body.replace("-", ""))


def check_case_id(text: str) -> str | None:
    """Tell what is wrong with a 业务协同编号, or None; any one mistyped character is noticed."""
    if not _CASE_ID.fullmatch(text):
        return "must be six digits, eight digits and 17 capital letters or digits, joined by hyphens"
    expected = mod_37_36(text[:-1].replace("-", ""))
    return None if text[-1] == expected else f"check character is {text[-1]}, expected {expected}"


def implementation_code(credit_code: str, level: int, item_code: str) -> str:
    """实施编码 in its national form of 31: 统一社会信用代码 of the body, 行使层级 (1 to 7), 基本编码 (12).

    The 14 characters of a 业务办理项 do as well: the first 12 are its 基本编码, so that all 办理项 of an item
    share one 实施编码. Raises ValueError that names the wrong argument.
    """
    if problem := check_credit_code(credit_code):
        raise ValueError(f"credit_code: {problem}")
    if not 1 <= level <= 7:
        raise ValueError("level: must be from 1 (national) to 7 (several levels), GB/T 39046-2020 A.2")
    if not _ITEM_CODE.fullmatch(item_code):
        raise ValueError("item_code: must be 12 digits or capital letters, or 14 that end in two digits")
    return f"{credit_code}{level}{item_code[:12]}"


def case_number(implementation_code: str, day: date, serial: int) -> str:
    """办件编号: 实施编码, day and serial; in the national form 31 + 8 + 4 = 43 characters without separators.

    `serial` counts from 1 per 实施编码 and day; beyond 9999 the number grows and stays unique. An 实施编码
    of another form is joined by hyphens; beyond 33 characters its end is replaced by a digest.
    Raises ValueError for an empty code, and for a serial that is below 1 or too long.
    """
    if _is_national(implementation_code):
        return _limited(f"{implementation_code}{day:%Y%m%d}{_serial_digits(serial)}")
    return _limited(f"{_shortened(implementation_code)}-{day:%Y%m%d}-{_serial_digits(serial)}")


def _is_national(code: str) -> bool:
    return _NATIONAL.fullmatch(code) is not None and check_credit_code(code[:18]) is None


def _shortened(code: str) -> str:
    if not code:
        raise ValueError("implementation_code: must not be empty")
    if len(code) <= _SHORTENED:
        return code
    digest = b32encode(sha256(code.encode()).digest()[:10]).decode()
    return f"{code[: _SHORTENED - len(digest) - 1]}~{digest}"


def _require_member(member: str) -> None:
    if problem := check_member_id(member):
        raise ValueError(f"member: {problem}")


def _serial_digits(serial: int) -> str:
    if serial < 1:
        raise ValueError("serial: counts from 1")
    return f"{serial:04d}"


def _limited(number: str) -> str:
    if len(number) > MAX_NUMBER_LENGTH:
        raise ValueError(
            f"serial: the number would be longer than {MAX_NUMBER_LENGTH} characters; use a smaller serial"
        )
    return number

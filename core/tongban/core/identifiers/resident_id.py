"""Personal numbers: 公民身份号码, 港澳台居民居住证, 外国人永久居留身份证."""

import re
from datetime import date, timedelta

from tongban.core.identifiers.check_characters import mod_11_2
from tongban.core.identifiers.division import check_division

_CURRENT = re.compile(r"[0-9]{17}[0-9X]")
_OLDER_FOREIGN = re.compile(r"[A-Z]{3}[0-9]{12}")
_FIRST_DAY = date(1800, 1, 1)
_DAYS_OF_THE_CENTURY = (date(1900, 1, 1) - _FIRST_DAY).days
_SEQUENCES_A_DAY = 1000
_SHORTEST_SHOWN = 8


def check_resident_id(text: str) -> str | None:
    """Tell what is wrong with a personal number, or None when its form and check digit are right.

    Eighteen characters follow GB 11643 (check digit ISO 7064 MOD 11-2): numbers of residents, of residents from
    Hong Kong, Macau and Taiwan (divisions 810000, 820000, 830000), and of the foreign permanent resident card
    of 2023-12-01, which begin with 9. Fifteen characters are the older foreign card. Divisions are not looked
    up, for numbers keep retired codes, and a birth date may lie in the future. The answer does not repeat the
    number.
    """
    if len(text) == 15:
        return _check_older_foreign(text)
    if len(text) != 18:
        return f"length is {len(text)}, expected 18 (or 15 for the older foreign permanent resident card)"
    if not _CURRENT.fullmatch(text):
        return "must be 17 digits and then a digit or a capital X"
    if not _is_date(text[6:10], text[10:12], text[12:14]):
        return "characters 7 to 14 must be a birth date, yyyymmdd"
    return _compare(text[-1], mod_11_2(text[:-1]))


def mask(text: str) -> str:
    """Hide a personal number for output and logs: the first 3 and last 2 characters stay.

    Fewer than 8 characters are hidden whole, since the rest would show more than it hides.
    """
    if len(text) < _SHORTEST_SHOWN:
        return "*" * len(text)
    return text[:3] + "*" * (len(text) - 5) + text[-2:]


def mask_name(text: str) -> str:
    """Hide a person's name for output and logs: the first character stays, unless it is the only one."""
    shown = 1 if len(text) > 1 else 0
    return text[:shown] + "*" * (len(text) - shown)


def synthetic_resident_id(division: str, serial: int) -> str:
    """Make a resident number for tests and demos that belongs to nobody: its birth date is in the 1800s.

    Each serial from 0 to 36,523,999 gives another number of the division (GB/T 2260, six digits).
    Raises ValueError for a malformed division or a serial outside that range.
    """
    if problem := check_division(division):
        raise ValueError(f"division: {problem}")
    if not 0 <= serial < _DAYS_OF_THE_CENTURY * _SEQUENCES_A_DAY:
        raise ValueError(f"serial: must be from 0 to {_DAYS_OF_THE_CENTURY * _SEQUENCES_A_DAY - 1}")
    sequence, days = divmod(serial, _DAYS_OF_THE_CENTURY)
    born = _FIRST_DAY + timedelta(days=days)
    body = f"{division}{born:%Y%m%d}{sequence:03d}"
    return body + mod_11_2(body)


def _check_older_foreign(text: str) -> str | None:
    if not _OLDER_FOREIGN.fullmatch(text):
        return "with 15 characters must be 3 capital letters and 12 digits (15-digit numbers ended in 2013)"
    years = ("19" + text[7:9], "20" + text[7:9])
    if not any(_is_date(year, text[9:11], text[11:13]) for year in years):
        return "characters 8 to 13 must be a birth date, yymmdd"
    return _compare(text[-1], _mod_10_weights_731(text[:-1]))


def _mod_10_weights_731(text: str) -> str:
    """Check digit of ICAO Doc 9303: weights 7, 3, 1 over digits and letters (A is 10), modulo 10."""
    return str(sum(int(character, 36) * (7, 3, 1)[place % 3] for place, character in enumerate(text)) % 10)


def _compare(found: str, expected: str) -> str | None:
    return None if found == expected else f"check digit is {found}, expected {expected}"


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True

"""统一社会信用代码 (GB 32100-2015) with the organisation code inside it (GB 11714)."""

import re
from operator import mul

from tongban.core.identifiers.division import check_division

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_FORM = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}")
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_SYNTHETIC_SERIALS = 31**4


def check_credit_code(text: str) -> str | None:
    """Tell what is wrong with a 统一社会信用代码, or None when its form and both check characters are right.

    Registering authority, category and division are not looked up: their lists change.
    """
    if len(text) != 18:
        return f"length is {len(text)}, expected 18"
    if not _FORM.fullmatch(text):
        return "must be digits and capital letters without I, O, S, V, Z, with digits at places 3 to 8"
    if text[16] != (expected := _organisation_check(text[8:16])):
        return f"check character of the organisation code (place 17) is {text[16]}, expected {expected}"
    if text[17] != (expected := _check(text[:17])):
        return f"check character (place 18) is {text[17]}, expected {expected}"
    return None


def synthetic_credit_code(division: str, serial: int) -> str:
    """Make the code of a made-up enterprise (91) for tests and demos: its organisation code begins with FAKE.

    No issued code of that form is known; the series is this project's own.
    Each serial from 0 to 923,520 gives another code of the division (GB/T 2260, six digits).
    Raises ValueError for a malformed division or a serial outside that range.
    """
    if problem := check_division(division):
        raise ValueError(f"division: {problem}")
    if not 0 <= serial < _SYNTHETIC_SERIALS:
        raise ValueError(f"serial: must be from 0 to {_SYNTHETIC_SERIALS - 1}")
    organisation = "FAKE" + "".join(_ALPHABET[serial // 31**place % 31] for place in (3, 2, 1, 0))
    body = "91" + division + organisation + _organisation_check(organisation)
    return body + _check(body)


def _check(body: str) -> str:
    total = sum(map(mul, map(_VALUES.__getitem__, body), _WEIGHTS))
    return _ALPHABET[-total % 31]


def _organisation_check(body: str) -> str:
    values = (int(character, 36) for character in body)
    total = sum(map(mul, values, _ORGANISATION_WEIGHTS))
    return "0123456789X"[-total % 11]

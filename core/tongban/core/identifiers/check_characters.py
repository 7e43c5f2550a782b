"""Check characters of ISO/IEC 7064."""

_DIGITS_AND_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES = {character: value for value, character in enumerate(_DIGITS_AND_LETTERS)}


def mod_11_2(digits: str) -> str:
    """Check character of the pure system MOD 11-2: a digit or X."""
    remainder = 0
    for digit in digits:
        remainder = (remainder + int(digit)) * 2 % 11
    return "0123456789X"[(12 - remainder) % 11]


def mod_37_36(text: str) -> str:
    """Check character of the hybrid system MOD 37,36 over digits and capital letters."""
    product = 36
    for character in text:
        total = (product + _VALUES[character]) % 36 or 36
        product = total * 2 % 37
    return _DIGITS_AND_LETTERS[(37 - product) % 36]

"""Ids of the federation's members: a division, with a department where the member is one."""

import re

_FORM = re.compile(r"([0-9]{6})(?:\.[a-z0-9]{1,16})?")


def check_member_id(text: str) -> str | None:
    """Tell what is wrong with a member id such as 310151 or 330100.gjj, or None when its form is right."""
    if _FORM.fullmatch(text):
        return None
    return "must be six digits, then optionally a dot and 1 to 16 lower-case letters or digits"


def division_of(member_id: str) -> str:
    """Six-digit division of a member, 330100 for 330100.gjj. Raises ValueError for a malformed id."""
    if not (match := _FORM.fullmatch(member_id)):
        raise ValueError(f"member id: {check_member_id(member_id)}")
    return match[1]

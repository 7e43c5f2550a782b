"""The page of field rules: the named formats, each with a value that has it and what one that has it not is told."""

from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from pages.comments import comments
from pages.markdown import prose, table
from tongban.api.rules.v1.rules_pb2 import Format
from tongban.core.identifiers import (
    CASE_TOKEN_BYTES,
    FORMATS,
    case_id,
    synthetic_credit_code,
    synthetic_resident_id,
)

_EXAMPLES: Mapping[str, tuple[str, str]] = {
    "resident-id": (synthetic_resident_id("310151", 7), "310151180001080007"),
    "credit-code": (synthetic_credit_code("320681", 7), "91320681FAKE00072G"),
    "division": ("310151", "31015"),
    "member-id": ("330100.gjj", "330100.GJJ"),
    "case-id": (case_id("310151", date(2026, 11, 21), bytes(CASE_TOKEN_BYTES)), "310151-20261121-AAAAAAAAAAAAAAAA0"),
    "date": ("2026-10-01", "2026-02-30"),
    "sha256": (sha256(b"").hexdigest(), "E3B0C442"),
}
"""For each format a value that has it, and one that has it not."""


def text() -> str:
    """Return one row for each format."""
    told = comments()
    heading = ["In a contract", "In files and in Python", "What it is", "Example", "A wrong one", "is told"]
    return table(heading, (_row(Format.Name(value), told) for value in Format.values() if value))


def _row(value: str, told: Mapping[str, str]) -> list[str]:
    name = value.removeprefix("FORMAT_").lower().replace("_", "-")
    right, wrong = _EXAMPLES[name]
    if FORMATS[name](right) is not None:
        raise SystemExit(f"the example {right} is no {name}")
    meaning = prose(told[f"tongban.api.rules.v1.Format.{value}"])
    return [f"`{value}`", f"`{name}`", meaning, f"`{right}`", f"`{wrong}`", prose(FORMATS[name](wrong) or "")]

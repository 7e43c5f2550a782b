"""One rule as data, and its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RuleKind(StrEnum):
    """What a rule is about: an option of ``tongban.api.rules.v1.FieldRules``, or one of three that types imply."""

    REQUIRED = "required"
    MIN_LEN = "min_len"
    MAX_LEN = "max_len"
    MIN_ITEMS = "min_items"
    MAX_ITEMS = "max_items"
    MIN = "min"
    MAX = "max"
    PATTERN = "pattern"
    FORMAT = "format"
    KEY_PATTERN = "key_pattern"
    DEFINED = "defined"
    """A required enum field holds a value that its enum defines."""
    CHOICE = "choice"
    """One member of a oneof is set."""
    TIME = "time"
    """A ``google.protobuf.Timestamp`` lies in the range that the type has."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One rule of a message type.

    `message` is the full name of the type; `field` the name of the field, or of the oneof for a choice. `bound` is what
    the contract gives: a number, a regular expression, the name of a format, or names to choose from; empty where
    the kind says all. `text` tells the rule to people and holds no value of theirs.
    """

    message: str
    field: str
    kind: RuleKind
    bound: int | str
    text: str


_TEXTS: Mapping[RuleKind, str] = {
    RuleKind.REQUIRED: "is required",
    RuleKind.MIN_LEN: "at least {bound} {unit}",
    RuleKind.MAX_LEN: "at most {bound} {unit}",
    RuleKind.MIN_ITEMS: "at least {bound} {unit}",
    RuleKind.MAX_ITEMS: "at most {bound} {unit}",
    RuleKind.MIN: "at least {bound}",
    RuleKind.MAX: "at most {bound}",
    RuleKind.PATTERN: "must match the regular expression {bound}",
    RuleKind.KEY_PATTERN: "its key must match the regular expression {bound}",
    RuleKind.DEFINED: "must be one of {bound}",
    RuleKind.CHOICE: "one of {bound} is required",
    RuleKind.TIME: "must be a time in the years 1 to 9999, with 0 to 999999999 nanoseconds",
}

FORMAT_TEXTS: Mapping[str, str] = {
    "resident-id": "must be a resident identity number",
    "credit-code": "must be a unified social credit code",
    "division": "must be an administrative division",
    "member-id": "must be a member id, as in 310151 or 330100.gjj",
    "case-id": "must be a case id",
    "date": "must be a calendar date, as in 2026-10-01",
    "sha256": "must be a SHA-256 digest",
}
"""Name of a format to the words for it."""


def text_of(kind: RuleKind, bound: int | str, unit: str = "") -> str:
    """Return the words of a rule; `unit` names in the plural what a length or a number of items counts."""
    if kind is RuleKind.FORMAT:
        return FORMAT_TEXTS[str(bound)]
    return _TEXTS[kind].format(bound=bound, unit=_counted(bound, unit))


def _counted(bound: int | str, unit: str) -> str:
    singular = {"entries": "entry", "characters": "character", "bytes": "byte"}
    return singular.get(unit, unit) if bound == 1 else unit

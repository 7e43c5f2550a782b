"""Turns rules about values into checks."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from tongban.core.identifiers.formats import FORMATS
from tongban.core.rules.rule import FieldRule, RuleKind

Broken = tuple[str, str]
"""Where a rule is broken, as a path from the checked value, and the rule in words."""

Check = Callable[[Any], Broken | None]
"""Looks at a value and tells the first broken rule."""

_FIRST_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
_LAST_NANO = 999_999_999


def checks_of(rules: Sequence[FieldRule], kinds: frozenset[RuleKind], field: FieldDescriptor) -> list[Check]:
    """Return the checks of those rules that are of the given kinds; `field` describes the values they look at."""
    return [_MAKERS[rule.kind](rule, field) for rule in rules if rule.kind in kinds]


def first_of(checks: Sequence[Check]) -> Check:
    """Return one check that runs all, in order, until one finds something; it reads the sequence at each run."""

    def run(value: Any) -> Broken | None:
        for check in checks:
            if broken := check(value):
                return broken
        return None

    return run


def _required(rule: FieldRule, _: FieldDescriptor) -> Check:
    broken = ("", rule.text)
    return lambda value: None if value else broken


def _fewest(rule: FieldRule, _: FieldDescriptor) -> Check:
    bound, broken = int(rule.bound), ("", rule.text)
    return lambda value: broken if len(value) < bound else None


def _most(rule: FieldRule, _: FieldDescriptor) -> Check:
    bound, broken = int(rule.bound), ("", rule.text)
    return lambda value: broken if len(value) > bound else None


def _smallest(rule: FieldRule, _: FieldDescriptor) -> Check:
    bound, broken = int(rule.bound), ("", rule.text)
    return lambda value: broken if value < bound else None


def _largest(rule: FieldRule, _: FieldDescriptor) -> Check:
    bound, broken = int(rule.bound), ("", rule.text)
    return lambda value: broken if value > bound else None


def _pattern(rule: FieldRule, _: FieldDescriptor) -> Check:
    # RE2, for which the contracts are written, knows the classes \s, \d and \w of ASCII only.
    match, broken = re.compile(str(rule.bound), re.ASCII).fullmatch, ("", rule.text)
    return lambda value: None if match(value) else broken


def _format(rule: FieldRule, _: FieldDescriptor) -> Check:
    problem_of, text = FORMATS[str(rule.bound)], rule.text
    return lambda value: ("", f"{text}; {problem}") if (problem := problem_of(value)) else None


def _defined(rule: FieldRule, field: FieldDescriptor) -> Check:
    enum = cast(EnumDescriptor, field.enum_type)
    numbers, broken = frozenset(enum.values_by_number) - {0}, ("", rule.text)
    return lambda value: None if value in numbers else broken


def _time(rule: FieldRule, _: FieldDescriptor) -> Check:
    broken = ("", rule.text)

    def run(value: Any) -> Broken | None:
        in_range = _FIRST_SECOND <= value.seconds <= _LAST_SECOND and 0 <= value.nanos <= _LAST_NANO
        return None if in_range else broken

    return run


_MAKERS: Mapping[RuleKind, Callable[[FieldRule, FieldDescriptor], Check]] = {
    RuleKind.REQUIRED: _required,
    RuleKind.MIN_LEN: _fewest,
    RuleKind.MAX_LEN: _most,
    RuleKind.MIN_ITEMS: _fewest,
    RuleKind.MAX_ITEMS: _most,
    RuleKind.MIN: _smallest,
    RuleKind.MAX: _largest,
    RuleKind.PATTERN: _pattern,
    RuleKind.KEY_PATTERN: _pattern,
    RuleKind.FORMAT: _format,
    RuleKind.DEFINED: _defined,
    RuleKind.TIME: _time,
}

"""Values that break one rule and as few others as possible."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from tongban.core.identifiers.formats import FORMATS
from tongban.core.rules import FieldRule, RuleKind

_ODD_ENDS = ("\n", " ", "?", "A", "é", "a", "0")
_ENDS_OF_NUMBERS = "0123456789X"


def bad_values(rule: FieldRule, field: FieldDescriptor, good: Any) -> Iterator[Any]:
    """Yield values that break the rule, made from a good value where that helps; `field` describes the values."""
    return _MAKERS[rule.kind](rule, field, good)


def _too_short(rule: FieldRule, field: FieldDescriptor, _: Any) -> Iterator[str | bytes]:
    yield _of_length(field, int(rule.bound) - 1)


def _too_long(rule: FieldRule, field: FieldDescriptor, _: Any) -> Iterator[str | bytes]:
    yield _of_length(field, int(rule.bound) + 1)


def _of_length(field: FieldDescriptor, length: int) -> str | bytes:
    return bytes(length) if field.type == FieldDescriptor.TYPE_BYTES else "a" * length


def _too_small(rule: FieldRule, _: FieldDescriptor, __: Any) -> Iterator[int]:
    yield int(rule.bound) - 1


def _too_large(rule: FieldRule, _: FieldDescriptor, __: Any) -> Iterator[int]:
    yield int(rule.bound) + 1


def _unlike(rule: FieldRule, _: FieldDescriptor, good: str) -> Iterator[str]:
    pattern = re.compile(str(rule.bound), re.ASCII)
    odd = (good[:-1] + end for end in _ODD_ENDS)
    yield from [value for value in odd if not pattern.fullmatch(value)][:2]


def _malformed(rule: FieldRule, _: FieldDescriptor, good: str) -> Iterator[str]:
    wrong = FORMATS[str(rule.bound)]
    yield f"?{good[1:]}"
    yield from [value for end in _ENDS_OF_NUMBERS if wrong(value := good[:-1] + end)][:1]  # its check digit


def _undefined(_: FieldRule, field: FieldDescriptor, __: Any) -> Iterator[int]:
    yield 0
    yield max(cast(EnumDescriptor, field.enum_type).values_by_number) + 1


def _out_of_time(_: FieldRule, __: FieldDescriptor, ___: Any) -> Iterator[Timestamp]:
    yield Timestamp(seconds=253_402_300_800)  # 10000-01-01
    yield Timestamp(seconds=-62_135_596_801)  # the second before 0001-01-01
    yield Timestamp(nanos=-1)


_MAKERS: Mapping[RuleKind, Callable[[FieldRule, FieldDescriptor, Any], Iterator[Any]]] = {
    RuleKind.MIN_LEN: _too_short,
    RuleKind.MAX_LEN: _too_long,
    RuleKind.MIN: _too_small,
    RuleKind.MAX: _too_large,
    RuleKind.PATTERN: _unlike,
    RuleKind.KEY_PATTERN: _unlike,
    RuleKind.FORMAT: _malformed,
    RuleKind.DEFINED: _undefined,
    RuleKind.TIME: _out_of_time,
}

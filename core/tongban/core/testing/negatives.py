"""Broken messages from a valid one: for each rule of its contract, copies that break this rule and keep the others.

The author of a contract tests it with them::

    for negative in negatives(example):
        with pytest.raises(Refusal) as caught:
            validate(negative.message)
        assert caught.value.field == negative.field
"""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tongban.core.rules import FieldRule, RuleKind, rules_of
from tongban.core.rules.contract import descriptor_of, value_field
from tongban.core.rules.paths import under
from tongban.core.testing import copies
from tongban.core.testing.bad_values import bad_values
from tongban.core.testing.copies import places


@dataclass(frozen=True, slots=True)
class Negative:
    """A message that breaks one rule, and the path of the broken field as a refusal must name it."""

    message: Message
    field: str
    rule: FieldRule


def negatives(message: Message) -> Iterator[Negative]:
    """Yield broken copies of a valid message, for each rule of its type and of each message inside it.

    What the example leaves out is not reached: entries of an empty list or map, and messages that are absent, among
    them the members of a oneof that are not chosen. A rule that no value can break yields nothing, or raises
    ValueError where the field cannot even hold the value.
    """
    for negative in _walk(message):
        # A choice that is open in the outermost message has no field above it, so it goes by its own name.
        yield Negative(negative.message, negative.field or negative.rule.field, negative.rule)


def _walk(message: Message) -> Iterator[Negative]:
    descriptor = descriptor_of(message)
    for rule in rules_of(descriptor):
        if rule.kind is RuleKind.CHOICE:
            yield Negative(copies.without_choice(message, rule.field), "", rule)
        else:
            yield from _breaking(message, descriptor.fields_by_name[rule.field], rule)
    for field, _ in message.ListFields():
        if value_field(field).message_type is not None:
            yield from _inside(message, field)


def _inside(message: Message, field: FieldDescriptor) -> Iterator[Negative]:
    for place, value in places(message, field):
        for negative in _walk(value):
            broken = copies.with_value(message, field, place, negative.message)
            yield Negative(broken, under(copies.path_of(field, place), negative.field), negative.rule)


def _breaking(message: Message, field: FieldDescriptor, rule: FieldRule) -> Iterator[Negative]:
    match rule.kind:
        case RuleKind.REQUIRED:
            yield Negative(copies.emptied(message, field), field.name, rule)
        case RuleKind.MIN_ITEMS | RuleKind.MAX_ITEMS:
            count = int(rule.bound) + (1 if rule.kind is RuleKind.MAX_ITEMS else -1)
            yield from (Negative(copy, field.name, rule) for copy in copies.with_count(message, field, count))
        case RuleKind.KEY_PATTERN:
            yield from _with_bad_keys(message, field, rule)
        case _:
            yield from _with_bad_values(message, field, rule)


def _with_bad_values(message: Message, field: FieldDescriptor, rule: FieldRule) -> Iterator[Negative]:
    for place, value in places(message, field):
        for bad in bad_values(rule, value_field(field), value):
            if field.is_repeated or bad not in ("", b""):  # an empty field breaks no rule about its content
                yield Negative(copies.with_value(message, field, place, bad), copies.path_of(field, place), rule)


def _with_bad_keys(message: Message, field: FieldDescriptor, rule: FieldRule) -> Iterator[Negative]:
    for key, value in places(message, field):
        for bad in bad_values(rule, field, key):
            yield Negative(copies.with_value(message, field, bad, value), copies.path_of(field, bad), rule)

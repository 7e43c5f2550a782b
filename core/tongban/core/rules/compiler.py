"""Compiles the rules of a message type to one check, and applies it."""

from collections.abc import Iterator
from threading import Lock

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from tongban.core.errors import invalid_field
from tongban.core.rules.checks import Broken, Check, checks_of, first_of
from tongban.core.rules.contract import choices, descriptor_of, is_map, rule_of_choice, rules_of_field, value_field
from tongban.core.rules.rule import FieldRule, RuleKind
from tongban.core.rules.steps import in_field, in_list, in_map, in_present_field, unless_empty

_WHOLE = frozenset({RuleKind.REQUIRED, RuleKind.MIN_ITEMS, RuleKind.MAX_ITEMS})
_KEY = frozenset({RuleKind.KEY_PATTERN})
_VALUE = frozenset(RuleKind) - _WHOLE - _KEY
_TEXT_OR_BYTES = FieldDescriptor.CPPTYPE_STRING

_checks: dict[object, Check] = {}  # by descriptor: two pools may use one name for different types
_compiling = Lock()


def validate(message: Message) -> None:
    """Check a message against the rules of its contract, and all messages inside it.

    Raises `Refusal` (INVALID_FIELD) for the first rule that is broken, with the path of the field and the rule in
    words; it never holds the field's value. Raises ValueError for a rule that does not fit its field, which is a
    mistake in the contract.
    """
    check = _checks.get(message.DESCRIPTOR) or _compiled(descriptor_of(message))
    if broken := check(message):
        path, rule = broken
        raise invalid_field(path or _open_choice(message), rule)


def _open_choice(message: Message) -> str:
    return next(oneof.name for oneof in choices(descriptor_of(message)) if not message.WhichOneof(oneof.name))


def _compiled(descriptor: Descriptor) -> Check:
    with _compiling:
        compiler = _Compiler(_checks)
        check = compiler.message(descriptor)
        _checks.update(compiler.checks)  # only now: another thread must not meet half a check
        return check


class _Compiler:
    def __init__(self, known: dict[object, Check]) -> None:
        self.checks = dict(known)

    def message(self, descriptor: Descriptor) -> Check:
        if descriptor in self.checks:
            return self.checks[descriptor]
        steps: list[Check] = []
        # Known before it is filled, since a type may contain itself.
        self.checks[descriptor] = check = first_of(steps)
        steps += self._steps(descriptor)
        return check

    def _steps(self, descriptor: Descriptor) -> Iterator[Check]:
        oneofs = choices(descriptor)
        members = {member.name for oneof in oneofs for member in oneof.fields}
        for field in descriptor.fields:
            if field.name not in members and (check := self._field(field)):
                yield check
        yield from map(self._choice, oneofs)

    def _choice(self, oneof: OneofDescriptor) -> Check:
        name, broken = oneof.name, ("", rule_of_choice(oneof).text)
        members = {member.name: self._field(member) for member in oneof.fields}

        def run(message: Message) -> Broken | None:
            chosen = message.WhichOneof(name)
            if chosen is None:
                return broken
            check = members[chosen]
            return check(message) if check else None

        return run

    def _field(self, field: FieldDescriptor) -> Check | None:
        rules = rules_of_field(field)
        if not rules and value_field(field).message_type is None:
            return None
        if is_map(field):
            return self._map(field, rules)
        return self._list(field, rules) if field.is_repeated else self._single(field, rules)

    def _single(self, field: FieldDescriptor, rules: tuple[FieldRule, ...]) -> Check:
        missing = next((("", rule.text) for rule in rules if rule.kind is RuleKind.REQUIRED), None)
        check = self._value(field, rules)
        if field.cpp_type == _TEXT_OR_BYTES or (missing and field.message_type is None):
            check = unless_empty(check, missing)
        if field.has_presence:
            return in_present_field(field.name, check, missing)
        return in_field(field.name, check)

    def _list(self, field: FieldDescriptor, rules: tuple[FieldRule, ...]) -> Check:
        return in_list(field.name, first_of(checks_of(rules, _WHOLE, field)), self._value(field, rules))

    def _map(self, field: FieldDescriptor, rules: tuple[FieldRule, ...]) -> Check:
        whole, key = (first_of(checks_of(rules, kinds, field)) for kinds in (_WHOLE, _KEY))
        return in_map(field.name, whole, key, self._value(field, rules))

    def _value(self, field: FieldDescriptor, rules: tuple[FieldRule, ...]) -> Check:
        described = value_field(field)
        checks = checks_of(rules, _VALUE, described)
        if described.message_type is not None:
            checks.append(self.message(described.message_type))
        return checks[0] if len(checks) == 1 else first_of(checks)

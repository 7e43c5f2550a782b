"""Compiles the rules of a message type to one check, and applies it."""

from collections.abc import Sequence
from threading import Lock

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from tongban.core.errors import invalid_field
from tongban.core.rules.checks import Broken, Check, checks_of, first_of
from tongban.core.rules.contract import choices, descriptor_of, is_map, rule_of_choice, rules_of_field, value_field
from tongban.core.rules.rule import FieldRule, RuleKind
from tongban.core.rules.steps import Single, in_list, in_map, in_message

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
        singles: list[Single] = []
        others: list[Check] = []
        # Known before it is filled, since a type may contain itself.
        self.checks[descriptor] = check = in_message(singles, others)
        oneofs = choices(descriptor)
        members = {member.name for oneof in oneofs for member in oneof.fields}
        for field in descriptor.fields:
            if field.name not in members and _has_rules(field):
                self._add(field, singles, others)
        others += map(self._choice, oneofs)
        return check

    def _add(self, field: FieldDescriptor, singles: list[Single], others: list[Check]) -> None:
        if field.is_repeated:
            others.append(self._entries(field))
        else:
            singles.append(self._single(field))

    def _choice(self, oneof: OneofDescriptor) -> Check:
        name, broken = oneof.name, ("", rule_of_choice(oneof).text)
        members = {member.name: in_message([self._single(member)], []) for member in oneof.fields if _has_rules(member)}

        def run(message: Message) -> Broken | None:
            chosen = message.WhichOneof(name)
            if chosen is None:
                return broken
            check = members.get(chosen)
            return check(message) if check else None

        return run

    def _single(self, field: FieldDescriptor) -> Single:
        rules = rules_of_field(field)
        required = next((rule.text for rule in rules if rule.kind is RuleKind.REQUIRED), None)
        skips_empty = field.cpp_type == _TEXT_OR_BYTES or (required is not None and field.message_type is None)
        longest = next((rule for rule in rules if rule.kind is RuleKind.MAX_LEN), None)
        rest = [rule for rule in rules if rule is not longest]
        bound, text = (int(longest.bound), longest.text) if longest else (None, "")
        return field.name, field.has_presence, skips_empty, required, bound, text, self._values(field, rest)

    def _entries(self, field: FieldDescriptor) -> Check:
        rules = rules_of_field(field)
        whole, key = (first_of(checks_of(rules, kinds, field)) for kinds in (_WHOLE, _KEY))
        each = first_of(self._values(field, rules))
        return in_map(field.name, whole, key, each) if is_map(field) else in_list(field.name, whole, each)

    def _values(self, field: FieldDescriptor, rules: Sequence[FieldRule]) -> list[Check]:
        described = value_field(field)
        checks = checks_of(rules, _VALUE, described)
        if described.message_type is not None:
            checks.append(self.message(described.message_type))
        return checks


def _has_rules(field: FieldDescriptor) -> bool:
    return bool(rules_of_field(field)) or value_field(field).message_type is not None

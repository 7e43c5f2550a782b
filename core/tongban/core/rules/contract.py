"""Reads the rules of a contract from its descriptors: what annotations and types demand."""

from collections.abc import Iterator, Mapping
from typing import cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message

from tongban.api.rules.v1 import rules_pb2
from tongban.core.rules.rule import FieldRule, RuleKind, text_of

_FORMATS = rules_pb2.DESCRIPTOR.enum_types_by_name["Format"]
_STRING = frozenset({FieldDescriptor.TYPE_STRING})
_BYTES = frozenset({FieldDescriptor.TYPE_BYTES})
_INTEGER = frozenset(
    {
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
    }
)
_TYPES: Mapping[RuleKind, frozenset[int]] = {
    RuleKind.MIN_LEN: _STRING | _BYTES,
    RuleKind.MAX_LEN: _STRING | _BYTES,
    RuleKind.MIN: _INTEGER,
    RuleKind.MAX: _INTEGER,
    RuleKind.PATTERN: _STRING,
    RuleKind.FORMAT: _STRING,
}
_TIMESTAMP = "google.protobuf.Timestamp"
_OF_ENTRIES = frozenset({RuleKind.MIN_ITEMS, RuleKind.MAX_ITEMS})


def rules_of(descriptor: Descriptor) -> tuple[FieldRule, ...]:
    """Return the rules of a message type, in the order of its fields, without those of the types inside it.

    Raises ValueError for a rule that does not fit its field: a mistake in the contract.
    """
    of_fields = (rule for field in descriptor.fields for rule in rules_of_field(field))
    return (*of_fields, *map(rule_of_choice, choices(descriptor)))


def rules_of_field(field: FieldDescriptor) -> tuple[FieldRule, ...]:
    """Return the rules of one field. Raises ValueError as `rules_of` does."""
    return tuple(_rule(field, kind, bound) for kind, bound in (*_annotated(field), *_implied(field)))


def rule_of_choice(oneof: OneofDescriptor) -> FieldRule:
    """Return the rule that one member of the oneof is set."""
    names = ", ".join(member.name for member in oneof.fields)
    text = text_of(RuleKind.CHOICE, names)
    return FieldRule(oneof.containing_type.full_name, oneof.name, RuleKind.CHOICE, names, text)


def descriptor_of(message: Message) -> Descriptor:
    """Return the descriptor of the message's type."""
    return cast(Descriptor, message.DESCRIPTOR)  # the stubs know two classes for it, the runtime one


def choices(descriptor: Descriptor) -> list[OneofDescriptor]:
    """Return the oneofs that the contract's author wrote, without those that protoc makes for ``optional`` fields."""
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    made = {field.oneof_index for field in proto.field if field.proto3_optional}
    return [oneof for oneof in descriptor.oneofs if oneof.index not in made]


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether the field is a map, which protobuf describes as a repeated message."""
    return _map_entry(field) is not None


def value_field(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field that describes one value: of a map its value field, of any other field itself."""
    map_entry = _map_entry(field)
    return map_entry.fields_by_name["value"] if map_entry else field


def _map_entry(field: FieldDescriptor) -> Descriptor | None:
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def _annotated(field: FieldDescriptor) -> Iterator[tuple[RuleKind, int | str]]:
    for option, bound in field.GetOptions().Extensions[rules_pb2.field].ListFields():
        kind = RuleKind(option.name)
        _require_fit(field, kind)
        if kind is RuleKind.REQUIRED:
            yield from _required(field)
        else:
            yield kind, _format_name(bound) if kind is RuleKind.FORMAT else bound


def _required(field: FieldDescriptor) -> Iterator[tuple[RuleKind, str]]:
    enum = value_field(field).enum_type
    if enum is None or field.is_repeated:
        yield RuleKind.REQUIRED, ""
    if enum is not None:
        yield RuleKind.DEFINED, _values(enum)


def _implied(field: FieldDescriptor) -> Iterator[tuple[RuleKind, str]]:
    message = value_field(field).message_type
    if message is not None and message.full_name == _TIMESTAMP:
        yield RuleKind.TIME, ""


def _rule(field: FieldDescriptor, kind: RuleKind, bound: int | str) -> FieldRule:
    text = text_of(kind, bound, _unit(field, kind))
    return FieldRule(field.full_name.rpartition(".")[0], field.name, kind, bound, text)


def _unit(field: FieldDescriptor, kind: RuleKind) -> str:
    if kind in _OF_ENTRIES:
        return "entries"
    return "bytes" if value_field(field).type in _BYTES else "characters"


def _format_name(number: int) -> str:
    return _FORMATS.values_by_number[number].name.removeprefix("FORMAT_").lower().replace("_", "-")


def _values(enum: EnumDescriptor) -> str:
    return ", ".join(value.name for value in enum.values if value.number)


def _require_fit(field: FieldDescriptor, kind: RuleKind) -> None:
    if not _fits(field, kind):
        raise ValueError(f"{field.full_name}: the rule {kind} does not fit a field of this type; take it out")


def _fits(field: FieldDescriptor, kind: RuleKind) -> bool:
    if kind in _OF_ENTRIES:
        return field.is_repeated
    if kind is RuleKind.KEY_PATTERN:
        map_entry = _map_entry(field)
        return map_entry is not None and map_entry.fields_by_name["key"].type in _STRING
    return kind not in _TYPES or value_field(field).type in _TYPES[kind]

"""The page of contracts: every package, service, method, message, field and enum with its comment and rules."""

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    OneofDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from pages.comments import comments, contract_files
from pages.markdown import prose, table
from tongban.core.rules import FieldRule, rules_of

_SCALAR = {int(number): name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()}


def text() -> str:
    """Return the sections of all packages, by name."""
    files = [_file(name) for name in contract_files()]
    writer = _Writer(comments())
    packages = groupby(files, key=lambda file: file.package)
    return "\n\n".join(part for package, members in packages for part in writer.package(package, list(members)))


def _file(name: str) -> FileDescriptor:
    module = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    descriptor: FileDescriptor = module.DESCRIPTOR
    return descriptor


class _Writer:
    def __init__(self, told: dict[str, str]) -> None:
        self._told = told

    def package(self, name: str, files: list[FileDescriptor]) -> Iterator[str]:
        yield f"## {name}"
        yield from (self._comment(file.name) for file in files)
        for file in files:
            yield from map(self._service, file.services_by_name.values())
        for file in files:
            yield from map(self._message, file.message_types_by_name.values())
        for file in files:
            yield from map(self._enum, file.enum_types_by_name.values())

    def _comment(self, name: str) -> str:
        return prose(self._told.get(name, ""))

    def _head(self, of: ServiceDescriptor | Descriptor | EnumDescriptor) -> str:
        return f"({of.full_name})=\n### {of.name}\n\n{self._comment(of.full_name)}\n\n"

    def _service(self, service: ServiceDescriptor) -> str:
        methods = table(["Method", "Takes", "Gives", "What it does"], map(self._rpc, service.methods))
        return self._head(service) + methods

    def _rpc(self, method: MethodDescriptor) -> list[str]:
        takes = _streamed(_link(method.input_type), method.client_streaming)
        gives = _streamed(_link(method.output_type), method.server_streaming)
        return [f"`{method.name}`", takes, gives, self._comment(method.full_name)]

    def _message(self, message: Descriptor) -> str:
        if not message.fields:
            return self._head(message) + "No fields."
        rules = _rules(message)
        rows = [self._field(field, rules.get(field.name, "")) for field in message.fields]
        fields = table(["No.", "Field", "Type", "Meaning", "Rules"], rows)
        choices = [self._choice(choice, rules.get(choice.name, "")) for choice in message.oneofs if _written(choice)]
        return self._head(message) + "\n\n".join([fields, *choices])

    def _field(self, field: FieldDescriptor, rules: str) -> list[str]:
        choice = field.containing_oneof
        kind = f"{_type(field)}, in `{choice.name}`" if choice and _written(choice) else _type(field)
        return [str(field.number), f"`{field.name}`", kind, self._comment(field.full_name), rules]

    def _choice(self, choice: OneofDescriptor, rules: str) -> str:
        return f"`{choice.name}`: {self._comment(choice.full_name)} Rule: {rules}."

    def _enum(self, enum: EnumDescriptor) -> str:
        values = enum.values
        rows = ([str(v.number), f"`{v.name}`", self._comment(f"{enum.full_name}.{v.name}")] for v in values)
        return self._head(enum) + table(["No.", "Value", "Meaning"], rows)


def _rules(message: Descriptor) -> dict[str, str]:
    by_field = groupby(rules_of(message), key=lambda rule: rule.field)
    return {field: "; ".join(map(_told, rules)) for field, rules in by_field}


def _told(rule: FieldRule) -> str:
    if "pattern" not in rule.kind:
        return prose(rule.text)
    return rule.text.replace(str(rule.bound), f"`{rule.bound}`")


def _written(choice: OneofDescriptor) -> bool:
    """Tell whether the contract has it; protoc makes one with an underscore for each ``optional`` field."""
    return not choice.name.startswith("_")


def _streamed(text: str, streamed: bool) -> str:
    return f"stream of {text}" if streamed else text


def _type(field: FieldDescriptor) -> str:
    if field.message_type and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        return f"map from {_single(key)} to {_single(value)}"
    return f"list of {_single(field)}" if field.is_repeated else _single(field)


def _single(field: FieldDescriptor) -> str:
    named = field.message_type or field.enum_type
    return _link(named) if named else _SCALAR[field.type]


def _link(named: Descriptor | EnumDescriptor) -> str:
    ours = named.full_name.startswith("tongban.")
    return f"[{named.name}](#{named.full_name})" if ours else f"`{named.full_name}`"

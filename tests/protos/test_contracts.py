"""What holds for every contract: names, bounds, patterns, and that the generated code is that of the contracts."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, MethodDescriptor

from tongban.api.cases.v1.acts_pb2 import Act, Event
from tongban.api.common.v1.common_pb2 import CallContext
from tongban.api.documents.v1.documents_pb2 import Document
from tongban.api.errors.v1.errors_pb2 import ErrorDetail
from tongban.api.exchange.v1.exchange_pb2 import Header, LinkResponse, StreamEnd, StreamResponse
from tongban.api.identity.v1.identity_pb2 import Assertion
from tongban.core.rules import RuleKind, rules_of
from tongban.core.rules.contract import is_map, value_field

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = sorted(path.relative_to(REPOSITORY / "protos").as_posix() for path in (REPOSITORY / "protos").rglob("*.proto"))
FILES: list[FileDescriptor] = [
    import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2").DESCRIPTOR for name in NAMES
]
METHODS: list[MethodDescriptor] = [
    method for file in FILES for service in file.services_by_name.values() for method in service.methods
]
SENT_AS_BYTES = (Act, Event, CallContext, Document, Header, Assertion, StreamEnd)
"""What windows and peers send inside a bytes field or as metadata."""

TEXT_OR_BYTES = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
LIMITED_PATTERN = re.compile(r".*\{[0-9]+,[0-9]+\}")
SIZED = {RuleKind.MAX_LEN, RuleKind.FORMAT}
NOT_IN_RE2 = re.compile(r"\(\?[=!<>(P]|\\[1-9]|[*+?}]\+")


def _inside(descriptor: Descriptor, found: dict[str, Descriptor]) -> None:
    if descriptor.full_name.startswith("google.") or descriptor.full_name in found:
        return
    found[descriptor.full_name] = descriptor
    for field in descriptor.fields:
        if message := value_field(field).message_type:
            _inside(message, found)


def _received() -> list[Descriptor]:
    """Return all message types that a node reads from others, with those inside them."""
    found: dict[str, Descriptor] = {}
    roots = [method.input_type for method in METHODS] + [
        kind.DESCRIPTOR for kind in (*SENT_AS_BYTES, LinkResponse, StreamResponse)
    ]
    for root in roots:
        _inside(root, found)
    return [found[name] for name in sorted(found)]


RECEIVED = _received()
RULES = [rule for message in RECEIVED for rule in rules_of(message)]
PATTERNS = {str(rule.bound) for rule in RULES if rule.kind in {RuleKind.PATTERN, RuleKind.KEY_PATTERN}}


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_the_package_is_the_folder_and_ends_in_a_version(file: FileDescriptor) -> None:
    assert file.package == file.name.rpartition("/")[0].replace("/", ".")
    assert re.fullmatch(r"tongban\.api(\.[a-z]+)+\.v[1-9][0-9]*", file.package)


def test_each_method_has_a_request_and_a_response_of_its_own() -> None:
    for method in METHODS:
        assert (method.input_type.name, method.output_type.name) == (f"{method.name}Request", f"{method.name}Response")
    ends = [end.full_name for method in METHODS for end in (method.input_type, method.output_type)]
    assert len(ends) == len(set(ends)) == 2 * len(METHODS) > 0


ENUMS = [enum for file in FILES for enum in file.enum_types_by_name.values()]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.name)
def test_an_enum_starts_unspecified(enum: EnumDescriptor) -> None:
    first, *others = enum.values
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
    assert (first.name, first.number) == (f"{prefix}_UNSPECIFIED", 0)
    assert all(value.name.startswith(f"{prefix}_") for value in others)


def _unbounded(message: Descriptor) -> list[str]:
    rules = {(rule.field, rule.kind): str(rule.bound) for rule in rules_of(message)}
    return [f"{field.full_name}: {lack}" for field in message.fields for lack in _lacks(field, rules)]


def _lacks(field: FieldDescriptor, rules: dict[tuple[str, RuleKind], str]) -> Iterator[str]:
    if field.is_repeated and (field.name, RuleKind.MAX_ITEMS) not in rules:
        yield "max_items"
    if value_field(field).type in TEXT_OR_BYTES and not any((field.name, kind) in rules for kind in SIZED):
        yield "max_len or format"
    if is_map(field) and not LIMITED_PATTERN.fullmatch(rules.get((field.name, RuleKind.KEY_PATTERN), "")):
        yield "a key_pattern that ends in {fewest,most}"


@pytest.mark.parametrize("message", RECEIVED, ids=lambda message: message.full_name.removeprefix("tongban.api."))
def test_what_others_send_is_bounded(message: Descriptor) -> None:
    assert _unbounded(message) == []


def test_a_field_without_bound_is_noticed() -> None:
    lacks = _unbounded(ErrorDetail.DESCRIPTOR)
    assert "tongban.api.errors.v1.ErrorDetail.code: max_len or format" in lacks
    assert sum(".facts: " in lack for lack in lacks) == 3


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_a_pattern_is_one_of_re2(pattern: str) -> None:
    assert re.compile(pattern)
    assert not NOT_IN_RE2.search(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)", "(?>a)", "a++", "a{1,2}+", "(a)(?(1)b)"],
)
def test_what_re2_lacks_is_noticed(pattern: str) -> None:
    assert NOT_IN_RE2.search(pattern)


def test_generated_code_is_fresh() -> None:
    command = [sys.executable, str(REPOSITORY / "tools" / "generate_protos.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_buf_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "buf"), "lint"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr

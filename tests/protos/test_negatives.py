"""Every rule of every contract is broken, from valid examples, and refused with field, rule and remedy."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from tongban.api.cases.v1.acts_pb2 import Received, Supplemented
from tongban.api.cases.v1.cases_pb2 import SubmitCaseRequest, SupplementCaseRequest
from tongban.api.common.v1.common_pb2 import Person
from tongban.core.codes import INVALID_FIELD
from tongban.core.errors import Refusal
from tongban.core.rules import rules_of, validate
from tongban.core.rules.contract import choices, descriptor_of, value_field
from tongban.core.testing.copies import places
from tongban.core.testing.negatives import negatives

PROTOS = Path(__file__).resolve().parents[2] / "protos"


@pytest.fixture(scope="session")
def types(examples: list[Message]) -> dict[str, Descriptor]:
    """Return the message types of all examples and those inside them, by full name."""
    found: dict[str, Descriptor] = {}
    for example in examples:
        _collect(descriptor_of(example), found)
    return found


def _collect(descriptor: Descriptor, found: dict[str, Descriptor]) -> None:
    if descriptor.full_name not in found:
        found[descriptor.full_name] = descriptor
        for field in descriptor.fields:
            if message := value_field(field).message_type:
                _collect(message, found)


def _requests() -> set[str]:
    names = (path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    files = [import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2").DESCRIPTOR for name in names]
    services = [service for file in files for service in file.services_by_name.values()]
    return {method.input_type.full_name for service in services for method in service.methods}


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, _ in message.ListFields():
        for _, value in places(message, field):
            if isinstance(value, Message):
                yield from _messages(value)


def _personal(message: Message) -> Iterator[str]:
    """Yield what is in a message about people: of persons all, of forms the values."""
    for inner in _messages(message):
        if isinstance(inner, Person):
            yield from (inner.name, inner.resident_id)
        elif isinstance(inner, SubmitCaseRequest | SupplementCaseRequest | Received | Supplemented):
            yield from inner.form.values()


def test_every_request_has_an_example(examples: list[Message]) -> None:
    assert _requests() <= {descriptor_of(example).full_name for example in examples}


def test_every_choice_is_made_in_an_example(examples: list[Message], types: dict[str, Descriptor]) -> None:
    made = {
        (message.DESCRIPTOR.full_name, message.WhichOneof(oneof.name))
        for example in examples
        for message in _messages(example)
        for oneof in choices(descriptor_of(message))
    }
    members = [(name, field.name) for name, kind in types.items() for oneof in choices(kind) for field in oneof.fields]
    assert made == set(members)


def test_every_rule_is_broken(examples: list[Message], types: dict[str, Descriptor]) -> None:
    broken = {negative.rule for example in examples for negative in negatives(example)}
    assert broken == {rule for kind in types.values() for rule in rules_of(kind)}


def test_an_example_passes_and_its_broken_copies_do_not(example: Message) -> None:
    validate(example)
    for negative in negatives(example):
        with pytest.raises(Refusal) as caught:
            validate(negative.message)
        refusal = caught.value
        assert (refusal.code, refusal.field) == (INVALID_FIELD, negative.field)
        assert refusal.rule.startswith(negative.rule.text)
        assert refusal.remedy
        told = f"{refusal} {refusal.message_zh} {refusal.remedy_zh}"
        assert not [text for text in _personal(negative.message) if len(text) > 1 and text in told]

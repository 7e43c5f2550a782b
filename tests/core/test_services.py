"""What a plugin's author says with services: who answers, who asked, how a call fails, and what is refused at start."""

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions
from google.protobuf.wrappers_pb2 import StringValue

from tongban.api.catalogue.v1.catalogue_pb2 import DESCRIPTOR as CATALOGUE
from tongban.api.documents.v1.documents_pb2 import PublishedService
from tongban.api.errors.v1.errors_pb2 import ErrorDetail
from tongban.core import Asked, Service, ServiceError, StatusCode
from tongban.core.arity import Arity, methods_of, published
from tongban.core.registry import Brought, PluginConflict, Registry

from ..federation.scripted.tongban_scripted import DESCRIPTOR, METHODS, Script


def plain(request: Any, asked: Asked) -> str:
    return "answer"


async def later(request: Any, asked: Asked) -> str:
    return "answer"


def several(request: Any, asked: Asked) -> Iterator[str]:
    yield "answer"


async def several_later(request: Any, asked: Asked) -> AsyncIterator[str]:
    yield "answer"


RIGHT = {"One": later, "Many": several_later, "Plain": several, "Sum": later, "Chat": several_later}


def test_a_servicer_with_each_method_as_it_streams_is_a_service() -> None:
    for one in (plain, later):
        assert Service(DESCRIPTOR, SimpleNamespace(**{**RIGHT, "One": one})).name == "scripted.v1.ScriptService"


@pytest.mark.parametrize(
    ("method", "function", "rule"),
    [
        ("One", None, "is not there"),
        ("One", several, "must return it and not yield"),
        ("One", several_later, "must return it and not yield"),
        ("Many", later, "must be a generator"),
        ("Sum", plain, "must be async"),
        ("Sum", several_later, "must return it and not yield"),
        ("Chat", several, "must be async"),
        ("Chat", later, "must be a generator"),
    ],
)
def test_a_method_that_streams_otherwise_is_refused(method: str, function: object, rule: str) -> None:
    with pytest.raises(ValueError, match=rf"method {method} of scripted.v1.ScriptService .*{rule}"):
        Service(DESCRIPTOR, SimpleNamespace(**{**RIGHT, method: function}))


def test_an_error_of_a_service_is_the_status_that_its_caller_gets() -> None:
    error = ServiceError(StatusCode.NOT_FOUND, "没有", [StringValue(value="why")], [("note", "x")])
    assert (error.status.code, error.status.message, error.trailing) == (5, "没有", (("note", "x"),))
    told = StringValue()
    assert error.status.details[0].Unpack(told)
    assert told.value == "why"


@pytest.mark.parametrize(
    ("details", "trailing", "rule"),
    [
        ([ErrorDetail()], [], "ErrorDetail belongs to"),
        ([StringValue(value="x" * 4600)], [], "at most 6144 can"),
        ([], [("grpc-note", "x")], "not begin with grpc-"),
        ([], [("Note", "x")], "must be of 0-9a-z"),
        ([], [("note", b"x")], "must be bytes if its key ends in -bin"),
        ([], [("note-bin", "x")], "must be bytes if its key ends in -bin"),
        ([], [("note", "中")], "else printable ASCII"),
        ([], [("note", "x" * 1024)], "at most 1024 travel"),
        ([], [("note-bin", b"x" * 740)], "at most 1024 travel"),
        ([], [("n", "")] * 32, "at most 1024 travel"),
    ],
)
def test_what_cannot_travel_is_refused_where_it_is_made(details: Any, trailing: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        ServiceError(StatusCode.ABORTED, "", details, trailing)


def test_the_longest_sentence_in_chinese_is_shorter_than_it_looks() -> None:
    assert ServiceError(StatusCode.NOT_FOUND, "办" * 470).status.message == "办" * 470
    with pytest.raises(ValueError, match="at most 6144 can"):
        ServiceError(StatusCode.NOT_FOUND, "办" * 480)


def test_a_status_that_grpc_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="17"):
        ServiceError(17)  # type: ignore[arg-type]


def test_trailing_metadata_is_limited_over_all_entries() -> None:
    asked = Asked("310151", "hall-1")
    asked.trail("note", "x" * 500)
    with pytest.raises(ValueError, match="at most 1024 travel"):
        asked.trail("note", "x" * 600)
    assert [key for key, _ in asked.trailing] == ["note"]


def test_what_is_published_says_how_each_method_streams() -> None:
    found = methods_of(published(DESCRIPTOR))
    assert found == {f"/scripted.v1.ScriptService/{name}": Arity(*streams) for name, streams in METHODS.items()}
    assert methods_of(PublishedService(name="scripted.v1.Other", descriptors=published(DESCRIPTOR).descriptors)) == {}
    assert methods_of(PublishedService(name="scripted.v1.ScriptService", descriptors=b"\xff")) == {}


@pytest.mark.parametrize("level", MethodOptions.IdempotencyLevel.values())
def test_what_is_published_says_what_may_be_done_twice(level: "MethodOptions.IdempotencyLevel.ValueType") -> None:
    file = FileDescriptorProto(name="twice.proto", package="twice.v1")
    method = file.service.add(name="Twice").method.add(name="Get", input_type=".x.Y", output_type=".x.Y")
    method.options.idempotency_level = level
    service = PublishedService(name="twice.v1.Twice", descriptors=FileDescriptorSet(file=[file]).SerializeToString())
    assert methods_of(service)["/twice.v1.Twice/Get"].idempotent is (level != MethodOptions.IDEMPOTENCY_UNKNOWN)


def test_a_service_belongs_to_one_plugin() -> None:
    registry, service = Registry(), Service(DESCRIPTOR, Script())
    registry.add(Brought("one", services=[service]))
    rule = "service scripted.v1.ScriptService is claimed by the plugins one and two"
    with pytest.raises(PluginConflict, match=rule):
        registry.add(Brought("two", services=[service]))
    assert list(registry.services) == ["scripted.v1.ScriptService"]


def test_a_service_of_tongban_itself_is_no_plugins() -> None:
    own = Service(CATALOGUE.services_by_name["CatalogueService"], SimpleNamespace(ListItems=plain, GetItem=plain))
    with pytest.raises(PluginConflict, match=r"claimed by the plugin one and is Tongban's own"):
        Registry().add(Brought("one", services=[own]))

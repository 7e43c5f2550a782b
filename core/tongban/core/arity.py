"""How a method streams and may be repeated, as its descriptor says; and services as members publish them."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto, MethodOptions
from google.protobuf.message import DecodeError

from tongban.api.documents.v1.documents_pb2 import PublishedService


@dataclass(frozen=True, slots=True)
class Arity:
    """Whether a method takes one request or a stream of them, and gives one answer or a stream."""

    requests_stream: bool = False
    answers_stream: bool = False
    idempotent: bool = False
    """Whether its author says, by ``idempotency_level``, that doing it twice does no harm."""

    @classmethod
    def of(cls, method: MethodDescriptor | MethodDescriptorProto) -> "Arity":
        """Return how a method streams."""
        level = _options(method).idempotency_level
        return cls(method.client_streaming, method.server_streaming, level != MethodOptions.IDEMPOTENCY_UNKNOWN)

    @property
    def unary(self) -> bool:
        """Whether one request gets one answer."""
        return not self.requests_stream and not self.answers_stream


UNARY = Arity()


def _options(method: MethodDescriptor | MethodDescriptorProto) -> MethodOptions:
    return method.GetOptions() if isinstance(method, MethodDescriptor) else method.options


def published(service: ServiceDescriptor) -> PublishedService:
    """Return a service as a catalogue has it, with the descriptors that any language needs to call it."""
    files: dict[str, FileDescriptor] = {}
    _collect(service.file, files)
    descriptors = FileDescriptorSet()
    for one in files.values():
        one.CopyToProto(descriptors.file.add())
    return PublishedService(name=service.full_name, descriptors=descriptors.SerializeToString(deterministic=True))


def methods_of(service: PublishedService) -> dict[str, Arity]:
    """Return the methods of a published service, as in /package.Service/Method; none if its descriptors lack it."""
    try:
        descriptors = FileDescriptorSet.FromString(service.descriptors)
    except DecodeError:
        return {}
    return {f"/{service.name}/{method.name}": Arity.of(method) for method in _methods(descriptors, service.name)}


def _methods(descriptors: FileDescriptorSet, name: str) -> Iterator[MethodDescriptorProto]:
    for file in descriptors.file:
        prefix = f"{file.package}." if file.package else ""
        for service in file.service:
            if f"{prefix}{service.name}" == name:
                yield from service.method


def _collect(file: FileDescriptor, files: dict[str, FileDescriptor]) -> None:
    for dependency in file.dependencies:
        _collect(dependency, files)
    files.setdefault(file.name, file)

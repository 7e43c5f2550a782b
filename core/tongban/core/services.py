"""Services 服务 that a plugin brings: methods of its own .proto, for ordinary stubs at windows of every member."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tongban.api.errors.v1.errors_pb2 import ErrorDetail
from tongban.core.arity import Arity
from tongban.core.errors import MOST_STATUS, base64_size, size_of_status

MOST_TRAILING = 1024
"""Most bytes of all trailing metadata as they travel: with a status they fit into the eight kilobytes that gRPC
gives to metadata."""

_ENTRY_BYTES = 32
"""What HTTP/2 counts for each entry beside its key and value (RFC 9113, 6.5.2). So there are 31 entries at most."""

Entry: TypeAlias = tuple[str, str | bytes]
"""Key and value of metadata; a key that ends in ``-bin`` has bytes, any other text of printable ASCII."""

_KEY = re.compile(r"[0-9a-z_.-]{1,100}")
_TEXT = re.compile(r"[ -~]*")


class StatusCode(IntEnum):
    """How a call can fail: the status codes of gRPC (google.rpc.Code)."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class ServiceError(Exception):
    """Ends a call with a status of the service's own, which reaches the caller as it is.

    Message and details leave the member: they must hold no more personal data than the caller may see.
    """

    def __init__(
        self, status: StatusCode, message: str = "", details: Sequence[Message] = (), trailing: Sequence[Entry] = ()
    ) -> None:
        """Take what the caller is told: code, sentence, protobuf messages as details, and trailing metadata.

        Raises:
            ValueError: there is no such code, the metadata is wrong, a detail is Tongban's own ErrorDetail, or status
                and details have more than 6,144 bytes as they travel: in base64, and the sentence percent-encoded too.
        """
        super().__init__(f"{StatusCode(status).name}: {message}")
        check_metadata(trailing)
        self.status = Status(code=status, message=message)
        for one in details:
            if isinstance(one, ErrorDetail):
                raise ValueError("ErrorDetail belongs to Tongban's own refusals; use a detail of your own")
            self.status.details.add().Pack(one)
        if (size := size_of_status(self.status)) > MOST_STATUS:
            raise ValueError(f"status and details have {size} bytes as they travel; at most {MOST_STATUS} can")
        self.trailing = tuple(trailing)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and why; what a look-up's evidence says too."""

    member: str
    """Member whose window asks; the service's own member among them."""
    window: str
    """Window of that member."""
    officer: str = ""
    """Account of the officer 经办人员 who acts, if the window said it."""
    purpose: str = ""
    """Purpose, one that the agreement's row allows."""
    legal_basis: str = ""
    """Statute or rule that the window named."""
    case_id: str = ""
    """Case 办件 to which the call belongs, if it does."""
    consent_id: str = ""
    """Reference of the subject's consent 授权, if the window named one."""
    seconds: float = float("inf")
    """How long the caller would wait when the call began."""
    trailing: list[Entry] = field(default_factory=list, repr=False)
    """Trailing metadata of a call that goes well; a handler adds to it by `trail`."""

    def trail(self, key: str, value: str | bytes) -> None:
        """Give the caller an entry of trailing metadata, at the end of a call that goes well.

        Raises:
            ValueError: key and value are no metadata, or all entries have more than 1,024 bytes, a -bin value in
                base64 and 32 for each entry counted.
        """
        check_metadata([*self.trailing, (key, value)])
        self.trailing.append((key, value))


@dataclass(frozen=True, slots=True)
class Service:
    """A gRPC service and what answers it.

    `servicer` has a method for each RPC, named as in the .proto, which takes a request and `Asked`. A unary one is a
    ``def`` or an ``async def`` and gives the answer; one that streams answers is a generator, plain or async. One that
    takes a stream gets an async iterator of requests, so it is async.
    """

    descriptor: ServiceDescriptor
    """As generated: ``enquiry_pb2.DESCRIPTOR.services_by_name["EnquiryService"]``."""
    servicer: object

    def __post_init__(self) -> None:
        """Refuse a servicer that lacks a method of the service.

        Raises:
            ValueError: with method, rule and remedy.
        """
        for method in self.descriptor.methods:
            if problem := _problem(method, getattr(self.servicer, method.name, None)):
                raise ValueError(f"method {method.name} of {self.name} {problem}")

    @property
    def name(self) -> str:
        """Full name of the service."""
        return str(self.descriptor.full_name)


def check_metadata(entries: Sequence[Entry]) -> None:
    """Refuse what cannot travel as trailing metadata.

    Raises:
        ValueError: with key, rule and remedy.
    """
    for key, value in entries:
        if not _KEY.fullmatch(key) or key.startswith(("grpc-", "tongban-")):
            raise ValueError(f"metadata key {key!r} must be of 0-9a-z_.- and not begin with grpc- or tongban-")
        if isinstance(value, bytes) is not key.endswith("-bin") or not _is_printable(value):
            raise ValueError(f"metadata {key} must be bytes if its key ends in -bin, else printable ASCII")
    if (size := sum(map(_size, entries))) > MOST_TRAILING:
        raise ValueError(f"trailing metadata has {size} bytes; at most {MOST_TRAILING} travel")


def _size(entry: Entry) -> int:
    key, value = entry
    return len(key) + (base64_size(len(value)) if isinstance(value, bytes) else len(value)) + _ENTRY_BYTES


def _is_printable(value: str | bytes) -> bool:
    return isinstance(value, bytes) or _TEXT.fullmatch(value) is not None


def _problem(method: MethodDescriptor, function: Callable[..., Any] | None) -> str | None:
    if function is None or getattr(function, "__module__", "").endswith("_pb2_grpc"):
        return "is not there; write it, or take it out of the .proto"
    arity, is_async_generator = Arity.of(method), inspect.isasyncgenfunction(function)
    if arity.answers_stream and not (is_async_generator or inspect.isgeneratorfunction(function)):
        return "streams answers, so it must be a generator: yield each answer"
    if arity.requests_stream and not (is_async_generator or inspect.iscoroutinefunction(function)):
        return "takes a stream of requests, so it must be async"
    if not arity.answers_stream and (is_async_generator or inspect.isgeneratorfunction(function)):
        return "gives one answer, so it must return it and not yield"
    return None

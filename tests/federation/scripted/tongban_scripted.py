"""A service with all ways of streaming that behaves as each request tells it. Its descriptors are made here."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.wrappers_pb2 import StringValue

from tongban.core import Asked, Service, ServiceError, StatusCode, hookimpl

METHODS = {
    "One": (False, False),
    "Many": (False, True),
    "Plain": (False, True),
    "Sum": (True, False),
    "Chat": (True, True),
}
"""Whether requests and answers stream."""


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="scripted/v1/script.proto", package="scripted.v1", syntax="proto3")
    for name in ("Step", "Told"):
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate((("what", "STRING"), ("number", "INT64"), ("data", "BYTES")), 1):
            type_ = FieldDescriptorProto.Type.Value(f"TYPE_{kind}")
            message.field.add(name=field, number=number, type=type_, label=FieldDescriptorProto.LABEL_OPTIONAL)
    service = file.service.add(name="ScriptService")
    for name, (client, server) in METHODS.items():
        service.method.add(
            name=name,
            input_type=".scripted.v1.Step",
            output_type=".scripted.v1.Told",
            client_streaming=client,
            server_streaming=server,
        )
    return file


_pool = DescriptorPool()
_pool.AddSerializedFile(_file().SerializeToString())
DESCRIPTOR = _pool.FindServiceByName("scripted.v1.ScriptService")
Step: Any = GetMessageClass(_pool.FindMessageTypeByName("scripted.v1.Step"))
Told: Any = GetMessageClass(_pool.FindMessageTypeByName("scripted.v1.Told"))

TRAILING: list[tuple[str, str | bytes]] = [("script-note", "as told"), ("script-note-bin", b"\x00\xff")]


def failure() -> ServiceError:
    details = [StringValue(value="why"), StringValue(value="也说中文")]
    return ServiceError(StatusCode.FAILED_PRECONDITION, "it fails as told: 照办", details, TRAILING)


def longest_failure() -> ServiceError:
    """Return the longest sentence in Chinese that can travel, with as much trailing metadata as can."""
    return ServiceError(StatusCode.NOT_FOUND, "办" * 472, trailing=[("n-bin", bytes(738))])


class Script:
    """Does what requests say."""

    def __init__(self) -> None:
        self.closed = 0
        self.taken = 0
        self.given = 0

    async def One(self, request: Any, asked: Asked) -> Any:
        if request.what == "seen":
            return Told(what=f"{self.closed} {self.taken} {self.given}")
        if request.what == "who":
            return Told(what=f"{asked.member} {asked.window} {asked.officer} {asked.purpose} {asked.consent_id}")
        if request.what == "hang":
            await self._hang()
        self._act(request, asked)
        return Told(what=request.what, number=len(request.data), data=bytes(request.number))

    async def Many(self, request: Any, asked: Asked) -> AsyncIterator[Any]:
        for one in self._answers(request, asked):
            yield one
            await asyncio.sleep(0)
        if request.what == "hang":
            await self._hang()

    def Plain(self, request: Any, asked: Asked) -> Iterator[Any]:
        yield from self._answers(request, asked)
        if request.what == "hang":
            time.sleep(2.0)

    async def Sum(self, requests: AsyncIterator[Any], asked: Asked) -> Any:
        number, data = 0, 0
        async for request in requests:
            self.taken += 1
            if request.what == "hang":
                await self._hang()
            if request.what == "enough":
                break
            self._act(request, asked)
            number, data = number + request.number, data + len(request.data)
        return Told(number=number, what=str(data))

    async def Chat(self, requests: AsyncIterator[Any], asked: Asked) -> AsyncIterator[Any]:
        async for request in requests:
            self.taken += 1
            if request.what == "hang":
                await self._hang()
            if request.what == "enough":
                return
            self._act(request, asked)
            yield Told(what=request.what, number=request.number, data=request.data)

    def _answers(self, request: Any, asked: Asked) -> Iterator[Any]:
        try:
            if request.what == "big":
                yield Told(data=bytes(request.number))
                return
            for number in range(request.number):
                self.given += 1
                yield Told(number=number, data=request.data)
            self._act(request, asked)
        finally:
            self.closed += 1

    def _act(self, request: Any, asked: Asked) -> None:
        if request.what == "fail":
            raise failure()
        if request.what == "fail at length":
            raise longest_failure()
        if request.what == "raise":
            raise ValueError("the inside of 310151180001080006")
        if request.what == "junk":
            asked.trailing.append(("key", 5))  # type: ignore[arg-type]
        if request.what == "trail":
            for key, value in TRAILING:
                asked.trail(key, value)

    async def _hang(self) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            self.closed += 1


@hookimpl
def tongban_services() -> list[Service]:
    return [Service(DESCRIPTOR, Script())]

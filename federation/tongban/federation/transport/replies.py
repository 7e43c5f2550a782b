"""From a reply to gRPC, and from gRPC's metadata to a call: the border that every door shares."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core import codes
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal, invalid_field, status_of
from tongban.core.identifiers import check_resident_id
from tongban.core.services import Entry

CONTEXT = "tongban-context-bin"
TOKEN = "authorization"  # noqa: S105 - the name of a metadata entry
MOST_MESSAGE = 4 << 20
"""Most bytes of a message of a window or an operator."""

_METHOD = re.compile(r"/[A-Za-z0-9_.]{1,200}/[A-Za-z0-9_]{1,99}")
_PUSHBACK = "grpc-retry-pushback-ms"
_DEFAULT_SECONDS = 10.0
_MOST_SECONDS = 600.0

Context = grpc.aio.ServicerContext[bytes, bytes]


def check_method(method: str) -> None:
    """Refuse a name that can be no method's; it is repeated to nobody.

    Raises:
        Refusal: METHOD_UNKNOWN.
    """
    if not _METHOD.fullmatch(method):
        raise Refusal(codes.METHOD_UNKNOWN, {"method": "that was called"})


def check_size(body: bytes) -> None:
    """Refuse a message that is too large for a door.

    Raises:
        Refusal: TOO_LARGE.
    """
    if len(body) > MOST_MESSAGE:
        raise Refusal(codes.TOO_LARGE, {"what": "the request", "size": str(len(body)), "limit": str(MOST_MESSAGE)})


@dataclass(frozen=True, slots=True)
class Shown:
    """What came with a call: gRPC builds its metadata anew each time it is asked for them, so that is once."""

    token: str
    """Empty if the caller showed none."""
    context: bytes
    """Serialised CallContext."""


def shown(context: Context) -> Shown:
    """Return what the caller shows.

    Raises:
        Refusal: INVALID_FIELD if it shows two of a kind, of which anybody on the way could read the other one.
    """
    metadata = context.invocation_metadata() or ()
    value, said = _only(TOKEN, metadata), _only(CONTEXT, metadata)
    scheme, _, token = value.partition(" ") if isinstance(value, str) else ("", "", "")
    return Shown(token if scheme.lower() == "bearer" else "", said if isinstance(said, bytes) else b"")


def _only(key: str, metadata: Iterable[tuple[str, str | bytes]]) -> str | bytes | None:
    values = [value for name, value in metadata if name == key]
    if len(values) > 1:
        raise invalid_field(key, "must be shown once")
    return values[0] if values else None


@lru_cache(maxsize=1024)
def call_context(data: bytes) -> CallContext:
    """Return what a caller says about a call; a window says the same about many, and nobody changes it.

    Raises:
        Refusal: MALFORMED or INVALID_FIELD, with the field's path below ``context``.
    """
    try:
        said = decoded(CallContext, data)
        if check_resident_id(said.officer) is None:
            raise invalid_field("officer", "must be an account and no personal number: it stands in records for years")
    except Refusal as refusal:
        refusal.field = f"context.{refusal.field}".rstrip(".")
        raise
    return said


def seconds(context: Context, *, streams: bool = False) -> float:
    """Return how long the caller still waits; a stream without a limit lasts until it ends."""
    remaining = context.time_remaining()
    if streams:
        return inf if remaining is None else max(0.0, float(remaining))
    return _DEFAULT_SECONDS if remaining is None else max(0.0, min(_MOST_SECONDS, float(remaining)))


def asked_member(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the member that a call's metadata names; empty if it names none, or is none that can be read."""
    try:
        value = _only(CONTEXT, metadata)
        return CallContext.FromString(value).to if isinstance(value, bytes) else ""
    except (DecodeError, Refusal):
        return ""


async def refuse(context: Context, refusal: Refusal, member: str, trailing: Sequence[Entry] = ()) -> None:
    """End a call with a refusal, and a status of a plugin's service with the trailing metadata that belongs to it."""
    given = trailing if refusal.told is not None else ()
    status = rpc_status.to_status(status_of(refusal.at(member)))
    await context.abort(status.code, status.details, (*status.trailing_metadata, *_pushback(refusal), *given))


def _pushback(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    """Return what clients of gRPC that repeat calls by themselves know as RetryInfo."""
    return ((_PUSHBACK, str(ceil(refusal.retry_seconds * 1000))),) if refusal.retry_seconds else ()

"""From a reply to gRPC, and from gRPC's metadata to a call: the border that every door shares."""

from collections.abc import Iterable, Sequence
from math import ceil, inf

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from tongban.api.common.v1.common_pb2 import CallContext
from tongban.core.decoding import decoded
from tongban.core.errors import Refusal, invalid_field, status_of
from tongban.core.identifiers import check_resident_id
from tongban.core.services import Entry

CONTEXT = "tongban-context-bin"
TOKEN = "authorization"  # noqa: S105 - the name of a metadata entry
_PUSHBACK = "grpc-retry-pushback-ms"
_DEFAULT_SECONDS = 10.0
_MOST_SECONDS = 600.0

Context = grpc.aio.ServicerContext[bytes, bytes]


def call_context(context: Context) -> CallContext:
    """Return what the caller said about the call.

    Raises:
        Refusal: MALFORMED or INVALID_FIELD, with the field's path below ``context``.
    """
    value = _metadata(context, CONTEXT)
    try:
        said = decoded(CallContext, value if isinstance(value, bytes) else b"")
        if check_resident_id(said.officer) is None:
            raise invalid_field("officer", "must be an account and no personal number: it stands in records for years")
    except Refusal as refusal:
        refusal.field = f"context.{refusal.field}".rstrip(".")
        raise
    return said


def token(context: Context) -> str:
    """Return the token that the caller showed; empty if none."""
    value = _metadata(context, TOKEN)
    scheme, _, shown = value.partition(" ") if isinstance(value, str) else ("", "", "")
    return shown if scheme.lower() == "bearer" else ""


def seconds(context: Context, *, streams: bool = False) -> float:
    """Return how long the caller still waits; a stream without a limit lasts until it ends."""
    remaining = context.time_remaining()
    if streams:
        return inf if remaining is None else max(0.0, float(remaining))
    return _DEFAULT_SECONDS if remaining is None else max(0.0, min(_MOST_SECONDS, float(remaining)))


def asked_member(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the member that a call's metadata names; empty if it names none, or is none that can be read."""
    value = next((value for key, value in metadata if key == CONTEXT), b"")
    try:
        return CallContext.FromString(value).to if isinstance(value, bytes) else ""
    except DecodeError:
        return ""


async def refuse(context: Context, refusal: Refusal, member: str, trailing: Sequence[Entry] = ()) -> None:
    """End a call with a refusal, and with the trailing metadata that its answerer gave."""
    status = rpc_status.to_status(status_of(refusal.at(member)))
    await context.abort(status.code, status.details, (*status.trailing_metadata, *_pushback(refusal), *trailing))


def _pushback(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    """Return what clients of gRPC that repeat calls by themselves know as RetryInfo."""
    return ((_PUSHBACK, str(ceil(refusal.retry_seconds * 1000))),) if refusal.retry_seconds else ()


def _metadata(context: Context, name: str) -> str | bytes | None:
    return next((value for key, value in context.invocation_metadata() or () if key == name), None)

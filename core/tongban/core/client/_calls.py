"""One call to a node: how long it may take, whether it is made again, and what its caller is told if it fails.

This is the border at which errors of gRPC become refusals.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from threading import Event
from time import monotonic
from typing import TypeAlias, TypedDict, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from tongban.core.codes import ANSWER_UNREADABLE, DEADLINE, NODE_UNREACHABLE, OVERLOADED, STOPPING
from tongban.core.errors import Refusal, refusal_of

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]

PAUSES = (0.3, 0.9)
"""Seconds before a call is made a second and a third time; a lost node is dialled again within the first."""

LONG_PAUSES = (*PAUSES, 2.0, 4.0, 8.0)
"""The same for a call that lasts: its caller waits for what happens, not for an answer."""

_UNREACHED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""The second is what gRPC says for a node that stops, to calls that have just come."""

_NOT_BEGUN = (OVERLOADED, STOPPING)
"""What a node says that has done nothing."""

_DETAILS = "grpc-status-details-bin"


class Terms(TypedDict):
    """What a stub takes beside the request."""

    timeout: float | None
    metadata: Metadata


class Call:
    """One call, however often it is made. Its time runs from here on."""

    def __init__(
        self,
        endpoint: str,
        allowed: float,
        *,
        metadata: Metadata = (),
        request_id: str = "",
        pauses: Sequence[float] = PAUSES,
        closed: Event | None = None,
    ) -> None:
        self._endpoint, self._allowed, self._metadata, self._request_id = endpoint, allowed, metadata, request_id
        self._pauses = self._all_pauses = tuple(pauses)
        self._closed = closed or Event()
        self._end = monotonic() + allowed

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end - monotonic()

    def terms(self, at_most: float = inf) -> Terms:
        """Return the terms of an attempt that is made now."""
        return {"timeout": max(0.0, min(self.left, at_most)), "metadata": self._metadata}

    def got_on(self) -> None:
        """Take note that the node answered, so that a later failure is a first one."""
        self._pauses = self._all_pauses

    def pause_after(self, error: grpc.RpcError) -> float:
        """Return for how many seconds to wait before the next attempt.

        Raises:
            Refusal: the call has failed.
        """
        told = _told_by_node(error)
        unreached = error.code() in _UNREACHED and (told is None or told.code in _NOT_BEGUN)
        if not unreached or self._closed.is_set() or not self._pauses:
            raise self.refusal(error) from error
        pause = max(self._pauses[0], told.retry_seconds if told else 0.0)
        if pause >= self.left:
            raise self.refusal(error) from error
        self._pauses = self._pauses[1:]
        return pause

    def refusal(self, error: grpc.RpcError) -> Refusal:
        """Return what the caller is told; for a command with the id under which it may be repeated."""
        refusal = _told_by_node(error) or self._without_node(error)
        facts: Mapping[str, str] = {"request_id": self._request_id} if self._request_id else {}
        return replace(refusal, facts={**refusal.facts, **facts})

    def _without_node(self, error: grpc.RpcError) -> Refusal:
        code, reason = error.code(), (error.details() or "").rstrip(".")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Refusal(DEADLINE, {"seconds": f"{self._allowed:g}"})
        if code in _UNREACHED:
            return Refusal(NODE_UNREACHABLE, {"endpoint": self._endpoint, "reason": reason})
        return Refusal(ANSWER_UNREADABLE, {"endpoint": self._endpoint, "reason": f"{code.name} {reason}".strip()})


def _told_by_node(error: grpc.RpcError) -> Refusal | None:
    trailers = cast(Iterable[tuple[str, bytes]], error.trailing_metadata() or ())
    details = next((value for key, value in trailers if key == _DETAILS), b"")
    try:
        return refusal_of(Status.FromString(details)) if details else None
    except DecodeError:
        return None

"""Watching a case for as long as it takes, over streams that end sooner."""

from time import monotonic

import grpc

from tongban.api.cases.v1.acts_pb2 import Event
from tongban.api.cases.v1.cases_pb2 import WatchCaseRequest, WatchCaseResponse
from tongban.core.client._calls import Call, Terms

STREAM_SECONDS = 240.0
"""Longest life of one stream; a node ends its connections a little later."""

STEADY_SECONDS = 5.0
"""A stream that lived for so long shows that the node was there, even if nothing happened."""


class Watching:
    """Where in a case the watcher is, so that a new stream goes on where the last one ended."""

    def __init__(self, call: Call, case_id: str, after: int) -> None:
        self._call, self._case_id, self._after, self._began = call, case_id, after, monotonic()

    def request(self) -> WatchCaseRequest:
        """Return the request for all that is not seen yet."""
        return WatchCaseRequest(case_id=self._case_id, after=self._after)

    def terms(self) -> Terms:
        """Return the terms of a stream that begins now."""
        self._began = monotonic()
        return self._call.terms(at_most=STREAM_SECONDS)

    def seen(self, update: WatchCaseResponse) -> WatchCaseResponse:
        """Take note of an update, and return it."""
        self._after = Event.FromString(update.event.event).sequence
        self._call.got_on()
        return update

    def pause_after(self, error: grpc.RpcError) -> float:
        """Return for how many seconds to wait before the next stream.

        Raises:
            Refusal: there is none.
        """
        ended = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and self._call.left > 0
        if ended or monotonic() - self._began > STEADY_SECONDS:
            self._call.got_on()
        return 0.0 if ended else self._call.pause_after(error)

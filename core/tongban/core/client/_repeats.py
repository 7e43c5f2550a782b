"""Calls without asyncio that are made again while they find no node."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import grpc

from tongban.core.client._calls import Call

_HEALTH = "/grpc.health.v1.Health/Check"

A = TypeVar("A")


class Repeats:
    """Makes calls over one channel; threads may share it."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._knock: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)

    def make(self, call: Call, attempt: Callable[[Call], A]) -> A:
        """Return what an attempt brings, after further ones if need be. Raises the Refusal of the last."""
        while True:
            try:
                return attempt(call)
            except grpc.RpcError as error:
                self.pause(call.pause_after(error))

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt, and dial meanwhile: a channel gets on only while some call waits for it."""
        until = time.monotonic() + seconds
        with suppress(grpc.RpcError):
            self._knock(b"", timeout=seconds, wait_for_ready=True)
        time.sleep(max(0.0, until - time.monotonic()))

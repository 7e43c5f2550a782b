"""Runs what plugins bring: with a time limit, and so that whatever they raise stays here.

A plain function runs in a thread; an ``async`` one runs on the loop. One that blocks the loop cannot be stopped here.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import cache, partial
from types import UnionType
from typing import Any
from uuid import uuid4

from tongban.core import codes
from tongban.core.errors import Refusal
from tongban.federation.plugins.threads import FunctionThreads

log = logging.getLogger(__name__)

MOST_THREADS = 8
"""Threads that one function may hold: one that hangs stops only itself."""


class Runner:
    """Runs functions of plugins."""

    def __init__(self, member: str, seconds: float) -> None:
        self._member = member
        self.seconds = seconds
        """Seconds that a function may take."""
        self._threads: dict[Callable[..., Any], FunctionThreads] = {}

    async def run(
        self,
        function: Callable[..., Any],
        *arguments: object,
        gives: type | UnionType,
        passes: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> Any:
        """Return what a plugin's function gives, which is of the type `gives`.

        Raises:
            Refusal: HANDLER_TIMEOUT, HANDLER_FAILED; the log has the inside under the refusal's reference.
            Exception: of the type `passes`, which is part of the function's contract.
        """
        answer, limit = self.call(function, *arguments), asyncio.timeout(self.seconds)
        return await self.guarded(function, answer, limit, gives, passes)

    async def guarded(
        self,
        function: Callable[..., Any],
        answer: Awaitable[Any],
        limit: asyncio.Timeout,
        gives: type | UnionType,
        passes: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> Any:
        """Return an answer that a plugin's function is making, within a limit. Raises as `run` does."""
        try:
            async with limit:
                return _checked(await answer, gives)
        except BaseException as error:
            if limit.expired():
                raise self._refusal(codes.HANDLER_TIMEOUT, function, None) from None
            if _is_ours(error) or isinstance(error, passes):
                raise
            raise self.failed(function, error) from None

    def failed(self, function: Callable[..., Any], error: BaseException) -> Refusal:
        """Return the refusal for an error that a plugin's function made, also by what it gave."""
        return self._refusal(codes.HANDLER_FAILED, function, error)

    async def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Return what a function gives, without limit: on the loop if it is ``async``, else in a thread."""
        if _is_async(function):
            return await function(*arguments)
        result = await self.in_thread(function, partial(function, *arguments))
        return await result if inspect.isawaitable(result) else result

    async def in_thread(self, function: Callable[..., Any], job: Callable[[], Any]) -> Any:
        """Return what a job gives, run in one of the threads of the function that it belongs to."""
        threads = self._threads.setdefault(function, FunctionThreads(function, MOST_THREADS))
        return await threads.run(job)

    def _refusal(self, code: codes.Code, function: Callable[..., Any], error: BaseException | None) -> Refusal:
        reference = uuid4().hex[:12]
        why = type(error).__name__ if error else f"no answer within {self.seconds:g} s"
        log.error("reference %s: plugin function %s: %s", reference, _name(function), why, exc_info=error)
        facts = {"seconds": f"{self.seconds:g}"}
        return Refusal(code, facts, member=self._member, reference=reference)


@cache
def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _checked(given: Any, type_: type | UnionType) -> Any:
    if not isinstance(given, type_):
        raise TypeError(f"it gave {type(given).__name__}, which is no {type_}")
    return given


def _is_ours(error: BaseException) -> bool:
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _name(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"

"""Runs what plugins bring: with a time limit, and so that whatever they raise stays here.

A plain function runs in a thread; an ``async`` one runs on the loop. One that blocks the loop cannot be stopped here.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
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
        self._seconds = seconds
        self._threads: dict[Callable[..., Any], FunctionThreads] = {}

    async def run(
        self,
        function: Callable[..., Any],
        *arguments: object,
        gives: type | UnionType,
        passes: type[Exception] | tuple[()] = (),
    ) -> Any:
        """Return what a plugin's function gives, which is of the type `gives`.

        Raises:
            Refusal: HANDLER_TIMEOUT, HANDLER_FAILED; the log has the inside under the refusal's reference.
            Exception: of the type `passes`, which is part of the function's contract.
        """
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                return _checked(await self._call(function, arguments), gives)
        except BaseException as error:
            if limit.expired():
                raise self._refusal(codes.HANDLER_TIMEOUT, function, None) from None
            if _is_ours(error) or isinstance(error, passes):
                raise
            raise self.failed(function, error) from None

    def failed(self, function: Callable[..., Any], error: BaseException) -> Refusal:
        """Return the refusal for an error that a plugin's function made, also by what it gave."""
        return self._refusal(codes.HANDLER_FAILED, function, error)

    async def _call(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
            return await function(*arguments)
        threads = self._threads.setdefault(function, FunctionThreads(function, MOST_THREADS))
        result = await threads.run(arguments)
        return await result if inspect.isawaitable(result) else result

    def _refusal(self, code: codes.Code, function: Callable[..., Any], error: BaseException | None) -> Refusal:
        reference = uuid4().hex[:12]
        why = type(error).__name__ if error else f"no answer within {self._seconds:g} s"
        log.error("reference %s: plugin function %s: %s", reference, _name(function), why, exc_info=error)
        facts = {"seconds": f"{self._seconds:g}"}
        return Refusal(code, facts, member=self._member, reference=reference)


def _checked(given: Any, type_: type | UnionType) -> Any:
    if not isinstance(given, type_):
        raise TypeError(f"it gave {type(given).__name__}, which is no {type_}")
    return given


def _is_ours(error: BaseException) -> bool:
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _name(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"

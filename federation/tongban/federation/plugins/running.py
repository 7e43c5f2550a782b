"""Runs what plugins bring: with a time limit, and so that whatever they raise stays here.

A plain function runs in a thread of its own, which the process does not wait for when it ends; an ``async`` one runs
on the loop. One that blocks the loop cannot be stopped here.
"""

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tongban.core import codes
from tongban.core.errors import Refusal

log = logging.getLogger(__name__)

MOST_THREADS = 8
"""Threads that one function may hold: one that hangs stops only itself."""


class Runner:
    """Runs functions of plugins."""

    def __init__(self, member: str, seconds: float) -> None:
        self._member = member
        self._seconds = seconds
        self._threads: dict[Callable[..., Any], threading.Semaphore] = {}

    async def run(self, function: Callable[..., Any], *arguments: object, passes: type[Exception] | None = None) -> Any:
        """Return what a plugin's function gives.

        Raises:
            Refusal: HANDLER_TIMEOUT, HANDLER_FAILED; the log has the inside under the refusal's reference.
            Exception: of the type `passes`, which is part of the function's contract.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._call(function, arguments)
        except TimeoutError:
            raise self._refusal(codes.HANDLER_TIMEOUT, function, None) from None
        except BaseException as error:
            if _is_ours(error) or (passes is not None and isinstance(error, passes)):
                raise
            raise self._refusal(codes.HANDLER_FAILED, function, error) from None

    async def _call(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
            return await function(*arguments)
        result = await self._in_thread(function, arguments)
        return await result if inspect.isawaitable(result) else result

    async def _in_thread(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        threads = self._threads.setdefault(function, threading.Semaphore(MOST_THREADS))
        if not threads.acquire(blocking=False):
            raise TimeoutError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        target = _Target(function, arguments, future, loop, threads)
        threading.Thread(target=target.run, name=f"plugin {_name(function)}", daemon=True).start()
        return await future

    def _refusal(self, code: codes.Code, function: Callable[..., Any], error: BaseException | None) -> Refusal:
        reference = uuid4().hex[:12]
        why = type(error).__name__ if error else f"no answer within {self._seconds:g} s"
        log.error("reference %s: plugin function %s: %s", reference, _name(function), why, exc_info=error)
        facts = {"seconds": f"{self._seconds:g}"}
        return Refusal(code, facts, member=self._member, reference=reference)


class _Target:
    """One call in a thread; whatever comes of it goes back to the loop, if somebody still waits there."""

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: tuple[object, ...],
        future: "asyncio.Future[Any]",
        loop: asyncio.AbstractEventLoop,
        threads: threading.Semaphore,
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._future = future
        self._loop = loop
        self._threads = threads

    def run(self) -> None:
        result, error = None, None
        try:
            result = self._function(*self._arguments)
        except BaseException as raised:
            error = raised
        finally:
            self._threads.release()
        try:
            self._loop.call_soon_threadsafe(self._settle, result, error)
        except RuntimeError:
            log.warning("plugin function %s ended after the node", _name(self._function))

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self._future.done():
            return
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error if isinstance(error, Exception) else _Ended(type(error).__name__))


class _Ended(Exception):
    """A plugin tried to end the process, as sys.exit does."""


def _is_ours(error: BaseException) -> bool:
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _name(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"

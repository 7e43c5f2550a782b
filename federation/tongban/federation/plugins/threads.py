"""Threads in which plain functions of plugins run. The process never waits for them: one may hang for ever."""

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Calls of one function that run or wait; behind a function that hangs, nobody queues for ever."""

_Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Ended(Exception):
    """A plugin raised what would end more than its own call, as sys.exit does."""


class FunctionThreads:
    """The threads of one function: as many as it has jobs under way, up to a limit; further jobs wait for one."""

    def __init__(self, function: Callable[..., Any], most: int) -> None:
        self._name = f"plugin {function.__module__}"
        self._most = most
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._under_way = 0
        self._threads = 0

    async def run(self, job: Callable[[], Any]) -> Any:
        """Return what a job of the function gives.

        Raises:
            TimeoutError: so many calls wait already that this one would wait in vain.
            Ended: it raised what would end more than its own call.
            Exception: whatever it raises.
        """
        if self._under_way >= MOST_WAITING:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._under_way += 1
        self._jobs.put((job, future, loop))
        if self._threads < min(self._most, self._under_way):
            self._start()
        return await future

    def _start(self) -> None:
        self._threads += 1
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            job, future, loop = self._jobs.get()
            result, error = None, None
            try:
                result = None if future.done() else job()
            except BaseException as raised:
                error = raised
            try:
                loop.call_soon_threadsafe(self._settle, future, result, error)
            except RuntimeError:
                return  # The node has ended meanwhile.

    def _settle(self, future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self._under_way -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(_told(error))


def _told(error: BaseException) -> Exception:
    """Return an error that a future can hold, which is none that ends the process or an iteration."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    ended = Ended(type(error).__name__)
    ended.__cause__ = error
    return ended

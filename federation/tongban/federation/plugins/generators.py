"""Generators of plugins: asked for one item after the other, each within its limit, and closed in the end."""

import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any

from google.protobuf.message import Message

from tongban.federation.plugins.limits import Limit
from tongban.federation.plugins.running import Runner


class _End:
    """What a generator gives that has ended."""


_END = _End()


async def items(
    runner: Runner,
    function: Callable[..., Any],
    generator: Any,
    gives: type[Message],
    limit: Limit,
    passes: tuple[type[Exception], ...],
) -> AsyncGenerator[Message, None]:
    """Yield what a plugin's generator gives, each of the type `gives`; `function` is where it comes from.

    Raises:
        Refusal: HANDLER_TIMEOUT, HANDLER_FAILED.
        Exception: of the types `passes`.
    """
    if isinstance(generator, AsyncGenerator):
        source: _Source = _OnLoop(generator)
    else:
        source = _InThreads(runner, function, generator)
    try:
        while True:
            item = await runner.guarded(function, source.next(), limit.step(), gives | _End, passes)
            if isinstance(item, _End):
                return
            yield item
    finally:
        with suppress(Exception):  # What a plugin does at its end changes nothing for its caller.
            await runner.guarded(function, source.close(), limit.step(), object)


class _OnLoop:
    def __init__(self, generator: AsyncGenerator[Any, None]) -> None:
        self._generator = generator

    async def next(self) -> Any:
        return await anext(self._generator, _END)

    async def close(self) -> None:
        await self._generator.aclose()


class _InThreads:
    """A plain generator, which runs in threads and is never entered twice at a time."""

    def __init__(self, runner: Runner, function: Callable[..., Any], generator: Generator[Any, None, None]) -> None:
        self._runner = runner
        self._function = function
        self._generator = generator
        self._entered = threading.Lock()
        self._closed = False

    async def next(self) -> Any:
        return await self._runner.in_thread(self._function, self._next)

    async def close(self) -> None:
        self._closed = True
        await self._runner.in_thread(self._function, self._close)

    def _next(self) -> Any:
        """Return the next item; close the generator if that was asked for meanwhile."""
        with self._entered:
            item = _END if self._closed else next(self._generator, _END)
        if self._closed:
            self._close()
        return item

    def _close(self) -> None:
        """Close the generator, unless a thread is in it, which then does so."""
        if self._entered.acquire(blocking=False):
            try:
                self._generator.close()
            finally:
                self._entered.release()


_Source = _OnLoop | _InThreads

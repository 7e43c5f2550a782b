"""The calls that are under way at the doors of a node, so that it stops as soon as they have ended."""

import asyncio
from collections.abc import Callable

from tongban.federation.transport.replies import Context


class UnderWay:
    """Counts calls from their beginning until their reply has left."""

    def __init__(self) -> None:
        self._calls = 0
        self._none = asyncio.Event()
        self._none.set()

    def add(self, context: Context, then: Callable[[], None] = lambda: None) -> None:
        """Count a call; `then` is called when it has ended."""
        self._calls += 1
        self._none.clear()

        def ended(done: object) -> None:
            then()
            self._ended()

        context.add_done_callback(ended)  # type: ignore[arg-type]  # The stub knows no functions.

    async def end(self, seconds: float) -> None:
        """Wait until no call is under way, for so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            return

    def _ended(self) -> None:
        self._calls -= 1
        if not self._calls:
            self._none.set()

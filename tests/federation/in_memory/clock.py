"""A clock that can be turned."""

import time
from datetime import datetime, timedelta


class Clock:
    """Goes on from a moment as time does, and can be turned."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def turn(self, by: timedelta) -> None:
        """Turn it forward, or back."""
        self._start += by

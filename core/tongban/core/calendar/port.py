"""What the rest of the core asks of a calendar of working days (工作日)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Protocol

# A fixed offset needs no time-zone data on the machine; the country has had no summer time since 1991.
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The time zone of all China; it has no summer time."""

MAX_WORKING_DAYS = 2000
"""Longest period that can be counted, in working days (about eight years)."""


@dataclass(frozen=True, slots=True)
class DayKind:
    """Whether a day is worked; `provisional` while no notice of the State Council settles it."""

    working: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class Deadline:
    """Last day of a period counted in working days, with what a reader needs to check the count."""

    day: date
    """The last day; what is done on it is in time."""

    skipped: tuple[date, ...]
    """Days after the start and before `day` that were left out, in order."""

    provisional: bool
    """A day that was counted may still be moved by a notice that is not published yet."""

    calendar_version: str
    """What was counted with, for example `chinesecalendar 1.11.0, overrides 3f2a9c1b07de`."""


class WorkingCalendar(Protocol):
    """Working days of one member (行政许可法 §82: periods are working days, without statutory holidays)."""

    @property
    def version(self) -> str:
        """Data that the answers rest on; two calendars of one version answer alike."""
        ...

    def day_kind(self, day: date) -> DayKind:
        """Tell whether one day is worked."""
        ...

    def add_working_days(self, start: date, days: int) -> Deadline:
        """Count `days` working days after `start`; the day after the event is the first that can count.

        Zero days end on `start` itself. Raises ValueError below 0 and above `MAX_WORKING_DAYS` days.
        """
        ...


def local_day(moment: datetime) -> date:
    """Day of a moment in Asia/Shanghai (UTC+8). Raises ValueError for a moment without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("moment: must have a time zone; use datetime.now(UTC)")
    return moment.astimezone(CHINA).date()

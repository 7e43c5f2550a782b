"""Calendar of the State Council's holiday notices (国务院办公厅关于部分节假日安排的通知)."""

from collections.abc import Set
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

import chinese_calendar

from tongban.core.calendar.overrides import NO_OVERRIDES, read_overrides
from tongban.core.calendar.port import MAX_WORKING_DAYS, DayKind, Deadline

_ONE_DAY = timedelta(days=1)


class ChinaCalendar:
    """Working days by the library chinesecalendar, corrected and continued by the member's override file.

    A year that neither has published is counted Monday to Friday and marked provisional. So is the last week
    of December before it, since a notice moves days around New Year's Day too (as for 2018-12-29 to 31).
    Raises CalendarFileError when the override file cannot be used.
    """

    def __init__(self, overrides: Path | None = None) -> None:
        self._overrides = NO_OVERRIDES if overrides is None else read_overrides(overrides)
        library = f"chinesecalendar {version('chinesecalendar')}"
        digest = self._overrides.digest
        self._version = f"{library}, overrides {digest}" if digest else library

    @property
    def version(self) -> str:
        """Version of the library, and the first 12 digits of the override file's SHA-256."""
        return self._version

    def day_kind(self, day: date) -> DayKind:
        """Tell whether one day is worked. Raises TypeError for a moment in place of a day."""
        if isinstance(day, datetime):
            raise TypeError("day: must be a date; local_day(moment) gives it")
        return DayKind(working=self._is_worked(day), provisional=not self._is_settled(day))

    def add_working_days(self, start: date, days: int) -> Deadline:
        """Count working days after `start`, as `WorkingCalendar` says."""
        if not 0 <= days <= MAX_WORKING_DAYS:
            raise ValueError(f"days: must be from 0 to {MAX_WORKING_DAYS} working days")
        day, skipped, provisional = start, list[date](), False
        while days:
            day += _ONE_DAY
            kind = self.day_kind(day)
            provisional |= kind.provisional
            if kind.working:
                days -= 1
            else:
                skipped.append(day)
        return Deadline(day, tuple(skipped), provisional, self.version)

    def _is_worked(self, day: date) -> bool:
        if (stated := self._overrides.days.get(day)) is not None:
            return stated
        if day.year not in self._overrides.years and (worked := _library_year(day.year)) is not None:
            return day in worked
        return day.weekday() < 5

    def _is_settled(self, day: date) -> bool:
        last_week_of_year = (day.month, day.day) >= (12, 25)
        return day in self._overrides.days or (
            self._is_published(day.year) and (not last_week_of_year or self._is_published(day.year + 1))
        )

    def _is_published(self, year: int) -> bool:
        return year in self._overrides.years or _library_year(year) is not None


@cache
def _library_year(year: int) -> Set[date] | None:
    """Working days of a year that the library has, else None."""
    try:
        return frozenset(chinese_calendar.get_workdays(date(year, 1, 1), date(year, 12, 31)))
    except NotImplementedError:
        return None

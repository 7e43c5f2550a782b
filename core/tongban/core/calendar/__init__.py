"""Working days (工作日): the port, and the calendar of the State Council's notices."""

from tongban.core.calendar.china import ChinaCalendar
from tongban.core.calendar.overrides import CalendarFileError, Problem
from tongban.core.calendar.port import CHINA, MAX_WORKING_DAYS, DayKind, Deadline, WorkingCalendar, local_day

__all__ = [
    "CHINA",
    "MAX_WORKING_DAYS",
    "CalendarFileError",
    "ChinaCalendar",
    "DayKind",
    "Deadline",
    "Problem",
    "WorkingCalendar",
    "local_day",
]

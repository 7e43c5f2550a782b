"""Working days against the State Council's notices, unpublished years, and the override file."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tongban.core.calendar import (
    MAX_WORKING_DAYS,
    CalendarFileError,
    ChinaCalendar,
    DayKind,
    Deadline,
    WorkingCalendar,
    local_day,
)

# 国办发明电〔2024〕12号 (2024-11-12) and 国办发明电〔2025〕7号 (2025-11-04): first and last day of each holiday,
# and the Saturdays and Sundays that are worked.
NOTICES = {
    2025: (
        "01-01/01-01 01-28/02-04 04-04/04-06 05-01/05-05 05-31/06-02 10-01/10-08",
        "01-26 02-08 04-27 09-28 10-11",
    ),
    2026: (
        "01-01/01-03 02-15/02-23 04-04/04-06 05-01/05-05 06-19/06-21 09-25/09-27 10-01/10-07",
        "01-04 02-14 02-28 05-09 09-20 10-10",
    ),
}
WORKED = DayKind(working=True, provisional=False)
OFF = DayKind(working=False, provisional=False)

YEAR_2027 = """
[years.2027]
source = "a notice made up for this test"
holidays = [2026-12-31, 2027-01-01, 2027-02-05, 2027-02-06]
working_days = [2026-12-26, 2027-02-20]
"""


def days_between(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def noticed_working_days(year: int) -> set[date]:
    holidays, worked = NOTICES[year]
    extra = {date.fromisoformat(f"{year}-{day}") for day in worked.split()}
    off: set[date] = set()
    for holiday in holidays.split():
        first, last = (date.fromisoformat(f"{year}-{day}") for day in holiday.split("/"))
        off.update(days_between(first, last))
    every_day = days_between(date(year, 1, 1), date(year, 12, 31))
    return {day for day in every_day if day in extra or (day.weekday() < 5 and day not in off)}


@pytest.fixture
def override_file(tmp_path: Path) -> Path:
    return tmp_path / "calendar.toml"


@pytest.mark.parametrize("year", NOTICES)
def test_every_day_is_as_the_state_council_published_it(year: int) -> None:
    calendar = ChinaCalendar()
    expected = noticed_working_days(year)
    for day in days_between(date(year, 1, 1), date(year, 12, 24)):
        assert calendar.day_kind(day) == (WORKED if day in expected else OFF), day
    for day in days_between(date(year, 12, 25), date(year, 12, 31)):
        assert calendar.day_kind(day).working == (day in expected), day


def test_working_days_of_the_years_are_248() -> None:
    assert {year: len(noticed_working_days(year)) for year in NOTICES} == {2025: 248, 2026: 248}


def test_day_after_the_event_is_day_one() -> None:
    calendar: WorkingCalendar = ChinaCalendar()
    assert calendar.add_working_days(date(2026, 11, 2), 1) == Deadline(date(2026, 11, 3), (), False, calendar.version)


def test_a_deadline_over_national_day_2026_leaves_out_the_holiday_and_counts_the_worked_saturday() -> None:
    deadline = ChinaCalendar().add_working_days(date(2026, 9, 29), 4)
    assert deadline.day == date(2026, 10, 10)
    assert deadline.skipped == tuple(days_between(date(2026, 10, 1), date(2026, 10, 7)))
    assert not deadline.provisional


def test_no_days_end_on_the_spot_even_on_a_holiday() -> None:
    deadline = ChinaCalendar().add_working_days(date(2026, 10, 1), 0)
    assert (deadline.day, deadline.skipped) == (date(2026, 10, 1), ())


@pytest.mark.parametrize("days", [-1, MAX_WORKING_DAYS + 1])
def test_periods_outside_the_limits_are_refused(days: int) -> None:
    with pytest.raises(ValueError, match=r"^days: must be from 0 to 2000 working days"):
        ChinaCalendar().add_working_days(date(2026, 1, 1), days)


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(1, 60))
def test_a_deadline_is_a_working_day_and_accounts_for_every_day(start: date, days: int) -> None:
    calendar = ChinaCalendar()
    deadline = calendar.add_working_days(start, days)
    assert calendar.day_kind(deadline.day).working
    assert (deadline.day - start).days == days + len(deadline.skipped)
    assert not any(calendar.day_kind(day).working for day in deadline.skipped)


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(0, 30), st.integers(0, 30))
def test_periods_add_up(start: date, first: int, second: int) -> None:
    calendar = ChinaCalendar()
    middle = calendar.add_working_days(start, first)
    assert calendar.add_working_days(middle.day, second).day == calendar.add_working_days(start, first + second).day


@pytest.mark.parametrize("year", [2027, 2028, 2035])
def test_a_year_that_nobody_published_is_monday_to_friday_and_provisional(year: int) -> None:
    calendar = ChinaCalendar()
    for day in days_between(date(year, 1, 1), date(year, 12, 31)):
        assert calendar.day_kind(day) == DayKind(working=day.weekday() < 5, provisional=True), day


def test_years_before_the_library_are_provisional_too() -> None:
    assert ChinaCalendar().day_kind(date(2003, 10, 1)) == DayKind(working=True, provisional=True)


def test_a_deadline_that_only_touches_an_unpublished_year_is_provisional() -> None:
    calendar = ChinaCalendar()
    assert not calendar.add_working_days(date(2026, 12, 21), 3).provisional
    assert calendar.add_working_days(date(2026, 12, 30), 2).provisional


def test_the_last_week_before_an_unpublished_year_is_provisional(override_file: Path) -> None:
    override_file.write_text(YEAR_2027)
    last_thursday = date(2026, 12, 24)
    assert not ChinaCalendar().day_kind(last_thursday).provisional
    assert ChinaCalendar().day_kind(last_thursday + timedelta(days=1)).provisional
    assert not ChinaCalendar(override_file).day_kind(last_thursday + timedelta(days=1)).provisional


def test_an_override_file_publishes_a_year(override_file: Path) -> None:
    override_file.write_text(YEAR_2027)
    calendar = ChinaCalendar(override_file)
    assert calendar.day_kind(date(2027, 2, 5)) == OFF
    assert calendar.day_kind(date(2027, 2, 20)) == WORKED
    assert calendar.day_kind(date(2027, 10, 1)) == WORKED
    assert calendar.day_kind(date(2027, 10, 2)) == OFF
    assert calendar.day_kind(date(2028, 1, 3)).provisional


def test_a_notice_reaches_back_into_december(override_file: Path) -> None:
    override_file.write_text(YEAR_2027)
    calendar = ChinaCalendar(override_file)
    assert calendar.day_kind(date(2026, 12, 26)) == WORKED
    deadline = calendar.add_working_days(date(2026, 12, 30), 1)
    assert (deadline.day, deadline.provisional) == (date(2027, 1, 4), False)
    assert deadline.skipped == tuple(days_between(date(2026, 12, 31), date(2027, 1, 3)))


def test_a_year_in_the_file_replaces_the_librarys(override_file: Path) -> None:
    override_file.write_text('[years.2026]\nsource = "made up"\nholidays = [2026-01-01]\n')
    calendar = ChinaCalendar(override_file)
    assert calendar.day_kind(date(2026, 1, 1)) == OFF
    assert calendar.day_kind(date(2026, 10, 1)) == WORKED
    assert calendar.day_kind(date(2026, 10, 10)) == OFF


def test_single_dates_stand_above_everything_else(override_file: Path) -> None:
    override_file.write_text(YEAR_2027 + '[dates]\n2026-04-20 = "holiday"\n2027-02-05 = "working"\n')
    calendar = ChinaCalendar(override_file)
    assert calendar.day_kind(date(2026, 4, 20)) == OFF
    assert calendar.day_kind(date(2027, 2, 5)) == WORKED


def test_a_single_date_does_not_publish_its_year(override_file: Path) -> None:
    override_file.write_text('[dates]\n2028-03-13 = "holiday"\n')
    calendar = ChinaCalendar(override_file)
    assert calendar.day_kind(date(2028, 3, 13)) == OFF
    assert calendar.day_kind(date(2028, 3, 14)).provisional


def test_the_version_names_the_library_and_the_files_digest(override_file: Path) -> None:
    assert ChinaCalendar().version.startswith("chinesecalendar 1.")
    override_file.write_text(YEAR_2027)
    digest = sha256(YEAR_2027.encode()).hexdigest()[:12]
    calendar = ChinaCalendar(override_file)
    assert calendar.version == f"{ChinaCalendar().version}, overrides {digest}"
    assert calendar.add_working_days(date(2026, 1, 5), 1).calendar_version == calendar.version


HOLIDAYS = 'source = "x"\nholidays = [2027-01-01]\n'


@pytest.mark.parametrize(
    ("text", "key", "rule"),
    [
        ("years = ", "file", "must be TOML in UTF-8"),
        ("\udcff", "file", "must be TOML in UTF-8"),
        ("[year.2027]\n" + HOLIDAYS, "year", "Extra inputs are not permitted"),
        ("[years.27]\n" + HOLIDAYS, "years.27", "four digits"),
        ("[years.2027]\nholidays = [2027-01-01]\n", "years.2027.source", "required"),
        ('[years.2027]\nsource = "x"\n', "years.2027.holidays", "required"),
        ('[years.2027]\nsource = "x"\nholidays = []\n', "years.2027.holidays", "at least 1"),
        ("[years.2027]\n" + HOLIDAYS + "extra = 1\n", "years.2027.extra", "not permitted"),
        ('[years.2027]\nsource = "x"\nholidays = ["2027-01-01"]\n', "years.2027.holidays.0", "valid date"),
        ('[years.2027]\nsource = "x"\nholidays = [2027-01-01T00:00:00]\n', "years.2027.holidays.0", "valid date"),
        ('[years.2027]\nsource = "x"\nholidays = [2028-01-01]\n', "years.2027.holidays", "December before"),
        ('[years.2027]\nsource = "x"\nholidays = [2026-11-30]\n', "years.2027.holidays", "December before"),
        ("[years.2027]\n" + HOLIDAYS + "working_days = [2027-02-19]\n", "years.2027.working_days", "Saturday"),
        (
            '[years.2027]\nsource = "x"\nholidays = [2027-01-02]\nworking_days = [2027-01-02]\n',
            "years.2027.working_days",
            "named as a holiday and as a working day",
        ),
        ('[dates]\n2026-13-01 = "holiday"\n', "dates.2026-13-01", "a date that the calendar has"),
        ('[dates]\n2026-04-20 = "off"\n', "dates.2026-04-20", "'holiday' or 'working'"),
    ],
)
def test_a_malformed_override_file_names_file_key_rule_and_remedy(
    override_file: Path, text: str, key: str, rule: str
) -> None:
    override_file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CalendarFileError) as caught:
        ChinaCalendar(override_file)
    (problem,) = caught.value.problems
    assert problem.key == key
    assert rule in problem.rule
    assert problem.remedy
    assert str(caught.value) == f"{override_file}: {key}: {problem.rule}; {problem.remedy}"


def test_all_problems_of_a_file_are_told_at_once(override_file: Path) -> None:
    override_file.write_text('[years.2027]\nholidays = ["new year"]\n[dates]\n2026-04-20 = "off"\n')
    with pytest.raises(CalendarFileError) as caught:
        ChinaCalendar(override_file)
    assert [problem.key for problem in caught.value.problems] == [
        "years.2027.source",
        "years.2027.holidays.0",
        "dates.2026-04-20",
    ]


def test_a_missing_override_file_is_an_error_and_not_no_overrides(override_file: Path) -> None:
    with pytest.raises(CalendarFileError, match=r"calendar\.toml: file: cannot be read: No such file"):
        ChinaCalendar(override_file)


def test_a_moment_is_no_day() -> None:
    calendar = ChinaCalendar()
    with pytest.raises(TypeError, match="local_day"):
        calendar.day_kind(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(TypeError, match="local_day"):
        calendar.add_working_days(datetime(2026, 1, 1, tzinfo=UTC), 3)


def test_local_day_is_that_of_shanghai() -> None:
    assert local_day(datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC)) == date(2026, 9, 30)
    assert local_day(datetime(2026, 9, 30, 16, 0, 0, tzinfo=UTC)) == date(2026, 10, 1)


def test_local_day_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match=r"^moment: must have a time zone"):
        local_day(datetime(2026, 9, 30))

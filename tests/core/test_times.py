"""Moments keep their microsecond on every way: contracts, stores, and back."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tongban.core.times import from_micros, micros, moment, timestamp, wall_clock

CHINA = timezone(timedelta(hours=8))
moments = st.datetimes(timezones=st.sampled_from([UTC, CHINA]), min_value=datetime(1900, 1, 1))


@given(moments)
@example(datetime(2050, 3, 1, 8, 0, 0, 3, CHINA))
@settings(deadline=None)
def test_a_moment_is_stored_to_the_microsecond(when: datetime) -> None:
    assert from_micros(micros(when)) == when
    assert micros(when + timedelta(microseconds=1)) == micros(when) + 1


@given(moments)
@settings(deadline=None)
def test_a_moment_is_told_to_the_microsecond(when: datetime) -> None:
    told = moment(timestamp(when))
    assert told == when
    assert told.tzinfo is UTC


def test_the_epoch() -> None:
    assert micros(datetime(1970, 1, 1, 8, tzinfo=CHINA)) == 0
    assert from_micros(1_000_001) == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)


def test_the_wall_clock_has_a_time_zone() -> None:
    assert abs(datetime.now(CHINA) - wall_clock()) < timedelta(minutes=1)

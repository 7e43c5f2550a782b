"""The override file: years and days that the library lacks or has wrong.

    [years.2027]                       # a whole year, in place of what the library has
    source = "国办发明电〔2026〕0号"      # the notice it is taken from
    holidays = [2027-01-01, 2027-01-02, 2027-01-03]
    working_days = [2027-02-20]        # Saturdays and Sundays that are worked

    [dates]                            # single days, above everything else
    2026-04-20 = "holiday"             # or "working"

A notice may also name days of the December before its year.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tongban.core.identifiers import check_date

_DIGEST_SHOWN = 12
_REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "remove it or correct its spelling",
    "too_short": "name at least one day",
    "date_type": "write a day without quotes, such as 2027-01-01",
    "literal_error": 'write "holiday" or "working"',
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file: where, what is asked for, and what to do."""

    key: str
    rule: str
    remedy: str


class CalendarFileError(ValueError):
    """The override file cannot be used; `problems` says where, why and what to do."""

    def __init__(self, file: Path, *problems: Problem) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(f"{file}: {p.key}: {p.rule}; {p.remedy}" for p in problems))


@dataclass(frozen=True, slots=True)
class Overrides:
    """What an override file says."""

    years: Set[int]
    """Years that the file publishes whole."""

    days: Mapping[date, bool]
    """Whether a day is worked, for each day that the file names."""

    digest: str
    """First digits of the file's SHA-256; empty without a file."""


NO_OVERRIDES = Overrides(frozenset(), MappingProxyType({}), "")


class _Year(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    source: str = Field(min_length=1)
    holidays: list[date] = Field(min_length=1)
    working_days: list[date] = []


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    years: dict[str, _Year] = {}
    dates: dict[str, Literal["holiday", "working"]] = {}


def read_overrides(file: Path) -> Overrides:
    """Read and check an override file. Raises CalendarFileError with what is wrong in it."""
    content = _content(file)
    parsed = _parse(file, content)
    _refuse(file, _problems_of_keys(parsed))
    _refuse(file, _problems_of_days(parsed))
    days = {day: worked for year in parsed.years.values() for day, worked in _stated(year)}
    days |= {date.fromisoformat(day): kind == "working" for day, kind in parsed.dates.items()}
    years = frozenset(int(year) for year in parsed.years)
    return Overrides(years, MappingProxyType(days), sha256(content).hexdigest()[:_DIGEST_SHOWN])


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        problem = Problem("file", f"cannot be read: {error.strerror}", "correct the path or the file's permissions")
        raise CalendarFileError(file, problem) from None


def _parse(file: Path, content: bytes) -> _File:
    try:
        return _File.model_validate(tomli.loads(content.decode()))
    except ValidationError as error:
        raise CalendarFileError(file, *_problems_of_form(error)) from None
    except ValueError as error:
        problem = Problem("file", f"must be TOML in UTF-8: {error}", "correct the place that is named")
        raise CalendarFileError(file, problem) from None


def _problems_of_form(error: ValidationError) -> Iterator[Problem]:
    for found in error.errors():
        key = ".".join(str(part) for part in found["loc"])
        yield Problem(key, found["msg"], _REMEDIES.get(found["type"], "correct the value"))


def _problems_of_keys(parsed: _File) -> Iterator[Problem]:
    for year in parsed.years:
        if check_date(f"{year}-01-01"):
            yield Problem(f"years.{year}", "must be a year of four digits", "write it as [years.2027]")
    for day in parsed.dates:
        if problem := check_date(day):
            yield Problem(f"dates.{day}", problem, "write it as 2027-01-01")


def _problems_of_days(parsed: _File) -> Iterator[Problem]:
    seen: dict[date, bool] = {}
    for name, year in parsed.years.items():
        for day, worked in _stated(year):
            key = f"years.{name}.{'working_days' if worked else 'holidays'}"
            if rule := _broken_rule(int(name), day, worked):
                yield Problem(key, f"{day} {rule}", "correct or remove it")
            if seen.setdefault(day, worked) != worked:
                yield Problem(key, f"{day} is named as a holiday and as a working day", "keep one")


def _broken_rule(year: int, day: date, worked: bool) -> str | None:
    if day.year != year and (day.year, day.month) != (year - 1, 12):
        return f"must be in {year} or in the December before"
    if worked and day.weekday() < 5:
        return "must be a Saturday or Sunday"
    return None


def _refuse(file: Path, problems: Iterable[Problem]) -> None:
    if found := tuple(problems):
        raise CalendarFileError(file, *found)


def _stated(year: _Year) -> Iterator[tuple[date, bool]]:
    yield from ((day, False) for day in year.holidays)
    yield from ((day, True) for day in year.working_days)

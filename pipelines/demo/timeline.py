"""The time of the fictional city: months underneath, reporting periods made of them.

Put here: months and periods as numbers and days. Keep out: what happens in them.
"""

from dataclasses import dataclass

import numpy as np

from data_contracts.periods import GRAINS, Period, periods_between

_EPOCH = np.datetime64("1970-01-01", "D")
# The day of what does not happen.
NEVER = 200_000


@dataclass(frozen=True)
class Month:
    """A month: number from 0, key, first and last day as days since 1970-01-01, calendar year, month of the year."""

    number: int
    key: str
    start: int
    end: int
    year: int
    of_year: int

    @property
    def quarter(self) -> int:
        """Quarter of the year, from 1."""
        return (self.of_year + 2) // 3

    @property
    def of_quarter(self) -> int:
        """Month of the quarter, from 0."""
        return (self.of_year - 1) % 3


@dataclass(frozen=True)
class Span:
    """A reporting period: key, number from 0, its months, its place in the year and how many a year has."""

    key: str
    number: int
    months: tuple[Month, ...]
    of_year: int
    per_year: int

    @property
    def start(self) -> int:
        """First day."""
        return self.months[0].start

    @property
    def end(self) -> int:
        """Last day."""
        return self.months[-1].end

    @property
    def year(self) -> int:
        """Calendar year."""
        return self.months[0].year

    @property
    def year_start(self) -> int:
        """First day of the year."""
        return day_of(f"{self.year}-01-01")


def day_of(value: object) -> int:
    """Days since 1970-01-01 of a date."""
    return int((np.datetime64(value, "D") - _EPOCH).astype(int))  # type: ignore[call-overload]


def spans_between(first: str, last: str) -> list[Span]:
    """The reporting periods from `first` to `last`, all of one grain."""
    periods = periods_between(first, last)
    months = periods_between(_month_key(periods[0].start), _month_key(periods[-1].end))
    found = [
        Month(number, month.key, day_of(month.start), day_of(month.end), month.year, month.index)
        for number, month in enumerate(months)
    ]
    return [
        Span(period.key, number, _within(period, found), period.index, GRAINS[period.grain])
        for number, period in enumerate(periods)
    ]


def _within(period: Period, months: list[Month]) -> tuple[Month, ...]:
    first, last = day_of(period.start), day_of(period.end)
    return tuple(month for month in months if first <= month.start and month.end <= last)


def _month_key(day: object) -> str:
    return str(day)[:7]

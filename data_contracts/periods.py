"""Reporting periods: months, quarters and years, their bounds, neighbours and windows.

Put here: calendar arithmetic on period keys. Keep out: which periods a home reports (settings) and any clock.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

GRAINS = {"month": 12, "quarter": 4, "year": 1}
WINDOWS = ("in_period", "year_to_date", "rolling_12m", "at_end")
_FORMS = (
    ("month", re.compile(r"(\d{4})-(0[1-9]|1[0-2])")),
    ("quarter", re.compile(r"(\d{4})Q([1-4])")),
    ("year", re.compile(r"(\d{4})()")),
)


@dataclass(frozen=True, order=True)
class Period:
    """One reporting period: `2025-11`, `2025Q4` or `2025`. `index` counts from 1 within the year."""

    year: int
    index: int
    grain: str

    @classmethod
    def parse(cls, key: str) -> "Period":
        """Read a period key; raises ValueError that states the three accepted forms."""
        for grain, form in _FORMS:
            match = form.fullmatch(key)
            if match:
                return cls(int(match[1]), int(match[2] or 1), grain)
        raise ValueError(f"'{key}' is not a period; write 2025-11, 2025Q4 or 2025")

    @property
    def key(self) -> str:
        """The text form used in paths, tables and commands."""
        if self.grain == "year":
            return f"{self.year:04d}"
        return f"{self.year:04d}Q{self.index}" if self.grain == "quarter" else f"{self.year:04d}-{self.index:02d}"

    @property
    def _months(self) -> int:
        return 12 // GRAINS[self.grain]

    @property
    def start(self) -> date:
        """First day."""
        return date(self.year, (self.index - 1) * self._months + 1, 1)

    @property
    def end(self) -> date:
        """Last day."""
        month = self.index * self._months
        return date(self.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)

    def shift(self, steps: int) -> "Period":
        """The period `steps` later (negative: earlier) of the same grain."""
        position = self.year * GRAINS[self.grain] + self.index - 1 + steps
        return Period(position // GRAINS[self.grain], position % GRAINS[self.grain] + 1, self.grain)

    def window(self, name: str) -> tuple["Period", ...]:
        """The periods an indicator with window `name` looks at when it is computed for this period."""
        lengths = {"in_period": 1, "at_end": 1, "year_to_date": self.index, "rolling_12m": GRAINS[self.grain]}
        return tuple(self.shift(-back) for back in reversed(range(lengths[name])))

    @property
    def time_progress(self) -> Fraction:
        """Share of the calendar year that has passed at the end of the period, by whole periods."""
        return Fraction(self.index, GRAINS[self.grain])


def periods_between(first: str, last: str) -> list[Period]:
    """All periods from `first` to `last`, both included; they must share one grain and be in order."""
    start, stop = Period.parse(first), Period.parse(last)
    if start.grain != stop.grain or stop < start:
        raise ValueError(f"periods {first} to {last} do not form a range of one grain in rising order")
    found = [start]
    while found[-1] != stop:
        found.append(found[-1].shift(1))
    return found


def last_ended(periods: Sequence[Period], day: date) -> Period | None:
    """The last period of a calendar that had ended before `day`."""
    return next((period for period in reversed(periods) if period.end < day), None)

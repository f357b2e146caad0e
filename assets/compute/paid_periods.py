"""Which releases the money of a period hangs on, and the money of a year that is closed.

Put here: the periods whose releases are looked up, and the refusal where a closed year has none. Keep out: which
release of a period was paid (assets.release), what is made of its tables (settlements, carried, allocation_tables).
"""

from collections.abc import Callable, Mapping

import polars as pl

from assets.compute.inputs import periods_per_year
from data_contracts.periods import Period
from data_contracts.tables import RELEASE
from evaluations.allocation.snapshot import DataError

Frames = Mapping[str, pl.DataFrame]
Released = Callable[[str], Frames | None]
"""Period → tables of the release that was paid, None without any; raises DataError where that cannot be known."""


def earlier_in_year(period: Period) -> list[Period]:
    """The periods of the year before `period`, oldest first."""
    return [period.shift(-back) for back in range(period.index - 1, 0, -1)]


def last_of_year_before(period: Period) -> Period:
    """The period that closed the year before."""
    return Period(period.year - 1, periods_per_year(period), period.grain)


def periods_settled_against(period: Period) -> list[Period]:
    """Periods whose releases say what was paid: the earlier ones of the year, and the last of the year before."""
    return [last_of_year_before(period), *earlier_in_year(period)]


def closed_year(released: Released | None, last: Period, stream: str) -> Frames:
    """The tables that closed a year, for the money of `stream` in it. Raises DataError where there are none."""
    tables = None if released is None else released(last.key)
    if tables is None or "alloc__payments" not in tables:
        raise DataError("allocation_no_settled_year", stream=stream, period=last.key)
    return tables


def release_name(tables: Frames, period: Period) -> str:
    """The name of the release that tables are of, as far as it is known."""
    return str(tables[RELEASE][RELEASE][0]) if RELEASE in tables else period.key

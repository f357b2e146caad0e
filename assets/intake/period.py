"""The reporting period of a file: from its note, else its name, else what the contract fixes; else it is refused."""

import re

import polars as pl

from assets.intake.findings import FileRefused
from data_contracts.contracts import FeedContract
from data_contracts.periods import Period

_CHINESE = str.maketrans("一二三四", "1234")


def period_of(noted: str | None, file_name: str, contract: FeedContract) -> str:
    """The period key of a file; raises FileRefused where nothing tells it or what tells it is no period."""
    source = contract.extras.period
    found = noted or _from_name(file_name, source.file_name) or source.constant
    if found is None:
        raise FileRefused("intake_period_unknown", feed=contract.key)
    try:
        return Period.parse(found).key
    except ValueError:
        raise FileRefused("intake_period_wrong", feed=contract.key) from None


def _from_name(file_name: str, pattern: str | None) -> str | None:
    match = re.search(pattern, file_name) if pattern else None
    if match is None:
        return None
    groups = {name: value for name, value in match.groupdict().items() if value}
    if "period" in groups:
        return groups["period"]
    year = groups["year"] if len(groups["year"]) == 4 else f"20{groups['year']}"
    if "quarter" in groups:
        return f"{year}Q{groups['quarter'].translate(_CHINESE)}"
    return f"{year}-{int(groups['month']):02d}" if "month" in groups else year


def covered(contract: FeedContract, period: Period) -> list[Period]:
    """The periods a file for `period` holds records of, in order.

    One, but of a cumulative feed all of the year up to it, so far as the contract was in force: earlier records may
    have other columns.
    """
    if contract.delivery != "cumulative":
        return [period]
    year = [Period(period.year, index, period.grain) for index in range(1, period.index + 1)]
    return [step for step in year if step.end >= contract.extras.valid_from]


def of_dates(dates: pl.Expr, grain: str) -> pl.Expr:
    """Keys of the periods of a grain in which dates lie."""
    year = dates.dt.year().cast(pl.String)
    if grain == "quarter":
        return year + pl.lit("Q") + dates.dt.quarter().cast(pl.String)
    return dates.dt.strftime("%Y-%m") if grain == "month" else year

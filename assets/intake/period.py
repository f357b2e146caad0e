"""The reporting period of a file: from its note, else its name, else what the contract fixes; else it is refused.

Put here: which statement counts, and the periods a file reaches. Keep out: how names spell periods (named_period.py).
"""

import re
from collections.abc import Iterator

import polars as pl

from assets.intake.findings import FileRefused
from assets.intake.named_period import Months, finest, months_stated
from data_contracts.contracts import FeedContract
from data_contracts.periods import Period

_CHINESE = str.maketrans("一二三四", "1234")


def period_of(noted: str | None, file_name: str, contract: FeedContract) -> str:
    """The period key of a file; raises FileRefused where nothing tells it, what tells it is no period, or names two."""
    found = noted or _from_name(file_name, contract) or contract.extras.period.constant
    if found is None:
        raise FileRefused("intake_period_unknown", feed=contract.key)
    return _parsed(found, contract).key


def period_origin(noted: str | None, file_name: str, contract: FeedContract) -> str:
    """Where `period_of` finds the period: `note`, `name` or `contract`."""
    if noted:
        return "note"
    return "name" if _from_name(file_name, contract) else "contract"


def _from_name(file_name: str, contract: FeedContract) -> str | None:
    """The period a name states: by the contract's own pattern, else as names usually do, unless the contract fixes it.

    Of a year and a quarter in it the quarter counts; statements that do not agree are no guess of ours.
    """
    source = contract.extras.period
    if source.file_name is not None:
        stated = finest([Months.of(_parsed(key, contract)) for key in _by_pattern(file_name, source.file_name)])
    else:
        stated = [] if source.constant else months_stated(file_name)
    if not stated:
        return None
    if len(stated) > 1:
        raise FileRefused("intake_period_several", feed=contract.key, periods=", ".join(each.text for each in stated))
    period = stated[0].period
    if period is None:
        raise FileRefused("intake_period_no_grain", feed=contract.key, months=stated[0].text)
    return period.key


def _by_pattern(file_name: str, pattern: str) -> Iterator[str]:
    for match in re.finditer(pattern, file_name):
        groups = {name: value for name, value in match.groupdict().items() if value}
        if "period" in groups:
            yield groups["period"]
            continue
        year = groups["year"] if len(groups["year"]) == 4 else f"20{groups['year']}"
        if "quarter" in groups:
            yield f"{year}Q{groups['quarter'].translate(_CHINESE)}"
        else:
            yield f"{year}-{int(groups['month']):02d}" if "month" in groups else year


def _parsed(key: str, contract: FeedContract) -> Period:
    try:
        return Period.parse(key)
    except ValueError:
        raise FileRefused("intake_period_wrong", feed=contract.key) from None


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

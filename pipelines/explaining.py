"""`kangheng explain`: opens the release in force and brings the recount from the lake."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from assets.compute import indicators, rebased
from assets.compute.geography import known_changes
from assets.release import explain
from assets.release.publish import current
from assets.stages.road import Road
from data_contracts.messages import wrong
from data_contracts.periods import Period


def explain_figure(
    path: Path, period: str, *, area: str | None, payee: str | None, cell: str | None
) -> explain.Explanation:
    """Explain an area, a payee or a cell of the release in force for `period`."""
    road = Road.open(path)
    name = current(road.home)["periods"].get(period)
    if name is None:
        raise wrong("wrong_no_release", period=period)
    release = explain.ReleasedPeriod.open(road.home.releases / name)
    major = road.settings.home.currency.minor_per_major
    symbol = road.settings.home.currency.symbol

    def money(minor: int) -> str:
        return f"{symbol}{Decimal(minor) / major:,.2f}"

    if area is not None:
        step = Period.parse(period)
        changes = known_changes(road.home, road.settings, road.catalog, step)
        return explain.explain_area(release, area, money, lambda gone: changes.became(gone, date.min, frozenset()))
    if payee is not None:
        return explain.explain_payee(release, payee, money)

    def recount(indicator_id: str, row: dict[str, Any]) -> tuple[Decimal | None, Decimal | None]:
        of, given = Period.parse(row["period"]), (road.home, road.settings, road.catalog)
        geography = row.get("geography")
        if geography is None:
            values = indicators.indicator_values(*given, of)
        else:
            values = rebased.values_on(*given, of, Period.parse(geography))
        key = ("area_level", "area_id", "rule_set", "stratum")
        same = values.filter(pl.col("indicator_id") == indicator_id, *(pl.col(k) == row[k] for k in key))
        return (same["numerator"][0], same["denominator"][0]) if same.height else (None, None)

    return explain.explain_cell(release, str(cell), road.feeds_of, recount)

"""A home computed as far as a test looks, step by step, without the desk, without judgement and without a release.

Put here: walking the steps of the road. Keep out: making homes, and everything a whole run adds (tests/road).
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from assets.compute.marts import mart_names
from assets.lake import parts
from assets.stages.road import Road


class Computed:
    """A home with everything up to its last period computed."""

    def __init__(self, road: Road, period: str) -> None:
        self.road = road
        self.period = period

    def table(self, name: str) -> pl.DataFrame:
        """A table with all periods."""
        keys = [item.key for item in self.road.periods_up_to(self.period)]
        frame = parts.read_table(self.road.home, name, keys)
        assert frame is not None, name
        return frame


def compute(home: Path, further: Iterable[tuple[str, list[str]]] = ()) -> Computed:
    """Compute a home as far as indicators, then the tables of `further` stages; DefinitionError as from any run."""
    road = Road.open(home)
    period = road.settings.home.calendar.last
    road.register()
    order = [
        ("stg", [feed.table for feed in road.catalog.current()]),
        ("link", ["link__persons"]),
        ("mart", mart_names(road.catalog)),
        ("ind", ["ind__counts", "ind__values", "ind__rebased"]),
        *further,
    ]
    for stage, tables in order:
        road.advance(stage, tables, period)
    return Computed(road, period)

"""Homes of benchmarks/real/ built from public data and computed without a release; counted again from the files."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from assets.compute.marts import mart_names
from assets.lake import parts
from assets.stages.road import Road
from benchmarks.real import build_home
from data_contracts.closed import DefinitionError

DATA = os.environ.get("KANGHENG_DATA")
TEMPLATES = Path(__file__).parents[2] / "benchmarks" / "real"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of public data sets."""
    if not DATA:
        pytest.skip("KANGHENG_DATA is not set: nothing is compared with public data")
    return Path(DATA)


@pytest.fixture(scope="session")
def rows(data: Path) -> Callable[[str], list[dict[str, str]]]:
    """The rows of a file below the folder of public data, as text."""

    def read(name: str) -> list[dict[str, str]]:
        with (data / name).open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    return read


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


@pytest.fixture(scope="session")
def computed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Computed]:
    """Build the home of a template and compute it as far as indicators, or as `stages` say."""

    def compute(template: str, *stages: tuple[str, list[str]]) -> Computed:
        home = build_home(TEMPLATES / template, data, tmp_path_factory.mktemp(template) / "home")
        try:
            road = Road.open(home)
        except DefinitionError as error:
            pytest.fail(str(error))
        period = road.settings.home.calendar.last
        road.register()
        order = [
            ("stg", [feed.table for feed in road.catalog.current()]),
            ("link", ["link__persons"]),
            ("mart", mart_names(road.catalog)),
            ("ind", ["ind__counts", "ind__values", "ind__rebased"]),
            *stages,
        ]
        for stage, tables in order:
            road.advance(stage, tables, period)
        return Computed(road, period)

    return compute

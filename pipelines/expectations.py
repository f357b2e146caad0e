"""The figures a scenario of the demo promises, compared with a release.

Put here: comparing. Keep out: scenarios themselves (demo/scenario.py) and wording of the demo (demo_home.py).
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.lake.home import Home
from assets.release.publish import PROFILE, current
from data_contracts.messages import wrong
from pipelines.demo.scenario import Expected, Scenario


@dataclass(frozen=True)
class Found:
    """An expected figure and what the release says; `value` is None where it says nothing."""

    expected: Expected
    value: float | None

    @property
    def holds(self) -> bool:
        """Whether the figure lies within the stated tolerance."""
        if self.value is None:
            return False
        if self.expected.at_least:
            return self.value >= self.expected.expected
        return abs(self.value - self.expected.expected) <= self.expected.tolerance


def as_promised(scenario: Scenario, found: list[Found]) -> bool:
    """Whether exactly the figures that a twin says it misses are missed, and of another scenario none."""
    return {item.expected.id for item in found if not item.holds} == set(scenario.misses)


def latest_release(path: Path) -> Path:
    """The release in force of the latest period of a home; DefinitionError where there is none."""
    home = Home.open(path)
    latest = current(home)["latest"]
    if latest is None:
        raise wrong("wrong_no_release_yet", path=path)
    return home.releases / str(latest)


def compare(scenario: Scenario, release: Path) -> list[Found]:
    """Every expected figure of a scenario beside the one of a release folder."""
    return figures_of(scenario, pl.read_parquet(release / PROFILE / "tables" / "ind__values.parquet"))


def figures_of(scenario: Scenario, values: pl.DataFrame) -> list[Found]:
    """Every expected figure of a scenario beside the one of a table with the columns of ind__values."""
    return [Found(expected, _figure(values, expected)) for expected in scenario.expected]


def _figure(values: pl.DataFrame, expected: Expected) -> float | None:
    now = _cell(values, expected, expected.period)
    if expected.change_from is None or now is None:
        return now
    before = _cell(values, expected, expected.change_from)
    return (now / before - 1) * 100 if before else None


def _cell(values: pl.DataFrame, expected: Expected, period: str) -> float | None:
    rows = values.filter(
        area_level=expected.level,
        area_id=expected.area,
        period=period,
        indicator_id=expected.indicator,
        rule_set=expected.rule_set,
        stratum=expected.stratum,
    )
    figure = rows[expected.figure].to_list()
    return float(figure[0]) if figure and figure[0] is not None else None

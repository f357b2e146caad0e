"""What true counts are made of: the rules of each rule set, one period of a city, a count with its effects.

Put here: what counting (truth), effects (truth_effects) and tables (truth_rows) share. Keep out: any count.
Rules are written out here a second time on purpose: this is the independent answer the pipeline is tested against.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.demo.city import City
from pipelines.demo.levers import Levers
from pipelines.demo.records import READINGS
from pipelines.demo.timeline import Month, Span

Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Rules:
    """The parameters of a rule set, written out independently of the pipeline's."""

    old_at_year_end: bool
    limits: tuple[int, int]
    ldl_below: int
    any_mode: bool
    any_glucose: bool
    by_days: bool
    with_exam: bool
    grace_days: int
    managed_by_exam: bool


RULES = {
    "national_2017": Rules(True, (140, 150), 26, False, False, False, True, 30, True),
    "platform_2011": Rules(False, (140, 140), 34, True, True, True, False, 90, False),
}


@dataclass(frozen=True)
class Count:
    """Numerator and denominator of an indicator per community; the effects of policies on the numerator, by policy.

    `progress`: the denominator is a year's and counts by the share of the year that has passed. `persons`: the
    numerator counts persons once in every area, and these lived in several communities over the year.
    """

    numerator: np.ndarray
    denominator: np.ndarray
    progress: bool = False
    effects: dict[str, np.ndarray] = field(default_factory=dict)
    persons: pl.DataFrame | None = None


@dataclass(frozen=True)
class Period:
    """Everything a count of one period needs: `now` the valid rows of the period, `year` those of the year so far."""

    city: City
    levers: Levers
    months: dict[int, Month]
    span: Span
    now: Tables
    year: Tables

    @property
    def places(self) -> int:
        """Number of communities."""
        return len(self.city.size)

    @property
    def last(self) -> Month:
        """The last month."""
        return self.span.months[-1]

    def tally(self, frame: pl.DataFrame) -> np.ndarray:
        """Rows per community."""
        return np.bincount(frame["community"].to_numpy(), minlength=self.places)

    def total(self, frame: pl.DataFrame, column: str) -> np.ndarray:
        """Sum of a column of whole numbers per community."""
        totals = np.zeros(self.places, dtype=np.int64)
        np.add.at(totals, frame["community"].to_numpy(), frame[column].to_numpy())
        return totals

    def changed(self, lever: str) -> list[str]:
        """Policies that change a lever."""
        return [policy for policy, touched in self.levers.touched() if touched == lever]


def at_target(rules: Rules, condition: str) -> pl.Expr:
    """Whether readings are at target; null where there are none."""
    if condition == "hypertension":
        limit = pl.when(pl.col("age_years") >= 65).then(rules.limits[1]).otherwise(rules.limits[0])
        return (pl.col("sbp_mmhg") < limit) & (pl.col("dbp_mmhg") < 90)
    if condition == "diabetes":
        return pl.col("glucose_tenths") < pl.when(pl.col("glucose_test") == "fasting").then(70).otherwise(100)
    return pl.col("ldl_tenths") < rules.ldl_below


def to_specification(rules: Rules, condition: str) -> pl.Expr:
    """Follow-ups with every reading, in a mode and of a test that counts."""
    wanted = pl.all_horizontal(pl.col(*READINGS[condition]).is_not_null())
    if condition == "diabetes" and not rules.any_glucose:
        wanted &= pl.col("glucose_test") == "fasting"
    return wanted if rules.any_mode else wanted & pl.col("visit_mode").is_in(["outpatient", "home"])


def visits_due(span: Span, rules: Rules) -> pl.Expr:
    """How many visits a patient should have had by the end of the period, four at most."""
    since = pl.max_horizontal("since", pl.lit(span.year_start))
    if rules.by_days:
        due = (span.end - since + 1) // 90
    else:
        entered = (since.cast(pl.Int32).cast(pl.Date).dt.month() - 1) // 3
        due = span.months[-1].of_year // 3 - entered.cast(pl.Int64)
    return pl.min_horizontal(due, pl.lit(4))

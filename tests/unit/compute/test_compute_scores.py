"""Policy scores and the risk index of a home: what settings say reaches the engine and comes back as rows."""

import shutil
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist
from typing import Any

import polars as pl
import pytest
import yaml

from assets.compute import cells
from assets.compute.risk import risk_index
from assets.compute.scores import score_tables
from assets.lake import parts
from data_contracts.periods import Period
from data_contracts.settings.loading import REGISTRY

NOW = "2025Q3"
RULES = ("platform_2011", "national_2017")
PEOPLE = {"c1": 3000, "c2": 1000, "c3": 500}
POLICIES = """
classes:
  service:
    titles: {zh: x, en: x}
    reference: x
    weights: {health_outcome: 30, service_process: 50, policy_effectiveness: 20}
grades: {good: {titles: {zh: x, en: x}, from_score: 80}, poor: {titles: {zh: x, en: x}, from_score: 0}}
policies:
  htn_management: &policy
    titles: {zh: x, en: x}
    policy_class: service
    target_group: {zh: x, en: x}
    document: x
    valid_from: "2017-02-28"
    owner: {zh: x, en: x}
    indicators:
      health_outcome: [{indicator: chronic_hypertension_control_pct, weight: 100, low: 20, high: 80}]
      service_process: [{indicator: chronic_hypertension_followup_pct, weight: 100, low: 20, high: 95}]
      policy_effectiveness: [{indicator: fund_execution_against_time_pct, weight: 100, low: 50, high: 100}]
  other:
    <<: *policy
    areas: {community: [c1, c2]}
"""


@pytest.fixture
def city(workshop: Any) -> Any:
    workshop.write_settings("policies", POLICIES)
    demo = Path(__file__).parents[3] / "pipelines" / "demo" / "settings"
    shutil.copy(demo / "risk.yaml", workshop.home.settings)
    workshop.put_tree(NOW, {area: ["t1", "k1", "s1"] for area in PEOPLE})
    _values(workshop, {"c1": 50.0, "c2": 80.0, "c3": None})
    return workshop


def _scores(city: Any, table: str = "score__policies") -> pl.DataFrame:
    return score_tables(city.home, city.settings, city.catalog, Period.parse(NOW))[table]


def _values(workshop: Any, control: dict[str, float | None]) -> None:
    others = {
        "chronic_hypertension_followup_pct": 95.0,
        "fund_execution_against_time_pct": 50.0,
        "population_aged_65_plus_pct": 20.0,
    }
    rows = [
        {
            "area_level": "community",
            "area_id": area,
            "indicator_id": indicator,
            "rule_set": rules,
            "stratum": "all",
            "value": value,
        }
        for area, control_value in control.items()
        for indicator, value in {**others, "chronic_hypertension_control_pct": control_value}.items()
        for rules in RULES
    ]
    full = [{**row, "method": "x", "status": "no_data" if row["value"] is None else "ok"} for row in rows]
    workshop.put_rows("ind__values", NOW, full)
    _own_values(workshop, {"htn_management": 100.0, "other": 75.0})


def _own_values(workshop: Any, execution: dict[str, float]) -> None:
    """Spending against time of single policies; the figure of all policies together is another one."""
    rows = [
        {
            "area_level": "community",
            "area_id": area,
            "policy_id": policy,
            "indicator_id": "fund_execution_against_time_pct",
            "rule_set": rules,
            "value": value,
            "method": "x",
            "status": "ok",
        }
        for area in PEOPLE
        for policy, value in execution.items()
        for rules in RULES
    ]
    workshop.put_rows("ind__policies", NOW, rows)


def test_score_is_the_weighted_mean_of_its_dimensions(city: Any) -> None:
    scores = _scores(city).filter(policy_id="htn_management", rule_set=RULES[1])
    table = {(area, d): value for area, d, value in scores.select("area_id", "dimension", "value").iter_rows()}
    # control 50 lies half way between its goalposts 20 and 80; the service class weighs 30, 50, 20
    assert table["c1", "health_outcome"] == 50.0
    assert table["c1", "total"] == pytest.approx(0.3 * 50 + 0.5 * 100 + 0.2 * 100)
    assert table["c2", "total"] == 100.0
    # c3 lacks a whole dimension: the rest weighs 0.7, and that is no total
    lacking = scores.filter(area_id="c3", dimension="total").row(0, named=True)
    assert lacking["coverage"] == pytest.approx(0.7)
    assert (lacking["value"], lacking["grade"], lacking["status"]) == (None, None, "no_data")


def test_a_score_names_the_figures_in_it_that_come_without_limits(city: Any) -> None:
    rows = parts.read_table(city.home, "ind__values", [NOW])
    assert rows is not None
    limits = pl.col("indicator_id").str.starts_with("chronic") & (pl.col("area_id") != "c2")
    city.put("ind__values", NOW, rows.with_columns(
        pl.when(limits).then(pl.col("value") + by).alias(name) for name, by in (("lower", -8.0), ("upper", 3.0))
    ))  # fmt: skip
    found = _scores(city).filter(policy_id="other", rule_set=RULES[1])
    named = {(area, d): names for area, d, names in found.select("area_id", "dimension", "without_limits").iter_rows()}
    control, followed, spent = ("chronic_hypertension_control_pct", "chronic_hypertension_followup_pct",
                                "fund_execution_against_time_pct")  # fmt: skip
    assert (named["c1", "health_outcome"], named["c1", "policy_effectiveness"]) == (None, spent)
    assert named["c1", "total"] == spent
    assert set(str(named["c2", "total"]).split(", ")) == {control, followed, spent}
    # Its limits are those of two of three figures; no error of the score is read from them.
    total = found.filter(dimension="total")
    assert total["upper"].is_not_null().any()
    assert cells.errors(total, 4, 0.95) == {}


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_limits_of_a_score_hold_the_same_whatever_those_of_its_figures_hold(city: Any, level: float) -> None:
    registry = yaml.safe_load((REGISTRY / "indicators.yaml").read_text(encoding="utf-8"))
    name = "chronic_hypertension_control_pct"
    city.write_settings("indicators", yaml.safe_dump({name: {**registry[name], "confidence": level}}))
    rows = parts.read_table(city.home, "ind__values", [NOW])
    assert rows is not None
    half = 3.0 * NormalDist().inv_cdf(0.5 + level / 2)
    own = pl.col("indicator_id") == name
    city.put("ind__values", NOW, rows.with_columns(
        pl.when(own).then(pl.col("value") + half * way).alias(side) for side, way in (("lower", -1), ("upper", 1))
    ))  # fmt: skip
    found = _scores(city).filter(policy_id="other", rule_set=RULES[1], dimension="health_outcome", area_id="c1")
    # 60 percentage points between the goalposts are 100 points.
    assert cells.errors(found, 3, 0.95) == {"c1": Decimal("5.000")}


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        # control weighs 30, follow-up 50: what most of the missing weight lacks is the reason
        (("small_denominator", "small_denominator"), "small_denominator"),
        (("no_data", "small_denominator"), "small_denominator"),
        (("small_denominator", "no_data"), "no_data"),
        (("not_due", None), "not_due"),
    ],
)
def test_a_score_that_is_missing_says_why(city: Any, why: tuple[str, str | None], expected: str) -> None:
    indicators = ("chronic_hypertension_control_pct", "chronic_hypertension_followup_pct")
    gone = {key: status for key, status in zip(indicators, why, strict=True) if status}
    status = pl.col("indicator_id").replace_strict(gone, default=None, return_dtype=pl.String)
    hit = (pl.col("area_id") == "c1") & status.is_not_null()
    values = parts.read_table(city.home, "ind__values", [NOW])
    assert values is not None
    city.put(
        "ind__values",
        NOW,
        values.with_columns(
            pl.when(hit).then(None).otherwise("value").alias("value"),
            pl.when(hit).then(status).otherwise("status").alias("status"),
        ),
    )
    scores = _scores(city).filter(policy_id="htn_management", area_id="c1", rule_set=RULES[0])
    found = dict(scores.select("dimension", "status").rows())
    assert found["total"] == expected
    assert (found["health_outcome"], found["service_process"]) == (why[0], why[1] or "ok")
    assert found["policy_effectiveness"] == "ok"


def _score(city: Any, policy: str, area: str, dimension: str) -> float | None:
    scores = _scores(city)
    row = scores.filter(policy_id=policy, rule_set=RULES[0], area_id=area, dimension=dimension)
    value: float | None = row["value"].item()
    return value


def test_a_policy_is_judged_by_its_own_money(city: Any) -> None:
    # 75 lies half way between 50 and 100; the 50 of all policies together would give no points at all
    assert _score(city, "other", "c1", "policy_effectiveness") == 50.0
    assert _score(city, "htn_management", "c1", "policy_effectiveness") == 100.0
    _own_values(city, {"htn_management": 100.0})
    assert _score(city, "other", "c1", "policy_effectiveness") is None


def test_a_policy_is_scored_only_where_it_holds(city: Any) -> None:
    scores = _scores(city)
    assert set(scores.filter(policy_id="other")["area_id"]) == {"c1", "c2"}
    assert set(scores.filter(policy_id="htn_management")["area_id"]) == {"c1", "c2", "c3"}


def test_points_weights_and_values_behind_a_score_give_the_score(city: Any) -> None:
    points = _scores(city, "score__indicators").filter(policy_id="htn_management", area_id="c1", rule_set=RULES[0])
    found = {
        dimension: (value, score) for dimension, value, score in points.select("dimension", "value", "points").rows()
    }
    assert found["health_outcome"] == (50.0, 50.0)
    assert found["policy_effectiveness"] == (100.0, 100.0)
    shares = {"health_outcome": 0.3, "service_process": 0.5, "policy_effectiveness": 0.2}
    total = sum(score * shares[dimension] for dimension, (_, score) in found.items())
    assert _score(city, "htn_management", "c1", "total") == pytest.approx(total)


def test_goalposts_of_a_figure_that_accrues_are_in_step_with_the_year(city: Any) -> None:
    accruing = POLICIES.replace("low: 20, high: 80}", "low: 0, high: 80, accrues: true}", 1)
    city.write_settings("policies", accruing)
    # at the end of the third quarter 50 of a year's 80 is 50 of 60
    assert _score(city, "htn_management", "c1", "health_outcome") == pytest.approx(50 / 60 * 100, abs=1e-6)
    city.write_settings("policies", accruing.replace(", accrues: true", ""))
    assert _score(city, "htn_management", "c1", "health_outcome") == 62.5


@pytest.mark.parametrize(
    ("first", "last", "scored"),
    [
        ("2025-09-30", None, True),
        ("2025-10-01", None, False),
        ("2017-02-28", "2025-09-29", False),
        ("2017-02-28", "2025-09-30", True),
    ],
)
def test_a_policy_is_scored_if_it_is_in_force_at_the_end_of_the_period(
    city: Any, first: str, last: str | None, scored: bool
) -> None:
    days = f'valid_from: "{first}"' + (f'\n    valid_to: "{last}"' if last else "")
    city.write_settings("policies", POLICIES.replace('valid_from: "2017-02-28"', days))
    found = set(_scores(city)["policy_id"])
    assert found == ({"htn_management", "other"} if scored else set())


def test_risk_without_enough_weight_has_no_value(city: Any) -> None:
    risk = risk_index(city.home, city.settings, Period.parse(NOW)).filter(component="total")
    # only the share of 65+ is known: 40 of 100 points of weight, below the minimum of 0.6
    assert risk["value"].to_list() == [None] * 6
    assert set(risk["status"]) == {"no_data"}

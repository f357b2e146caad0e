"""Changes that look too large: like with like, percentage points or percent, single years and many."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.compute.plausibility import implausible_changes, worst_changes
from data_contracts.periods import Period

COST, CONTROL = "cost_per_managed_patient", "chronic_hypertension_control_pct"
RULES = "national_2017"


@pytest.fixture
def years(workshop: Any) -> Any:
    """A home whose calendar begins six years back."""
    path = workshop.home.path / "home.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("first: 2024Q1", "first: 2020Q1"), encoding="utf-8")
    return workshop


def _row(indicator: str, value: float, **more: Any) -> dict[str, Any]:
    return {
        "area_level": "city",
        "area_id": "city",
        "indicator_id": indicator,
        "rule_set": RULES,
        "stratum": "all",
        "value": value,
        "denominator": Decimal(1000),
        "method": "x",
        "status": "ok",
        **more,
    }


def _found(workshop: Any, period: str) -> pl.DataFrame:
    return implausible_changes(workshop.home, workshop.settings, Period.parse(period))


@pytest.mark.parametrize(
    ("indicator", "then", "now", "change"),
    [
        (COST, 100.0, 110.0, None),
        (COST, 100.0, 110.01, 10.01),
        (COST, 100.0, 90.0, None),
        (COST, 100.0, 89.99, -10.01),
        (CONTROL, 60.0, 75.0, None),
        (CONTROL, 60.0, 75.01, 15.01),
        (CONTROL, 60.0, 45.0, None),
        (CONTROL, 60.0, 44.99, -15.01),
        (COST, 0.0, 50.0, None),
        ("welfare_recipients_pct", 10.0, 90.0, None),
    ],
)
def test_a_change_beyond_the_limit_of_one_year_is_found(
    workshop: Any, indicator: str, then: float, now: float, change: float | None
) -> None:
    workshop.put_rows("ind__values", "2024Q3", [_row(indicator, then)])
    workshop.put_rows("ind__values", "2025Q3", [_row(indicator, now)])
    found = _found(workshop, "2025Q3").select(
        "indicator_id", "years", "from_period", "from_value", "to_value", "change"
    )
    assert found.rows() == ([] if change is None else [(indicator, 1, "2024Q3", then, now, change)])


def test_only_the_same_period_of_a_year_is_compared(workshop: Any) -> None:
    for period, value in (("2024Q4", 400.0), ("2025Q1", 100.0), ("2024Q1", 100.0)):
        workshop.put_rows("ind__values", period, [_row(COST, value)])
    assert _found(workshop, "2025Q1").is_empty()


def test_twelve_percent_less_a_year_for_five_years_is_found_over_every_span(years: Any) -> None:
    """Cost falls by 12 % a year; 0.88 ** 4 - 1 = -40.03 %, 0.88 ** 5 - 1 = -47.23 %."""
    for step in range(6):
        years.put_rows("ind__values", f"{2020 + step}Q4", [_row(COST, round(1000 * 0.88**step, 2))])
    found = _found(years, "2025Q4").sort("years")
    assert found["change"].to_list() == pytest.approx([-12.0, -22.56, -31.85, -40.03, -47.23], abs=0.01)
    assert found["limit"].to_list() == [10.0, 14.14, 17.32, 20.0, 22.36]
    assert set(found["unit"]) == {"percent"}
    assert worst_changes(found)["years"].to_list() == [5]


def test_a_change_that_no_rule_set_makes_different_is_said_once(workshop: Any) -> None:
    other = "platform_2011"
    for period, cost, mine, its in (("2024Q3", 100.0, 50.0, 50.0), ("2025Q3", 300.0, 80.0, 81.0)):
        rows = [_row(COST, cost), _row(COST, cost, rule_set=other), _row(CONTROL, mine)]
        workshop.put_rows("ind__values", period, [*rows, _row(CONTROL, its, rule_set=other)])
    said = worst_changes(_found(workshop, "2025Q3")).select("indicator_id", "rule_sets", "change").rows()
    assert said == [
        (CONTROL, [RULES], 30.0),
        (CONTROL, [other], 31.0),
        (COST, [RULES, other], 200.0),
    ]


def test_small_steps_in_one_direction_are_found_in_the_end_but_not_to_and_fro(years: Any) -> None:
    for step, (slow, wave) in enumerate(zip((60, 67, 74, 81, 88, 95), (60, 67, 60, 67, 60, 67), strict=True)):
        rows = [_row(CONTROL, slow), _row("chronic_diabetes_control_pct", wave)]
        years.put_rows("ind__values", f"{2020 + step}Q4", rows)
    found = _found(years, "2025Q4")
    # Seven points a year: 7 ≤ 15, 14 ≤ 21.21, 21 ≤ 25.98, 28 ≤ 30, but 35 > 33.54.
    assert found.select("indicator_id", "years", "change", "limit", "unit").rows() == [
        (CONTROL, 5, 35.0, 33.54, "percentage_points")
    ]


def test_small_areas_unstable_values_and_strata_give_no_alarm(workshop: Any) -> None:
    quiet = [
        _row(COST, 100.0, area_level="township", area_id="t1"),
        _row(COST, 100.0, area_level="community", area_id="c1"),
        _row(COST, 100.0, stratum="age=65+"),
        _row(COST, 100.0, status="unstable", rule_set="platform_2011"),
    ]
    loud = [_row(COST, 100.0, area_level="county", area_id="k1")]
    for period, factor in (("2024Q3", 1), ("2025Q3", 3)):
        rows = [{**row, "value": row["value"] * factor} for row in [*quiet, *loud]]
        workshop.put_rows("ind__values", period, rows)
    assert _found(workshop, "2025Q3").select("area_level", "area_id").rows() == [("county", "k1")]


def test_an_area_made_of_others_then_is_compared_on_its_own_areas(workshop: Any) -> None:
    workshop.put_rows("ind__values", "2024Q3", [_row(COST, 10.0, area_level="county", area_id="k1")])
    workshop.put_rows("ind__values", "2025Q3", [_row(COST, 100.0, area_level="county", area_id="k1")])
    rebased = _row(COST, 99.0, area_level="county", area_id="k1")
    table = [{**rebased, "geography": "2025Q3", "period": "2024Q3"}]
    workshop.put_rows("ind__rebased", "2025Q3", table)
    assert _found(workshop, "2025Q3").is_empty()


def test_a_home_of_one_year_has_nothing_to_compare(workshop: Any) -> None:
    workshop.put_rows("ind__values", "2024Q3", [_row(COST, 10.0)])
    assert _found(workshop, "2024Q3").is_empty()


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        ({"lower": 20.0, "upper": 40.0}, {"lower": 40.0, "upper": 60.0}, 0),
        ({"lower": 20.0, "upper": 40.0}, {"lower": 40.01, "upper": 60.0}, 1),
        ({"lower": 60.01, "upper": 80.0}, {"lower": 40.0, "upper": 60.0}, 1),
        ({"lower": 60.0, "upper": 80.0}, {"lower": 40.0, "upper": 60.0}, 0),
        ({"denominator": Decimal(999)}, {}, 0),
        ({}, {"denominator": Decimal(999)}, 0),
        ({}, {}, 1),
        # With an interval the number of cases is in it already.
        (
            {"lower": 20.0, "upper": 40.0, "denominator": Decimal(50)},
            {"lower": 41.0, "upper": 60.0, "denominator": Decimal(50)},
            1,
        ),
    ],
)
def test_what_chance_may_do_is_no_alarm(workshop: Any, then: dict[str, Any], now: dict[str, Any], found: int) -> None:
    workshop.put_rows("ind__values", "2024Q3", [_row(CONTROL, 30.0, **then)])
    workshop.put_rows("ind__values", "2025Q3", [_row(CONTROL, 50.0, **now)])
    assert _found(workshop, "2025Q3").height == found

"""Indicator values from counts: exact numerators and denominators, who has a value, reference areas, surveys."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.compute.indicators import _times, indicator_values, value_inputs
from assets.compute.marts import build_mart
from data_contracts.closed import DefinitionError
from data_contracts.periods import Period

NOW = "2025Q3"
TREE = {"c1": ("t1", "k1", "city"), "c2": ("t1", "k1", "city"), "c3": ("t2", "k2", "city")}
RULES = ("national_2017", "platform_2011")


def _count(workshop: Any, rows: list[tuple[str, str, str, str]], strata: tuple[str, ...] = ("all",)) -> None:
    workshop.put_rows(
        "ind__counts",
        NOW,
        [
            {
                "area_level": level,
                "area_id": area,
                "measure_id": measure,
                "rule_set": r,
                "stratum": s,
                "value": Decimal(value),
            }
            for level, area, measure, value in rows
            for r in RULES
            for s in strata
        ],
    )


def _values(workshop: Any, indicator: str, *columns: str, **only: str) -> list[tuple[Any, ...]]:
    frame = indicator_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    return frame.filter(indicator_id=indicator, rule_set=RULES[0], **only).sort("area_id").select(columns).rows()


def _define(workshop: Any, indicator_id: str, body: str) -> None:
    words = (
        "titles: {zh: x, en: x}, definition: {zh: x, en: x}, numerator_words: {zh: x, en: x}, "
        "denominator_words: {zh: x, en: x}, unit: {zh: x, en: x}, owner: {zh: x, en: x}, reference: x, "
        "direction: neutral, chain: context"
    )
    workshop.write_settings("indicators", f"{indicator_id}: {{{words}, {body}}}")


def test_thresholds_decide_at_their_boundary(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    body = (
        "kind: proportion, numerator: spending, denominator: budget, window: in_period, multiplier: 100, "
        "minimum_denominator: 10, unstable_below: 5"
    )
    _define(workshop, "share", body)
    cells = {"c1": ("5", "10"), "c2": ("4", "10"), "c3": ("5", "9")}
    rows = [
        ("community", area, m, v)
        for area, pair in cells.items()
        for m, v in zip(("spending", "budget"), pair, strict=True)
    ]
    _count(
        workshop,
        [
            *rows,
            ("township", "t1", "spending", "0"),
            ("township", "t1", "budget", "0"),
            ("city", "city", "budget", "9"),
        ],
    )
    shown = _values(workshop, "share", "area_id", "value", "method", "status")
    assert shown == [
        ("c1", 50.0, "wilson", "ok"),
        ("c2", 40.0, "wilson", "unstable"),
        ("c3", None, "none", "small_denominator"),
        ("city", None, "none", "no_data"),
        ("k1", None, "none", "no_data"),
        ("k2", None, "none", "no_data"),
        ("t1", None, "none", "no_denominator"),
        ("t2", None, "none", "no_data"),
    ]


def test_what_means_nothing_at_the_lowest_level_has_counts_but_no_value_there(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    cells = [("community", "c1", "2"), ("community", "c2", "0"), ("township", "t1", "2"), ("city", "city", "2")]
    _count(
        workshop,
        [(level, area, "general_practitioners", posts) for level, area, posts in cells]
        + [(level, area, "population", "10000") for level, area, _ in cells],
    )
    columns = ("area_id", "numerator", "denominator", "value", "method", "status")
    found = {row[0]: row[1:] for row in _values(workshop, "general_practitioners_per_10k", *columns)}
    assert found["c1"] == (Decimal(2), Decimal(10000), None, "none", "not_applicable")
    assert found["c2"] == (Decimal(0), Decimal(10000), None, "none", "not_applicable")
    assert found["c3"] == (None, None, None, "none", "not_applicable")
    assert found["t1"] == (Decimal(2), Decimal(10000), 2.0, "ratio", "ok")
    assert found["t2"][2:] == (None, "none", "no_data")
    assert found["city"][2] == 2.0
    archived = {row[0]: row[1] for row in _values(workshop, "archive_coverage_pct", "area_id", "status")}
    assert archived["c1"] == "no_data"


def test_budget_is_held_against_elapsed_time_exactly(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    _count(workshop, [("city", "city", "spending", "75"), ("city", "city", "budget", "100")])
    shown = _values(workshop, "fund_execution_against_time_pct", "numerator", "denominator", "value", area_id="city")
    assert shown == [(Decimal(75), Decimal(75), 100.0)]


@given(value=st.integers(-(10**15), 10**15), quarter=st.integers(1, 12))
def test_time_factor_rounds_half_up_at_the_sixth_digit(value: int, quarter: int) -> None:
    exact = Fraction(value, 10**6) * Fraction(quarter, 12) * 10**6
    magnitude = int(abs(exact) + Fraction(1, 2))
    (found,) = _times(pl.Series("d", [Decimal(value).scaleb(-6)], dtype=pl.Decimal(38, 6)), Fraction(quarter, 12))
    assert found == Decimal(magnitude if exact >= 0 else -magnitude).scaleb(-6)


def test_not_due_and_annualised(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    _count(workshop, [("city", "city", "spending", "50"), ("city", "city", "budget", "1000")])
    body = "kind: rate, numerator: spending, denominator: budget, window: in_period, multiplier: 1000"
    _define(workshop, "yearly", f"{body}, annualised: true")
    assert _values(workshop, "yearly", "value", "method", area_id="city") == [(200.0, "byar")]
    _define(workshop, "yearly", f"{body}, due: [2, 4]")
    assert _values(workshop, "yearly", "value", "status", area_id="city") == [(None, "not_due")]


def test_relative_ratio_takes_the_reference_area_each_area_lies_in(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    body = (
        "kind: derived, function: relative_ratio, reference_level: county, numerator: spending, denominator: budget, "
        "window: at_end, digits: 4"
    )
    _define(workshop, "relative", body)
    cells = {
        ("community", "c1"): (30, 10),
        ("county", "k1"): (40, 20),
        ("community", "c3"): (5, 10),
        ("county", "k2"): (0, 10),
        ("city", "city"): (45, 30),
    }
    _count(
        workshop,
        [
            (level, area, m, str(v))
            for (level, area), pair in cells.items()
            for m, v in zip(("spending", "budget"), pair, strict=True)
        ],
    )
    shown = {
        area: (value, status) for area, value, status in _values(workshop, "relative", "area_id", "value", "status")
    }
    assert shown["c1"] == (1.5, "ok")
    assert shown["k1"] == (1.0, "ok")
    assert shown["c3"] == (None, "no_denominator")
    assert shown["city"] == (None, "no_denominator")
    assert shown["c2"] == (None, "no_data")


def test_strata_need_both_sides(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    _define(workshop, "share", "kind: proportion, numerator: spending, denominator: budget, window: in_period")
    _count(workshop, [("city", "city", "spending", "1"), ("city", "city", "budget", "2")], strata=("all", "sex=F"))
    strata = _values(workshop, "share", "stratum", "value", area_id="city")
    assert strata == [("all", 0.5), ("sex=F", 0.5)]


def test_survey_sums_weights_exactly_at_every_level(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    answers = [
        ("c1", "a", 5, "1.5"),
        ("c1", "b", 1, "2.25"),
        ("c2", "a", 4, "0.1"),
        ("c3", "a", None, "9"),
        ("c3", "b", 3, "0.2"),
    ]
    workshop.stage(
        "health_bureau.survey",
        NOW,
        [
            {
                "respondent_no": str(n),
                "community_id": c,
                "stratum": c,
                "psu": psu,
                "weight": Decimal(w),
                "self_rated_health": answer,
            }
            for n, (c, psu, answer, w) in enumerate(answers)
        ],
    )
    workshop.build(build_mart, "mart__health_bureau__survey", NOW)
    shown = _values(workshop, "self_rated_health_good_pct", "area_id", "numerator", "denominator", "value")
    sums = {area: (numerator, denominator, value) for area, numerator, denominator, value in shown}
    assert sums["c1"] == (Decimal("1.5"), Decimal("3.75"), 40.0)
    assert sums["c3"] == (Decimal(0), Decimal("0.2"), 0.0)
    assert sums["city"] == (Decimal("1.6"), Decimal("4.05"), 39.51)
    assert sums["t1"] == sums["k1"] == (Decimal("1.6"), Decimal("3.85"), 41.56)


def test_survey_design_with_a_wrong_column_is_named(workshop: Any) -> None:
    workshop.put_tree(NOW, TREE)
    workshop.stage(
        "health_bureau.survey", NOW, [{"respondent_no": "1", "community_id": "c1", "event_date": date(2025, 7, 1)}]
    )
    workshop.build(build_mart, "mart__health_bureau__survey", NOW)
    columns = "stratum: stratum, psu: psu, weight: wieght, success: 'true', valid: 'true'"
    design = f"{{mart: mart__health_bureau__survey, {columns}}}"
    _define(workshop, "odd", f"kind: survey, window: in_period, survey: {design}")
    with pytest.raises(DefinitionError, match="odd: survey: mart__health_bureau__survey: no column 'wieght'"):
        indicator_values(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))


def test_values_depend_on_counts_tree_and_surveys(workshop: Any) -> None:
    inputs = value_inputs(workshop.settings, workshop.catalog, Period.parse(NOW))
    assert inputs == [("ind__counts", NOW), ("mart__area_closure", NOW), ("mart__health_bureau__survey", NOW)]

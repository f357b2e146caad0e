"""Intervals, survey estimates and status: worked numbers, boundaries, what is missing stays missing."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import exp, sqrt
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.intervals import poisson, proportion_with_interval, ratio, relative_ratio, wilson
from evaluations.status import status_of
from evaluations.survey import survey_proportion


def test_wilson_worked_numbers() -> None:
    found = wilson(pl.DataFrame({"o": [65, 1045], "n": [100, 5000]}), "o", "n")
    assert found["lower"].to_list() == pytest.approx([0.552544, 0.197955], abs=1e-6)
    assert found["upper"].to_list() == pytest.approx([0.736358, 0.220491], abs=1e-6)


def test_the_method_changes_at_ten_events() -> None:
    found = poisson(pl.DataFrame({"o": [9, 10, 11]}), "o")
    assert found["method"].to_list() == ["exact_poisson", "byar", "byar"]
    assert found["lower"][1] == pytest.approx(4.78745, abs=1e-5)
    assert found["upper"][1] == pytest.approx(18.39146, abs=1e-5)


def test_no_events_still_has_an_upper_limit() -> None:
    found = poisson(pl.DataFrame({"o": [0]}), "o").row(0, named=True)
    assert found["lower"] == 0
    assert found["upper"] == pytest.approx(3.688879, abs=1e-6)


def test_missing_and_zero_denominators_have_no_value() -> None:
    frame = pl.DataFrame({"o": [None, 3, 3], "n": [5, 0, None]}, schema={"o": pl.Int64, "n": pl.Int64})
    found = proportion_with_interval(frame, "o", "n", 100)
    assert found.select("value", "lower", "upper").null_count().row(0) == (3, 3, 3)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_value(part: int, rest: int) -> None:
    found = proportion_with_interval(pl.DataFrame({"o": [part], "n": [part + rest]}), "o", "n", 100).row(0, named=True)
    assert 0 <= found["lower"] <= found["value"] + 1e-9
    assert found["value"] - 1e-9 <= found["upper"] <= 100


def test_the_reference_area_has_relative_ratio_one() -> None:
    frame = pl.DataFrame({"o": [30.0, 60.0], "n": [10.0, 40.0]})
    found = relative_ratio(frame, "o", "n", (90.0, 50.0), 1)
    assert found["value"].to_list() == pytest.approx([3 / 1.8, 1.5 / 1.8])


def test_a_reference_area_without_denominator_gives_no_relative_ratio() -> None:
    found = relative_ratio(pl.DataFrame({"o": [30.0], "n": [10.0]}), "o", "n", (90.0, 0.0), 1)
    assert found["value"].to_list() == [None]


def test_more_cases_than_people_have_a_value_but_no_interval():
    """Archives may exceed residents: 9 of 10 and 10 of 10 are shares, 11 of 10 is none."""
    frame = pl.DataFrame({"o": [9, 10, 11], "n": [10, 10, 10]})
    found = proportion_with_interval(frame, "o", "n", 100)
    assert found["value"].to_list() == [90.0, 100.0, pytest.approx(110.0)]
    assert found["method"].to_list() == ["wilson", "wilson", "none"]
    assert found["lower"].is_null().to_list() == found["upper"].is_null().to_list() == [False, False, True]


@pytest.mark.parametrize(("confidence", "upper"), [(0.95, 3.688879), (0.998, 6.907755)])
def test_a_higher_confidence_gives_wider_limits(confidence: float, upper: float) -> None:
    assert poisson(pl.DataFrame({"o": [0]}), "o", confidence)["upper"].item() == pytest.approx(upper, abs=1e-6)


def test_a_missing_count_has_no_limits() -> None:
    frame = pl.DataFrame({"o": [None, 12]}, schema={"o": pl.Int64})
    assert poisson(frame, "o").select("lower", "upper").row(0) == (None, None)


def test_decimal_counts_are_taken_as_they_come() -> None:
    frame = pl.DataFrame({"o": ["65.000000"], "n": ["100.000000"]}).cast(pl.Decimal(38, 6))
    found = proportion_with_interval(frame, "o", "n", 100).row(0, named=True)
    assert found["value"] == pytest.approx(65.0, abs=1e-12)
    assert (found["lower"], found["upper"]) == pytest.approx((55.25444, 73.63576), abs=1e-4)


def test_a_ratio_has_no_interval() -> None:
    found = ratio(pl.DataFrame({"o": [-25], "n": [100]}), "o", "n", 100).row(0, named=True)
    assert (found["value"], found["lower"], found["method"]) == (-25.0, None, "ratio")


def _answers() -> pl.DataFrame:
    strata = {
        ("A", "10"): {"1": [1, 0, 1], "2": [1, 1, 1], "3": [0, 0, 1]},
        ("B", "25"): {"4": [0, 0, 1], "5": [0, 1, 0], "6": [0, 0, 0]},
    }
    rows = [
        ("x", stratum, psu, Decimal(weight), bool(answer))
        for (stratum, weight), units in strata.items()
        for psu, answers in units.items()
        for answer in answers
    ]
    schema = {"g": pl.String, "s": pl.String, "p": pl.String, "w": pl.Decimal(20, 4), "y": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_survey_worked_numbers() -> None:
    found = survey_proportion(_answers(), ["g"], stratum="s", psu="p", weight="w", success="y").row(0, named=True)
    assert found["numerator"] == Decimal(110)
    assert found["denominator"] == Decimal(315)
    assert found["value"] == pytest.approx(0.349206, abs=1e-6)
    assert found["standard_error"] == pytest.approx(0.096552, abs=1e-6)
    assert found["degrees_of_freedom"] == 4
    assert 18 / found["effective_n"] == pytest.approx(1.1837, abs=1e-4)
    assert found["method"] == "taylor_logit"


def test_survey_interval_is_a_logit_interval_with_four_degrees_of_freedom() -> None:
    found = survey_proportion(_answers(), ["g"], stratum="s", psu="p", weight="w", success="y").row(0, named=True)
    value, error, quantile = 22 / 63, found["standard_error"], 2.7764451051978
    step = quantile * error / (value * (1 - value))
    for limit, sign in (("lower", -1), ("upper", 1)):
        odds = value / (1 - value) * exp(sign * step)
        assert found[limit] == pytest.approx(odds / (1 + odds), abs=1e-9)


@st.composite
def _samples(draw: st.DrawFn) -> pl.DataFrame:
    rows = [
        (group, f"{group}{stratum}", f"{group}{stratum}{unit}", draw(_weight), draw(st.booleans()))
        for group in "xy"
        for stratum in range(draw(st.integers(1, 3)))
        for unit in range(draw(st.integers(1, 3)))
        for _ in range(draw(st.integers(1, 4)))
    ]
    return pl.DataFrame(rows, schema=_answers().schema, orient="row")


_weight = st.integers(1, 99_999).map(lambda tenths: Decimal(tenths) / 1000)


def _by_hand(rows: list[tuple[str, str, str, Decimal, bool]]) -> tuple[Decimal, Decimal, float, int]:
    """Sums, standard error and degrees of freedom in exact fractions, straight from the definition."""
    top, whole = sum(row[3] for row in rows if row[4]), sum(row[3] for row in rows)
    value = Fraction(top) / Fraction(whole)
    units: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for _, stratum, unit, weight, answer in rows:
        units[stratum][unit] += Fraction(weight) * ((1 if answer else 0) - value) / Fraction(whole)
    variance = Fraction(0)
    for residuals in units.values():
        n, mean = len(residuals), sum(residuals.values()) / len(residuals)
        if n > 1:
            variance += Fraction(n, n - 1) * sum((residual - mean) ** 2 for residual in residuals.values())
    freedom = sum(len(residuals) for residuals in units.values()) - len(units)
    return Decimal(top), Decimal(whole), sqrt(variance), freedom


@settings(max_examples=60, deadline=None)
@given(_samples(), st.randoms(use_true_random=False))
def test_survey_agrees_with_the_definition_in_any_order_of_rows(frame: pl.DataFrame, random: Random) -> None:
    names = {"stratum": "s", "psu": "p", "weight": "w", "success": "y"}
    found = survey_proportion(frame, ["g"], **names)
    order = list(range(len(frame)))
    random.shuffle(order)
    assert survey_proportion(frame[order], ["g"], **names).equals(found)
    assert found["g"].to_list() == ["x", "y"]
    for row in found.iter_rows(named=True):
        top, whole, error, freedom = _by_hand(frame.filter(g=row["g"]).rows())
        assert (row["numerator"], row["denominator"]) == (top, whole)
        assert row["standard_error"] == pytest.approx(error, abs=1e-9)
        assert row["degrees_of_freedom"] == freedom
        assert 0 <= row["lower"] <= row["value"] + 1e-9
        assert row["value"] - 1e-9 <= row["upper"] <= 1


def test_a_stratum_with_one_unit_is_told_in_the_method() -> None:
    frame = _answers().filter(~pl.col("p").is_in(["5", "6"]))
    found = survey_proportion(frame, ["g"], stratum="s", psu="p", weight="w", success="y").row(0, named=True)
    assert (found["method"], found["degrees_of_freedom"]) == ("taylor_logit_lonely_units", 2)


def test_units_that_do_not_differ_are_not_taken_for_certainty() -> None:
    rows = [
        ("x", "s", f"unit {unit}", Decimal(weight), answer == 0)
        for unit, weight in enumerate(["0.1", "0.3", "0.7"])
        for answer in range(3)
    ]
    frame = pl.DataFrame(rows, schema=_answers().schema, orient="row")
    found = survey_proportion(frame, ["g"], stratum="s", psu="p", weight="w", success="y").row(0, named=True)
    assert found["method"] == "wilson_effective_n"
    assert found["lower"] < 0.2 < 0.5 < found["upper"]


def test_one_unit_in_all_leaves_the_interval_of_the_effective_number() -> None:
    frame = _answers().filter(p="1")
    found = survey_proportion(frame, ["g"], stratum="s", psu="p", weight="w", success="y").row(0, named=True)
    plain = wilson(pl.DataFrame({"o": [2], "n": [3]}), "o", "n").row(0, named=True)
    assert (found["method"], found["degrees_of_freedom"]) == ("wilson_effective_n", 0)
    assert (found["lower"], found["upper"]) == pytest.approx((plain["lower"], plain["upper"]), abs=1e-12)


def test_survey_falls_back_where_the_design_gives_no_error() -> None:
    frame = _answers().with_columns(pl.lit(value=True).alias("y"))
    found = survey_proportion(frame, ["g"], stratum="s", psu="p", weight="w", success="y").row(0, named=True)
    assert found["method"] == "wilson_effective_n"
    assert found["lower"] < 1


@pytest.mark.parametrize(
    ("numerator", "denominator", "status"),
    [
        (None, 5, "no_data"),
        (3, None, "no_data"),
        (0, 0, "no_denominator"),
        (5, 29, "small_denominator"),
        (19, 30, "unstable"),
        (20, 30, "ok"),
        (21, 31, "ok"),
        (-19, 30, "unstable"),
        (-20, 30, "ok"),
        (5, -1, "no_denominator"),
    ],
)
def test_one_reason_wins(numerator: int | None, denominator: int | None, status: str) -> None:
    frame = pl.DataFrame({"o": [numerator], "n": [denominator]}, schema={"o": pl.Int64, "n": pl.Int64})
    assert frame.select(status_of("o", "n", minimum_denominator=30, unstable_below=20)).item() == status


def test_not_due_wins_over_everything() -> None:
    frame = pl.DataFrame({"o": [1], "n": [0]})
    assert frame.select(status_of("o", "n", minimum_denominator=0, unstable_below=0, due=False)).item() == "not_due"

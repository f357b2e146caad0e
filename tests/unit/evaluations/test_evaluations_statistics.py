"""Intervals, survey estimates and status: worked numbers, boundaries, what is missing stays missing."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
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


def test_survey_order_of_rows_does_not_matter() -> None:
    frame = _answers()
    first = survey_proportion(frame, ["g"], stratum="s", psu="p", weight="w", success="y")
    assert survey_proportion(frame.reverse(), ["g"], stratum="s", psu="p", weight="w", success="y").equals(first)


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
    ],
)
def test_one_reason_wins(numerator: int | None, denominator: int | None, status: str) -> None:
    frame = pl.DataFrame({"o": [numerator], "n": [denominator]}, schema={"o": pl.Int64, "n": pl.Int64})
    assert frame.select(status_of("o", "n", minimum_denominator=30, unstable_below=20)).item() == status


def test_not_due_wins_over_everything() -> None:
    frame = pl.DataFrame({"o": [1], "n": [0]})
    assert frame.select(status_of("o", "n", minimum_denominator=0, unstable_below=0, due=False)).item() == "not_due"

"""Scores and the risk index: goalposts, missing parts, grades at their edges, contributions that sum."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.composite import TOTAL, graded, normalised, policy_score, risk_index

GRADES = [("excellent", 90.0), ("good", 80.0), ("fair", 60.0), ("poor", 0.0)]


def _values(rows: list[tuple[str, str, float | None]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"area": pl.String, "indicator": pl.String, "value": pl.Float64}, orient="row")
    return frame.with_columns((pl.col("value") - 2).alias("lower"), (pl.col("value") + 2).alias("upper"))


INDICATORS = pl.DataFrame(
    {
        "indicator": ["a", "b", "c"],
        "dimension": ["health_outcome", "service_process", "policy_effectiveness"],
        "weight": [100.0, 100.0, 100.0],
        "low": [0.0, 0.0, 0.0],
        "high": [100.0, 100.0, 100.0],
    }
)


def _dimensions(outcome: float, process: float, effectiveness: float) -> pl.DataFrame:
    names = ["health_outcome", "service_process", "policy_effectiveness"]
    return pl.DataFrame({"dimension": names, "weight": [outcome, process, effectiveness]})


@pytest.mark.parametrize(
    ("weights", "expected"), [((50.0, 30.0, 20.0), 74.30), ((30.0, 50.0, 20.0), 76.90), ((30.0, 30.0, 40.0), 72.70)]
)
def test_three_dimensions_by_class_of_policy(weights: tuple[float, float, float], expected: float) -> None:
    values = _values([("x", "a", 72.0), ("x", "b", 85.0), ("x", "c", 64.0)])
    found = policy_score(values, INDICATORS, _dimensions(*weights), ["area"], 0.6, GRADES)
    total = found.filter(dimension=TOTAL).row(0, named=True)
    assert total["value"] == pytest.approx(expected, abs=1e-9)
    assert total["grade"] == "fair"
    assert total["lower"] < total["value"] < total["upper"]


@pytest.mark.parametrize(("missing", "status"), [(["c"], "ok"), (["b", "c"], "no_data")])
def test_missing_parts_are_weighed_up_until_too_little_is_left(missing: list[str], status: str) -> None:
    rows = [("x", name, None if name in missing else 70.0) for name in "abc"]
    one = INDICATORS.with_columns(
        pl.lit("health_outcome").alias("dimension"), pl.Series("weight", [50.0, 30.0, 20.0], dtype=pl.Float64)
    )
    found = policy_score(_values(rows), one, _dimensions(100, 0, 0).head(1), ["area"], 0.6, GRADES)
    for dimension in ("health_outcome", TOTAL):
        row = found.filter(dimension=dimension).row(0, named=True)
        assert row["status"] == status
        assert row["value"] == (70.0 if status == "ok" else None)


@pytest.mark.parametrize(
    ("weights", "missing", "total"),
    [
        # the smallest of three weighs a fifth, far less than what the minimum coverage of 0.1 would forgive
        ((50.0, 30.0, 20.0), "c", None),
        ((99.0, 0.5, 0.5), "c", None),
        ((50.0, 30.0, 20.0), "", 70.0),
        # a dimension without weight is not asked for
        ((70.0, 30.0, 0.0), "c", 70.0),
    ],
)
def test_without_a_whole_dimension_there_is_no_total_and_no_grade(
    weights: tuple[float, float, float], missing: str, total: float | None
) -> None:
    rows = [("x", name, None if name in missing else 70.0) for name in "abc"]
    rows += [("y", name, 70.0) for name in "abc"]
    found = policy_score(_values(rows), INDICATORS, _dimensions(*weights), ["area"], 0.1, GRADES)
    x, y = (found.filter(dimension=TOTAL, area=area).row(0, named=True) for area in "xy")
    assert (x["value"], x["grade"], x["lower"] is None) == (total, "fair" if total else None, total is None)
    assert x["status"] == ("ok" if total else "no_data")
    assert (y["value"], y["grade"]) == (70.0, "fair")
    assert found.filter(dimension="health_outcome", area="x")["value"].item() == 70.0


@pytest.mark.parametrize(
    ("score", "grade"),
    [(59.99, "poor"), (60.0, "fair"), (79.99, "fair"), (80.0, "good"), (89.99, "good"), (90.0, "excellent")],
)
def test_grades_at_their_edges(score: float, grade: str) -> None:
    assert pl.select(graded(pl.lit(score), GRADES)).item() == grade


@pytest.mark.parametrize(("value", "points"), [(-5.0, 0.0), (20.0, 0.0), (50.0, 50.0), (80.0, 100.0), (95.0, 100.0)])
def test_goalposts_clip(value: float, points: float) -> None:
    assert pl.select(normalised(pl.lit(value), pl.lit(20.0), pl.lit(80.0))).item() == points
    assert pl.select(normalised(pl.lit(value), pl.lit(80.0), pl.lit(20.0))).item() == 100 - points


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 50), st.booleans()), min_size=1, max_size=6))
def test_contributions_sum_to_the_index(parts: list[tuple[float, float, bool]]) -> None:
    names = [f"c{at}" for at in range(len(parts))]
    components = pl.DataFrame(
        {
            "component": names,
            "weight": [w for _, w, _ in parts],
            "low": [0.0] * len(parts),
            "high": [100.0] * len(parts),
        }
    )
    values = pl.DataFrame(
        {"area": ["x"] * len(parts), "component": names, "value": [v if there else None for v, _, there in parts]},
        schema={"area": pl.String, "component": pl.String, "value": pl.Float64},
    ).with_columns(pl.col("value").alias("lower"), pl.col("value").alias("upper"))
    found = risk_index(values, components, ["area"], 0.5)
    total = found.filter(component=TOTAL)["value"][0]
    shares = found.filter(pl.col("component") != TOTAL)["contribution"]
    if total is None:
        assert shares.null_count() == len(shares)
    else:
        there = [share for share in shares if share is not None]
        assert len(there) == sum(known for _, _, known in parts)
        assert sum(round(share * 10**6) for share in there) == round(total * 10**6)
        assert all(share >= 0 for share in there)
        assert 0 <= total <= 100
        exact = sum(Fraction(v) * Fraction(w) for v, w, there in parts if there)
        assert total == pytest.approx(float(exact / sum(Fraction(w) for _, w, there in parts if there)), abs=1e-6)


def test_rounding_differences_go_to_the_largest_contribution() -> None:
    components = pl.DataFrame(
        {"component": ["a", "b", "c"], "weight": [1.0, 1.0, 1.0], "low": [0.0] * 3, "high": [100.0] * 3}
    )
    values = _values([("x", "a", 10.0), ("x", "b", 10.0), ("x", "c", 50.0)]).rename({"indicator": "component"})
    found = risk_index(values, components, ["area"], 1.0)
    assert found.select("component", "contribution").rows() == [
        ("a", 3.333333),
        ("b", 3.333333),
        ("c", 16.666667),
        (TOTAL, 23.333333),
    ]


def test_the_index_turns_goalposts_into_risk_and_tells_the_value_before() -> None:
    components = pl.DataFrame(
        {"component": ["aged", "income"], "weight": [60.0, 40.0], "low": [5.0, 9.0], "high": [35.0, 1.0]}
    )
    values = _values([("x", "aged", 20.0), ("x", "income", 3.0)]).rename({"indicator": "component"})
    found = risk_index(values, components, ["area"], 0.6)
    assert found.select("component", "raw_value", "value", "weight", "contribution").rows() == [
        ("aged", 20.0, 50.0, 60.0, 30.0),
        ("income", 3.0, 75.0, 40.0, 30.0),
        (TOTAL, None, 60.0, 100.0, 60.0),
    ]
    # Independent errors of 2/30 and 2/8 of the way between the goalposts, times the weights.
    spread = ((0.6 * 2 / 30) ** 2 + (0.4 * 2 / 8) ** 2) ** 0.5 * 100
    total = found.filter(component=TOTAL).row(0, named=True)
    assert total["lower"] == pytest.approx(60 - spread, abs=1e-6)
    assert total["upper"] == pytest.approx(60 + spread, abs=1e-6)


def test_weights_are_found_by_name_whatever_the_order() -> None:
    components = pl.DataFrame(
        {"component": ["a", "b", "c"], "weight": [50.0, 30.0, 20.0], "low": [0.0] * 3, "high": [100.0] * 3}
    )
    values = _values([("x", "a", 72.0), ("x", "b", 85.0), ("x", "c", 64.0), ("x", "not_in_the_index", 1.0)])
    values = values.rename({"indicator": "component"})
    found = risk_index(values, components, ["area"], 0.6)
    assert found.filter(component=TOTAL)["value"].item() == pytest.approx(74.3, abs=1e-9)
    assert risk_index(values.reverse(), components.reverse(), ["area"], 0.6).equals(found)


@pytest.mark.parametrize(("minimum", "status"), [(0.69, "ok"), (0.7, "ok"), (0.71, "no_data")])
def test_coverage_at_its_edge(minimum: float, status: str) -> None:
    components = pl.DataFrame(
        {"component": ["a", "b", "c"], "weight": [40.0, 30.0, 30.0], "low": [0.0] * 3, "high": [100.0] * 3}
    )
    values = _values([("x", "a", 50.0), ("x", "b", 50.0), ("x", "c", None)]).rename({"indicator": "component"})
    total = risk_index(values, components, ["area"], minimum).filter(component=TOTAL).row(0, named=True)
    assert total["status"] == status
    assert total["value"] == (50.0 if status == "ok" else None)


def test_the_total_counts_what_its_dimensions_lack() -> None:
    indicators = pl.DataFrame(
        {
            "indicator": ["a", "b", "c"],
            "dimension": ["health_outcome", "service_process", "service_process"],
            "weight": [100.0, 50.0, 50.0],
            "low": [0.0] * 3,
            "high": [100.0] * 3,
        }
    )
    dimensions = pl.DataFrame({"dimension": ["health_outcome", "service_process"], "weight": [50.0, 50.0]})
    values = _values([("x", "a", 80.0), ("x", "b", 60.0), ("x", "c", None)])
    found = policy_score(values, indicators, dimensions, ["area"], 0.5, GRADES)
    coverage = dict(found.select("dimension", "coverage").iter_rows())
    assert coverage == {"health_outcome": 1.0, "service_process": 0.5, TOTAL: 0.75}
    assert found.filter(dimension=TOTAL)["value"].item() == 70.0
    # Asked for more, the half-known dimension has no score and half of the weight is left.
    strict = policy_score(values, indicators, dimensions, ["area"], 0.6, GRADES)
    assert strict.filter(dimension="service_process")["status"].item() == "no_data"
    assert strict.filter(dimension=TOTAL).select("value", "coverage", "grade", "status").row(0) == (
        None,
        0.5,
        None,
        "no_data",
    )


def test_an_area_without_any_value_has_rows_without_values() -> None:
    values = _values([("x", "a", None), ("y", "a", 70.0), ("y", "b", 70.0), ("y", "c", 70.0)])
    found = policy_score(values, INDICATORS, _dimensions(50, 30, 20), ["area"], 0.6, GRADES)
    assert found.filter(area="x").select("value", "lower", "grade", "coverage", "status").unique().rows() == [
        (None, None, None, 0.0, "no_data")
    ]
    assert found.filter(area="y", dimension=TOTAL).select("value", "grade").row(0) == (70.0, "fair")

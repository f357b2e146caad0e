"""Scores and the risk index: goalposts, missing parts, grades at their edges, contributions that sum."""

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
    found = policy_score(_values(rows), INDICATORS, _dimensions(50, 30, 20), ["area"], 0.6, GRADES)
    total = found.filter(dimension=TOTAL).row(0, named=True)
    assert total["status"] == status
    assert total["value"] == (70.0 if status == "ok" else None)


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
        assert shares.sum() == pytest.approx(total, abs=2e-6)
        assert 0 <= total <= 100

"""Intervals against the tables that the national public-health statistics package is tested with."""

import os
from pathlib import Path

import polars as pl
import pytest

from evaluations.intervals import proportion_with_interval, rate_with_interval

CASES = os.environ.get("KANGHENG_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="KANGHENG_CASES is not set: published cases are not compared")
_METHODS = {"Exact": "exact_poisson", "Byars": "byar", "Wilson": "wilson"}


def _case(name: str) -> pl.DataFrame:
    path = Path(str(CASES)) / "phe-wilson-byars-rates-proportions" / name
    return pl.read_csv(path, schema_overrides={"Numerator": pl.Float64, "Denominator": pl.Float64})


def _agree(ours: pl.DataFrame, theirs: pl.DataFrame, columns: dict[str, str]) -> None:
    for mine, printed in columns.items():
        expected = theirs[printed].to_list()
        for found, wanted in zip(ours[mine].to_list(), expected, strict=True):
            if wanted is None:
                # The package drops a negative Byar limit; we publish it only where a value stands.
                assert found is None or found <= 0
            else:
                assert found == pytest.approx(wanted, rel=1e-10), (mine, printed)


@pytest.mark.parametrize(("confidence", "tag"), [(0.95, "95_0"), (0.998, "99_8")])
def test_wilson(confidence: float, tag: str) -> None:
    table = _case("proportion.csv")
    ours = proportion_with_interval(table.select("Numerator", "Denominator"), "Numerator", "Denominator", 1, confidence)
    factor = table["multiplier"].cast(pl.Float64)
    scaled = ours.with_columns(pl.col("value", "lower", "upper") * factor)
    _agree(scaled, table, {"value": "value", "lower": f"lower{tag}cl", "upper": f"upper{tag}cl"})


@pytest.mark.parametrize(("confidence", "tag"), [(0.95, "95_0"), (0.998, "99_8")])
def test_byar_and_exact(confidence: float, tag: str) -> None:
    table = _case("rate.csv")
    ours = rate_with_interval(table.select("Numerator", "Denominator"), "Numerator", "Denominator", 1, confidence)
    factor = table["multiplier"].cast(pl.Float64)
    scaled = ours.with_columns(pl.col("value", "lower", "upper") * factor)
    _agree(scaled, table, {"value": "value", "lower": f"lower{tag}cl", "upper": f"upper{tag}cl"})
    printed = table.filter(pl.col("value").is_not_null())
    methods = ours.filter(table["value"].is_not_null())["method"].to_list()
    assert methods == [_METHODS[name] for name in printed["method"]]

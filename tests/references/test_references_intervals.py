"""Intervals against the tables that the national public-health statistics package is tested with."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evaluations.intervals import BYAR_FROM, poisson, proportion_with_interval, rate_with_interval, wilson

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
                assert found is None, (mine, printed)
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


@pytest.mark.parametrize(("confidence", "tag"), [(0.95, "95%"), (0.998, "99.8%")])
def test_limits_of_counts_and_of_fractional_proportions(confidence: float, tag: str) -> None:
    path = Path(str(CASES)) / "phe-wilson-byars-rates-proportions" / "byars_wilson_raw.csv"
    table = pl.read_csv(path).filter(confidence=tag)
    # Below ten events we give exact limits; the package's raw function has Byar's there.
    counts = table.filter(pl.col("method") == "Byars", pl.col("x") >= BYAR_FROM)
    _agree(poisson(counts, "x", confidence), counts, {"lower": "lowercl", "upper": "uppercl"})
    shares = table.filter(method="Wilson")
    _agree(wilson(shares, "x", "n", confidence), shares, {"lower": "lowercl", "upper": "uppercl"})
    assert not counts.is_empty()
    assert not shares.is_empty()


@pytest.mark.parametrize(
    ("name", "function"),
    [("proportion_grouped.csv", proportion_with_interval), ("rate_grouped.csv", rate_with_interval)],
)
def test_areas_put_together(name: str, function: Callable[..., pl.DataFrame]) -> None:
    table = _case(name)
    multiplier = table["multiplier"][0]
    assert table["multiplier"].unique().to_list() == [multiplier]
    ours = function(table.select("Numerator", "Denominator"), "Numerator", "Denominator", multiplier)
    _agree(ours, table, {"value": "value", "lower": "lowercl", "upper": "uppercl"})

"""Composite scores and the risk index: goalposts, weights, what to do with missing parts, error propagation.

Put here: normalising and aggregating. Keep out: weights and goalposts (settings) and area names.
"""

import polars as pl

DIGITS = 6
TOTAL = "total"


def normalised(value: pl.Expr, low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """Points from 0 at `low` to 100 at `high`, clipped; `low` may lie above `high`."""
    return ((value - low) / (high - low) * 100).clip(0, 100)


def weighted_parts(values: pl.DataFrame, parts: pl.DataFrame, groups: list[str], part: str) -> pl.DataFrame:
    """Every part of every group with its points: `points`, `half_width` (in points, null without interval), `known`.

    `values`: groups, `part`, value, lower, upper (value null where it cannot be given). `parts`: `part`, weight, low,
    high and any further columns. A group lacks a part where it has no value; `known` is then 0, otherwise 1. An area
    that has none of the parts still has its rows.
    """
    keys = values.select(*groups).unique(maintain_order=True)
    grid = keys.join(parts, how="cross").join(values, on=[*groups, part], how="left", maintain_order="left")
    low, high = pl.col("low"), pl.col("high")
    return grid.with_columns(
        normalised(pl.col("value"), low, high).alias("points"),
        ((pl.col("upper") - pl.col("lower")) / 2 / (high - low).abs() * 100).alias("half_width"),
        pl.col("value").is_not_null().cast(pl.Float64).alias("known"),
    ).sort(*groups, part)


def aggregate(parts: pl.DataFrame, groups: list[str], minimum_coverage: float) -> pl.DataFrame:
    """Weighted mean of the parts of each group: groups, value, lower, upper, coverage, status.

    Missing parts are left out and the weights of the others scaled up; `coverage` is the share of weight present (a
    part that was itself put together counts as far as it is `known`), and below `minimum_coverage` there is no value.
    The interval adds the errors of the parts as if independent; parts without an interval count as exact. Rounded to 6
    digits.
    """
    there = pl.col("points").is_not_null()
    weight = pl.when(there).then(pl.col("weight")).otherwise(0.0)
    found = parts.group_by(*groups, maintain_order=True).agg(
        (weight * pl.col("points").fill_null(0.0)).sum().alias("sum"),
        weight.sum().alias("present"),
        ((weight * pl.col("known")).sum() / pl.col("weight").sum()).round(DIGITS).alias("coverage"),
        ((weight * pl.col("half_width").fill_null(0.0)) ** 2).sum().sqrt().alias("spread"),
        (there & pl.col("half_width").is_not_null()).any().alias("has_interval"),
    )
    enough = (pl.col("coverage") >= minimum_coverage) & (pl.col("present") > 0)
    value, spread = pl.col("sum") / pl.col("present"), pl.col("spread") / pl.col("present")
    shown = pl.when(enough & pl.col("has_interval"))
    return found.select(
        *groups,
        pl.when(enough).then(value.round(DIGITS)).otherwise(None).alias("value"),
        shown.then((value - spread).clip(0, 100).round(DIGITS)).otherwise(None).alias("lower"),
        shown.then((value + spread).clip(0, 100).round(DIGITS)).otherwise(None).alias("upper"),
        "coverage",
        pl.when(enough).then(pl.lit("ok")).otherwise(pl.lit("no_data")).alias("status"),
    )


def graded(score: pl.Expr, grades: list[tuple[str, float]]) -> pl.Expr:
    """The first grade whose threshold the score reaches, from the highest; null without a score."""
    grade = pl.lit(None, dtype=pl.String)
    for name, threshold in sorted(grades, key=lambda item: item[1]):
        grade = pl.when(score >= threshold).then(pl.lit(name)).otherwise(grade)
    return grade


def policy_score(
    values: pl.DataFrame,
    indicators: pl.DataFrame,
    dimensions: pl.DataFrame,
    groups: list[str],
    minimum_coverage: float,
    grades: list[tuple[str, float]],
) -> pl.DataFrame:
    """Scores of one policy: a row per group and dimension and one for the total.

    Within a dimension missing indicators are weighed up as `aggregate` says; a whole dimension is not: where one that
    has a weight has no value, there is no total and no grade.

    `values`: groups, indicator, value, lower, upper. `indicators`: indicator, dimension, weight, low, high.
    `dimensions`: dimension, weight. Columns: groups, dimension, value, lower, upper, weight, coverage, grade, status.
    """
    parts = weighted_parts(values, indicators, groups, "indicator")
    weights = dimensions.with_columns(pl.col("weight").cast(pl.Float64))
    by_dimension = aggregate(parts, [*groups, "dimension"], minimum_coverage).join(
        weights, on="dimension", how="left", maintain_order="left"
    )
    rows = by_dimension.with_columns(
        pl.col("value").alias("points"),
        ((pl.col("upper") - pl.col("lower")) / 2).alias("half_width"),
        pl.col("coverage").alias("known"),
    )
    lacking = rows.filter(pl.col("value").is_null(), pl.col("weight") > 0).select(groups).unique()
    total = _without_value(aggregate(rows, groups, minimum_coverage), lacking, groups).with_columns(
        pl.lit(TOTAL).alias("dimension"), pl.lit(float(dimensions["weight"].sum())).alias("weight")
    )
    grade = pl.when(pl.col("dimension") == TOTAL).then(graded(pl.col("value"), grades)).otherwise(None)
    columns = [*groups, "dimension", "value", "lower", "upper", "weight", "coverage", "status"]
    return (
        pl.concat([by_dimension.select(columns), total.select(columns)])
        .with_columns(grade.alias("grade"))
        .sort(*groups, "dimension")
    )


def _without_value(found: pl.DataFrame, lacking: pl.DataFrame, groups: list[str]) -> pl.DataFrame:
    """`found` with the value taken from the groups of `lacking`."""
    marked = found.join(lacking.with_columns(pl.lit(value=True).alias("lacking")), on=groups, how="left").with_columns(
        pl.col("lacking").fill_null(value=False)
    )
    return marked.with_columns(
        *(pl.when("lacking").then(None).otherwise(name).alias(name) for name in ("value", "lower", "upper")),
        pl.when("lacking").then(pl.lit("no_data")).otherwise("status").alias("status"),
    ).drop("lacking")


def risk_index(
    values: pl.DataFrame, components: pl.DataFrame, groups: list[str], minimum_coverage: float
) -> pl.DataFrame:
    """The index and its parts: a row per group and component and one for the total.

    `values`: groups, component, value, lower, upper. `components`: component, weight, low, high.
    Columns: groups, component, raw_value, value (points), weight, contribution, lower, upper, status. The
    contributions sum to the total exactly: rounding differences go to the largest contribution.
    """
    parts = weighted_parts(values, components, groups, "component")
    total = aggregate(parts, groups, minimum_coverage)
    present = pl.when(pl.col("points").is_not_null()).then(pl.col("weight")).otherwise(0.0).sum().over(groups)
    rows = parts.join(
        total.select(*groups, pl.col("value").alias("index"), pl.col("status").alias("index_status")),
        on=groups,
        maintain_order="left",
    ).with_columns((pl.col("weight") * pl.col("points") / present).round(DIGITS).alias("contribution"))
    rows = rows.with_columns(
        pl.when(pl.col("index").is_null()).then(None).otherwise(pl.col("contribution")).alias("contribution")
    )
    there = pl.col("contribution").is_not_null()
    largest = (
        pl.struct(pl.col("contribution").fill_null(-1.0), pl.col("component"))
        .rank("ordinal", descending=True)
        .over(groups)
        == 1
    )
    residual = (pl.col("index") - pl.col("contribution").sum().over(groups)).round(DIGITS)
    rows = rows.with_columns(
        pl.when(largest & there)
        .then((pl.col("contribution") + residual).round(DIGITS))
        .otherwise(pl.col("contribution"))
        .alias("contribution")
    )
    own = rows.select(
        *groups,
        "component",
        pl.col("value").alias("raw_value"),
        pl.col("points").round(DIGITS).alias("value"),
        "weight",
        "contribution",
        pl.lit(None, dtype=pl.Float64).alias("lower"),
        pl.lit(None, dtype=pl.Float64).alias("upper"),
        pl.when(pl.col("points").is_null()).then(pl.lit("no_data")).otherwise(pl.lit("ok")).alias("status"),
    )
    whole = total.select(
        *groups,
        pl.lit(TOTAL).alias("component"),
        pl.lit(None, dtype=pl.Float64).alias("raw_value"),
        "value",
        pl.lit(float(components["weight"].sum())).alias("weight"),
        pl.col("value").alias("contribution"),
        "lower",
        "upper",
        "status",
    )
    return pl.concat([own, whole]).sort(*groups, "component")

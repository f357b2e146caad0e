"""Policy scores: settings and indicator values given to the scoring function, rows of its two tables back.

Put here: the shape of score__policies and score__indicators. Keep out: the arithmetic (evaluations), which policies
are judged by which values (policies.py).
"""

from collections.abc import Callable

import polars as pl

from assets.compute.policies import PolicyInForce, judged_policies
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings import PolicyDocument, Settings
from data_contracts.tables import output_tables
from evaluations.composite import DIGITS, TOTAL, policy_score, weighted_parts

_TABLE = "score__policies"
_PARTS = "score__indicators"
_GROUPS = ["area_level", "area_id", "rule_set"]
_METHOD = "weighted_mean_of_goalposts"


def policy_scores(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of score__policies for one period: every policy in force × area × rule set × dimension and total."""

    def scored(item: PolicyInForce, document: PolicyDocument) -> pl.DataFrame:
        return _scored(item, document, period).with_columns(pl.lit(_METHOD).alias("method"))

    return _rows(_TABLE, home, settings, catalog, period, scored)


def indicator_points(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of score__indicators for one period: every indicator behind a score with its value, points and weight."""

    def pointed(item: PolicyInForce, document: PolicyDocument) -> pl.DataFrame:
        del document
        return _pointed(item, _weights(item, period)).with_columns(pl.col("indicator").alias("indicator_id"))

    return _rows(_PARTS, home, settings, catalog, period, pointed)


def read_values(home: Home, period: Period) -> pl.DataFrame | None:
    """Indicator values of whole areas in force, or None where there are none."""
    values = parts.read_table(home, "ind__values", [period.key])
    return None if values is None else values.filter(pl.col("stratum") == "all")


def _rows(
    name: str,
    home: Home,
    settings: Settings,
    catalog: Catalog,
    period: Period,
    judge: Callable[[PolicyInForce, PolicyDocument], pl.DataFrame],
) -> pl.DataFrame:
    table, document = output_tables()[name], settings.policy_document
    if document is None:
        return table.empty()
    found = [
        judge(item, document).with_columns(pl.lit(item.policy_id).alias("policy_id"))
        for item in judged_policies(home, settings, catalog, period)
        if item.values.height
    ]
    if not found:
        return table.empty()
    rows = pl.concat(found).with_columns(pl.lit(period.key).alias("period"))
    return gate(table_schema(table), table.shape(rows))


def _given(item: PolicyInForce) -> pl.DataFrame:
    return item.values.select(*_GROUPS, pl.col("indicator_id").alias("indicator"), "value", "lower", "upper")


def _pointed(item: PolicyInForce, weights: pl.DataFrame) -> pl.DataFrame:
    """Every indicator behind a score in every area, with its points and the status of its value."""
    found = weighted_parts(_given(item), weights, _GROUPS, "indicator")
    status = item.values.select(*_GROUPS, pl.col("indicator_id").alias("indicator"), "status")
    return found.join(status, on=[*_GROUPS, "indicator"], how="left", maintain_order="left").with_columns(
        pl.col("points").round(DIGITS), pl.col("status").fill_null("no_data")
    )


def _weights(item: PolicyInForce, period: Period) -> pl.DataFrame:
    """Indicators with dimension, weight and goalposts; goalposts of a whole year count as far as the year has gone."""
    elapsed = period.time_progress
    used = []
    for dimension, weighted in sorted(item.policy.indicators.items()):
        for part in weighted:
            share = float(elapsed) if part.accrues else 1.0
            used.append(
                (part.indicator, dimension, float(part.weight), float(part.low) * share, float(part.high) * share)
            )
    return pl.DataFrame(used, schema=["indicator", "dimension", "weight", "low", "high"], orient="row")


def _scored(item: PolicyInForce, document: PolicyDocument, period: Period) -> pl.DataFrame:
    weights = document.classes[item.policy.policy_class].weights
    indicators = _weights(item, period)
    dimensions = pl.DataFrame(
        {"dimension": sorted(weights), "weight": [float(weights[dimension]) for dimension in sorted(weights)]}
    ).filter(pl.col("dimension").is_in(indicators["dimension"].unique().to_list()))
    grades = [(grade_id, float(grade.from_score)) for grade_id, grade in sorted(document.grades.items())]
    found = policy_score(_given(item), indicators, dimensions, _GROUPS, float(item.policy.minimum_coverage), grades)
    return _with_reasons(found, _pointed(item, indicators), dimensions)


def _with_reasons(scores: pl.DataFrame, pointed: pl.DataFrame, dimensions: pl.DataFrame) -> pl.DataFrame:
    """Scores without value get the status that most of the weight they lack has: say, small denominators.

    A total looks at the dimensions that have no score, or, where each has one, at whatever is missing.
    """
    key = [*_GROUPS, "dimension"]
    state = scores.select(*key, pl.col("value").is_null().alias("is_missing"))
    lacking = (
        pointed.filter(pl.col("points").is_null())
        .join(dimensions.select("dimension", pl.col("weight").alias("of_dimension")), on="dimension")
        .join(state, on=key)
        .with_columns((pl.col("weight") * pl.col("of_dimension")).alias("lost"))
    )
    decisive = pl.col("is_missing") | ~pl.col("is_missing").any().over(_GROUPS)
    totals = lacking.filter(decisive).with_columns(pl.lit(TOTAL).alias("dimension"))
    reasons = (
        pl.concat([lacking, totals])
        .group_by(*key, "status")
        .agg(pl.col("lost").sum())
        .sort(*key, "lost", "status", descending=[*(False for _ in key), True, False])
        .unique(key, keep="first", maintain_order=True)
        .select(*key, pl.col("status").alias("reason"))
    )
    return (
        scores.join(reasons, on=key, how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("value").is_null()).then(pl.coalesce("reason", "status")).otherwise("status").alias("status")
        )
        .drop("reason")
    )

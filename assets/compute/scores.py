"""Policy scores: every policy in force judged by the index engine, rows of the score tables back.

Put here: the shape of score__policies, score__indicators, score__ranks, score__grades, score__weights and
score__sensitivity. Keep out: the arithmetic (evaluations.index), which policies are judged by which values
(policies.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from assets.compute.indexing import KEYS, judged_areas
from assets.compute.policies import PolicyInForce, judged_policies
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.index_spec.document import IndexSpec
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.counting import Indicator
from data_contracts.settings.indices import TOTAL, confident, policy_index
from data_contracts.settings.policies import PolicyDocument
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.index.judging import Judged
from evaluations.index.numeric import average_ranks_of_rows, ranks_in, rounded
from evaluations.index.uncertainty import Draws

TABLES = (
    "score__policies", "score__indicators", "score__ranks", "score__grades", "score__weights", "score__sensitivity",
)  # fmt: skip
_METHOD = "weighted_mean_of_goalposts"
_AREAS, _POLICIES = "areas", "policies"


@dataclass(frozen=True)
class _Score:
    """A policy in force, its index, and what the engine found; `leaves`: part, dimension, indicator and goalposts.

    `drawn`: area of the highest level → its total in every draw. Draws of other areas are not kept.
    """

    item: PolicyInForce
    spec: IndexSpec
    found: Judged
    leaves: pl.DataFrame
    dimensions: pl.DataFrame
    drawn: dict[tuple[str, str, str], np.ndarray[Any, np.dtype[np.float64]]]


def score_tables(home: Home, settings: Settings, catalog: Catalog, period: Period) -> dict[str, pl.DataFrame]:
    """Rows of the score tables for one period: every policy in force × area × rule set."""
    document = settings.policy_document
    judged = judged_policies(home, settings, catalog, period) if document is not None else iter(())
    found = [
        _scored(home, item, document, period, settings.levels[-1], settings.indicators)
        for item in judged
        if document is not None and item.values.height
    ]
    frames = {
        "score__policies": [_scores(score) for score in found],
        "score__indicators": [_pointed(score) for score in found],
        "score__ranks": [*(_ranks(score) for score in found), *_among_policies(found)],
        "score__grades": [_named(score, score.found.chances) for score in found],
        "score__weights": [_named(score, score.found.weights) for score in found],
        "score__sensitivity": [_named(score, score.found.effects) for score in found],
    }
    return {name: _table(name, rows, period) for name, rows in frames.items()}


def _table(name: str, rows: list[pl.DataFrame], period: Period) -> pl.DataFrame:
    table = output_tables()[name]
    if not rows:
        return table.empty()
    full = pl.concat(rows, how="vertical_relaxed").with_columns(pl.lit(period.key).alias("period"))
    return gate(table_schema(table), table.shape(full))


def _scored(
    home: Home,
    item: PolicyInForce,
    document: PolicyDocument,
    period: Period,
    top: str,
    indicators: Mapping[str, Indicator],
) -> _Score:
    spec = confident(policy_index(item.policy_id, item.policy, document, period.time_progress), indicators)
    found = judged_areas(home, period, item.values, spec)
    leaves = [
        {
            "part": f"{dimension}/{part.indicator}",
            "dimension": dimension,
            "indicator_id": part.indicator,
            "weight": float(part.weight),
            "low": float(part.low) * share,
            "high": float(part.high) * share,
        }
        for dimension, parts in sorted(item.policy.indicators.items())
        for part in parts
        for share in [float(period.time_progress) if part.accrues else 1.0]
    ]
    weights = document.classes[item.policy.policy_class].weights
    dimensions = sorted({str(leaf["dimension"]) for leaf in leaves})
    of_class = {str(name): float(weight) for name, weight in weights.items()}
    weighed = pl.DataFrame({"dimension": dimensions, "weight": [of_class.get(name, 0.0) for name in dimensions]})
    drawn = {
        key: found.draws.scores[:, at].copy()
        for at, key in enumerate(found.keys.iter_rows())
        if found.draws is not None and key[0] == top
    }
    return _Score(item, spec, replace(found, draws=None), pl.DataFrame(leaves), weighed, drawn)


def _named(score: _Score, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(score.item.policy_id).alias("policy_id"))


def _pointed(score: _Score) -> pl.DataFrame:
    """Every indicator behind a score in every area: value, points, contribution to the total, status of the value."""
    status = score.item.values.select(*KEYS, "indicator_id", "value", "status")
    lines = score.found.lines.filter(kind="indicator").select(*KEYS, "part", "contribution")
    points = score.found.parts.select(*KEYS, "part", pl.col("value").alias("points"))
    found = (
        points.join(score.leaves, on="part", maintain_order="left")
        .join(lines, on=[*KEYS, "part"], how="left", maintain_order="left")
        .join(status, on=[*KEYS, "indicator_id"], how="left", maintain_order="left")
        .with_columns(
            pl.col("status").fill_null("no_data"),
            pl.when(pl.col("points").is_not_null()).then("contribution").alias("contribution"),
        )
    )
    return _named(score, found)


def _scores(score: _Score) -> pl.DataFrame:
    """A row per area and dimension and one for the total."""
    sums = score.dimensions.select(pl.lit(TOTAL).alias("dimension"), pl.col("weight").sum())
    weights = pl.concat([score.dimensions, sums])
    grades = score.found.grades.select(*KEYS, pl.lit(TOTAL).alias("dimension"), "grade")
    rows = (
        score.found.parts.rename({"part": "dimension"})
        .join(weights, on="dimension", maintain_order="left")
        .join(grades, on=[*KEYS, "dimension"], how="left", maintain_order="left")
        .with_columns(
            # Parts are called dimension/indicator.
            pl.col("without_limits").str.replace_all(r"[^,/ ]+/", ""),
            pl.when(pl.col("value").is_null()).then(pl.lit("no_data")).otherwise(pl.lit("ok")).alias("status"),
            pl.lit(_METHOD).alias("method"),
        )
    )
    return _named(score, _with_reasons(rows, _pointed(score), score.dimensions))


def _with_reasons(scores: pl.DataFrame, pointed: pl.DataFrame, dimensions: pl.DataFrame) -> pl.DataFrame:
    """Scores without value get the status that most of the weight they lack has: say, small denominators.

    A total looks at the dimensions that have no score, or, where each has one, at whatever is missing.
    """
    key = [*KEYS, "dimension"]
    state = scores.select(*key, pl.col("value").is_null().alias("is_missing"))
    lacking = (
        pointed.filter(pl.col("points").is_null())
        .join(dimensions.select("dimension", pl.col("weight").alias("of_dimension")), on="dimension")
        .join(state, on=key)
        .with_columns((pl.col("weight") * pl.col("of_dimension")).alias("lost"))
    )
    decisive = pl.col("is_missing") | ~pl.col("is_missing").any().over(KEYS)
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


_RANKS = ["rank", "of", "median", "lower", "upper", "chance_of_top"]


def _ranks(score: _Score) -> pl.DataFrame:
    """Ranks of areas under one policy."""
    ranks = score.found.ranks.with_columns(pl.lit(_AREAS).alias("among"))
    return _named(score, ranks).select(*KEYS, "policy_id", "among", *_RANKS)


def _among_policies(scores: list[_Score]) -> list[pl.DataFrame]:
    """Ranks of policies with each other in areas of the highest level: draw by draw, of those that have a total."""
    columns: dict[tuple[str, str, str], list[tuple[str, Any, Any]]] = {}
    for score in scores:
        totals = {row[:3]: row[3] for row in score.found.parts.filter(part=TOTAL).select(*KEYS, "value").iter_rows()}
        for key, drawn in score.drawn.items():
            columns.setdefault(key, []).append((score.item.policy_id, totals[key], drawn))
    return [_ranked(key, policies, scores[0].spec) for key, policies in sorted(columns.items())]


def _ranked(key: tuple[str, str, str], policies: list[tuple[str, Any, Any]], spec: IndexSpec) -> pl.DataFrame:
    interval = spec.uncertainty.interval if spec.uncertainty else 0.9
    share = spec.uncertainty.top_share if spec.uncertainty else 0.1
    values = np.array([np.nan if value is None else value for _, value, _ in policies], dtype=float)
    table = rounded(np.column_stack([drawn for *_, drawn in policies]).ravel(), spec.digits, "half_up")
    table = table.reshape(-1, len(policies))
    known = np.isfinite(values)
    places = average_ranks_of_rows(np.where(known, -table, np.nan))
    draws = Draws(table, places.astype(np.float32), None, values)
    nominal = ranks_in(-values, known, "min")
    lower, upper = draws.interval(interval, nominal)
    top = np.full(len(policies), np.ceil(known.sum() * share - 1e-9))
    level, area, rule_set = key
    return pl.DataFrame(
        {
            "area_level": [level] * len(policies),
            "area_id": [area] * len(policies),
            "rule_set": [rule_set] * len(policies),
            "policy_id": [policy for policy, *_ in policies],
            "among": [_POLICIES] * len(policies),
            "rank": nominal,
            "of": pl.Series([int(known.sum()) if there else None for there in known], dtype=pl.Int64),
            "median": draws.quantile(0.5),
            "lower": lower,
            "upper": upper,
            "chance_of_top": np.round(draws.share_within(top), 4),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))

"""The health-risk index: the one that need follows and those shown beside it, judged by the index engine.

Put here: the shape of risk__areas, risk__compared, risk__ranks, risk__grades, risk__weights, risk__sensitivity and
risk__incentives. Keep out: the arithmetic (evaluations.index).
"""

import polars as pl

from assets.compute.indexing import KEYS, judged_areas, read_values
from assets.lake.home import Home
from data_contracts.index_spec.document import IndexSpec
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.indices import TOTAL, confident
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.index.judging import Judged

TABLES = (
    "risk__areas", "risk__compared", "risk__ranks", "risk__grades", "risk__weights", "risk__sensitivity",
    "risk__incentives",
)  # fmt: skip
_PERCENT = 100.0


def risk_tables(home: Home, settings: Settings, period: Period) -> dict[str, pl.DataFrame]:
    """Rows of the risk tables for one period; risk__areas holds the index that need follows, risk__compared others."""
    document, values = settings.risk, read_values(home, period)
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
    if document is not None and values is not None and document.valid_from <= period.end:
        for name in document.indices:
            spec = confident(settings.indices[name], settings.indicators)
            found = judged_areas(home, period, values, spec)
            main = name == document.uses
            parts = _named(name, _components(found, spec))
            rows["risk__areas" if main else "risk__compared"].append(parts)
            rows["risk__ranks"].append(_named(name, found.ranks))
            rows["risk__grades"].append(_named(name, found.chances))
            rows["risk__weights"].append(_named(name, found.weights))
            rows["risk__sensitivity"].append(_named(name, found.effects))
            rows["risk__incentives"].append(_named(name, found.incentives.rename({"part": "component"})))
    return {name: _table(name, frames, period) for name, frames in rows.items()}


def risk_index(home: Home, settings: Settings, period: Period) -> pl.DataFrame:
    """Rows of risk__areas alone."""
    return risk_tables(home, settings, period)["risk__areas"]


def _table(name: str, rows: list[pl.DataFrame], period: Period) -> pl.DataFrame:
    table = output_tables()[name]
    if not rows:
        return table.empty()
    full = pl.concat(rows).with_columns(pl.lit(period.key).alias("period"))
    return gate(table_schema(table), table.shape(full))


def _named(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(name).alias("index_id"))


def _components(found: Judged, spec: IndexSpec) -> pl.DataFrame:
    """A row per area and component with its points and contribution, and one for the total with its limits.

    What a substitute for a missing part gives, and what steps after combining add, are rows of their own, so that the
    contributions always sum to the total. Weights are percent of the whole.
    """
    weights = found.weights.unique("part", keep="first", maintain_order=True)
    shares = weights.select("part", (pl.col("overall") * _PERCENT).round(6).alias("weight"))
    root = pl.col("part") == spec.tree.id
    total = found.parts.filter(root).select(
        *KEYS,
        pl.lit(TOTAL).alias("component"),
        pl.lit(None, dtype=pl.Float64).alias("raw_value"),
        "value",
        pl.lit(_PERCENT).alias("weight"),
        pl.col("value").alias("contribution"),
        "lower",
        "upper",
        "without_limits",
    )
    lines = found.lines.join(found.parts, on=[*KEYS, "part"], how="left", maintain_order="left").join(
        shares, on="part", how="left", maintain_order="left"
    )
    own = pl.col("kind") == "indicator"
    components = lines.filter(own | pl.col("contribution").is_not_null()).select(
        *KEYS,
        pl.when(own).then("part").otherwise(pl.concat_str("part", "kind", separator=":")).alias("component"),
        pl.when(own).then(pl.col("raw").round(6)).alias("raw_value"),
        pl.when(own).then("value").alias("value"),
        pl.when(own).then("weight").otherwise(0.0).alias("weight"),
        pl.when(own & pl.col("value").is_null()).then(None).otherwise("contribution").alias("contribution"),
        pl.lit(None, dtype=pl.Float64).alias("lower"),
        pl.lit(None, dtype=pl.Float64).alias("upper"),
        pl.lit(None, dtype=pl.String).alias("without_limits"),
    )
    known = pl.col("value").is_not_null() | (pl.col("component").str.contains(":"))
    status = pl.when(known).then(pl.lit("ok")).otherwise(pl.lit("no_data"))
    method = pl.lit(f"index_{spec.tree.combine.how}")
    return pl.concat([components, total]).with_columns(status.alias("status"), method.alias("method"))

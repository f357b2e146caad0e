"""Appraisals of townships and institutions: settings and figures given to the index engine, score__appraisals back.

Put here: figures of a feed laid beside indicator values, the shape of the table. Keep out: the algorithms
(evaluations.index) and what follows from a grade (allocation).
"""

import polars as pl

from assets.compute.indexing import KEYS, judged_in, laid_out, read_values
from assets.compute.inputs import contract_in_force, current_rows, engine_limits, quoted
from assets.engine.duck import query
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.index_spec.document import IndexSpec, columns_used
from data_contracts.messages import both, did_you_mean, wrong
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.appraisals import INSTITUTION, AppraisalDocument, AppraisalFeed
from data_contracts.settings.indices import confident
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.index.judging import Judged
from evaluations.index.sheet import SheetError
from evaluations.index.widening import widened

TABLE = "score__appraisals"
# Rows of a feed are under no rule set.
_NO_RULES = "all"


def appraisal_scores(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of score__appraisals for one period: every appraisal in force × unit × rule set × part."""
    table, rows = output_tables()[TABLE], []
    for name, appraisal in sorted(settings.appraisals.items()):
        frame = _figures(home, settings, catalog, period, appraisal) if appraisal.holds(period.end) else None
        if frame is not None and frame.height:
            spec = confident(appraisal.spec, settings.indicators)
            rows.append(_published(judged_in(frame, spec), spec).with_columns(pl.lit(name).alias("appraisal_id")))
    if not rows:
        return table.empty()
    full = pl.concat(rows).with_columns(pl.lit(period.key).alias("period"))
    return gate(table_schema(table), table.shape(full))


def _figures(
    home: Home, settings: Settings, catalog: Catalog, period: Period, appraisal: AppraisalDocument
) -> pl.DataFrame | None:
    """A row per unit and rule set with the columns of the spec; None where the period has no figures."""
    spec, feed = appraisal.spec, appraisal.feed
    delivered = None if feed is None else _delivered(home, settings, catalog, period, feed, spec)
    if appraisal.of == INSTITUTION:
        if delivered is None or feed is None:
            return None
        return delivered.with_columns(
            pl.lit(INSTITUTION).alias(KEYS[0]), pl.col(feed.unit).alias("area_id"), pl.lit(_NO_RULES).alias(KEYS[2])
        )
    values = read_values(home, period)
    if values is None:
        return None
    values = values.filter(pl.col("area_level") == appraisal.of)
    theirs = set(delivered.columns) if delivered is not None else set()
    frame = laid_out(home, period, values, [name for name in columns_used(spec) if name not in theirs])
    if delivered is None or feed is None:
        return frame
    beside = delivered.select(pl.col(feed.unit).alias("area_id"), *sorted(theirs - {*KEYS, feed.unit, "is_rural"}))
    return frame.join(beside, on="area_id", how="left", maintain_order="left")


def _delivered(
    home: Home, settings: Settings, catalog: Catalog, period: Period, feed: AppraisalFeed, spec: IndexSpec
) -> pl.DataFrame | None:
    """The current rows of the feed, one per unit, every cell as text; None where it has none in the period."""
    where = f"appraisals: {spec.id}"
    if feed.key not in catalog.feeds:
        hint = did_you_mean(feed.key, list(catalog.feeds))
        raise wrong("wrong_unknown", where=where, kind=both("wrong_kind_feed"), name=feed.key, hint=hint)
    contract = contract_in_force(catalog, feed.key, period)
    tables = current_rows(home, contract, period) if contract is not None else None
    if contract is None or tables is None:
        return None
    names = [column.name for column in contract.columns if column.name]
    for column in (feed.unit, *(spec.long.values.values() if spec.long else ())):
        if column not in names:
            raise wrong("index_no_column", column=column, place=where, hint=did_you_mean(column, names))
    sql = f"select {', '.join(quoted(name) for name in names)} from {quoted(contract.table)}"  # noqa: S608
    try:
        rows = query(sql, tables, limits=engine_limits(home, settings)).sort(names)
        if spec.long is not None:
            rows = widened(rows, feed.unit, spec.long, set(columns_used(spec)))
        twice = rows.filter(pl.col(feed.unit).is_duplicated()).height
        if twice:
            raise SheetError("index_unit_twice", column=feed.unit, count=twice, row="—")
    except SheetError as error:
        raise wrong("wrong_index_data", index=spec.id, reason=error.words) from None
    return rows.filter(pl.col(feed.unit).is_not_null())


def _published(found: Judged, spec: IndexSpec) -> pl.DataFrame:
    """A row per unit and part; ranks and the grade stand with the root."""
    root = pl.lit(spec.tree.id).alias("part")
    ranks = found.ranks.select(*KEYS, root, "rank", "of", pl.col("lower").alias("rank_lower"),
                               pl.col("upper").alias("rank_upper"))  # fmt: skip
    grades = found.grades.select(*KEYS, root, "grade")
    key = [*KEYS, "part"]
    rows = found.parts.rename({"lower": "value_lower", "upper": "value_upper"})
    for other in (found.submitted, ranks, grades):
        rows = rows.join(other, on=key, how="left", maintain_order="left")
    status = pl.when(pl.col("value").is_null()).then(pl.lit("no_data")).otherwise(pl.lit("ok"))
    return rows.with_columns(
        pl.col("raw").round(6),
        status.alias("status"),
        pl.col("area_level").alias("unit_kind"),
        pl.col("area_id").alias("unit_id"),
    )

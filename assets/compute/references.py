"""References between feeds: values of one that must exist in another in force at the period, counted per rule.

Put here: the count and the records it counts, over the rows in force. Keep out: the rules (contracts), and what is
said of them (stages).
"""

import polars as pl

from assets.compute.inputs import contract_in_force, current_rows, engine_limits, quoted
from assets.engine.duck import query
from assets.lake.home import Home
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.periods import Period
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from data_contracts.vocabulary import Reference

TABLE = "quality__references"
BROKEN = {"file_id": pl.String(), "record_no": pl.Int32(), "rule": pl.String()}


def judge_references(home: Home, settings: Settings, catalog: Catalog, period: Period, first: Period) -> pl.DataFrame:
    """Rows of quality__references: every reference of every feed that has rows in `period`.

    A target that is a snapshot is looked up in its newest delivery up to `period`, any other in all its deliveries
    from `first` on. `missing` is null, and the status not_checked, where nothing of the target has ever arrived.
    """
    rows = [
        {
            "period": period.key,
            "feed": key,
            "rule_id": reference.id,
            "target": reference.feed,
            "severity": reference.severity,
            **_counted(home, settings, catalog, feed, reference, period, first),
        }
        for key in sorted(catalog.feeds)
        for feed in [contract_in_force(catalog, key, period)]
        if feed is not None and feed.extras.references and current_rows(home, feed, period) is not None
        for reference in feed.extras.references
    ]
    table = output_tables()[TABLE]
    return table.shape(pl.DataFrame(rows, schema=table.schema))


def reference_inputs(catalog: Catalog, period: Period, first: Period) -> list[tuple[str, str]]:
    """The staging tables and periods that `judge_references` may read."""
    referring = [feed for key in sorted(catalog.feeds) for feed in catalog.feeds[key] if feed.extras.references]
    targets = {item.feed for feed in referring for item in feed.extras.references} & set(catalog.feeds)
    tables = {feed.table for feed in referring} | {catalog.feeds[key][-1].table for key in targets}
    return [(table, step.key) for table in sorted(tables) for step in _steps(first, period)]


def _counted(
    home: Home,
    settings: Settings,
    catalog: Catalog,
    feed: FeedContract,
    reference: Reference,
    period: Period,
    first: Period,
) -> dict[str, object]:
    own = current_rows(home, feed, period) or {}
    filled = _filled(reference)
    counts = f"count(*) as records, count(*) filter ({filled}) as checked"
    known = known_values(home, settings, catalog, reference, period, first)
    # S608: names of a validated contract.
    if known is None:
        sql = f"select {counts}, null as missing, 'not_checked' as status from {quoted(feed.table)} t"  # noqa: S608
    else:
        own["known"] = known
        unknown = f"count(*) filter ({_unknown(reference)})"
        sql = f"""
            select {counts}, {unknown} as missing, case when {unknown} > 0 then 'broken' else 'holds' end as status
            from {quoted(feed.table)} t left join known k on {_same(reference)}
        """  # noqa: S608
    return query(sql, own, limits=engine_limits(home, settings)).row(0, named=True)


def broken_records(
    home: Home, settings: Settings, catalog: Catalog, feed: FeedContract, period: Period, first: Period
) -> pl.DataFrame:
    """The records of a feed in force in `period` that refer to what the target has not: file_id, record_no, rule.

    As many per rule as `judge_references` counts missing.
    """
    found = [pl.DataFrame(schema=BROKEN)]
    own = current_rows(home, feed, period)
    for reference in feed.extras.references if own is not None else ():
        known = known_values(home, settings, catalog, reference, period, first)
        if own is None or known is None:
            continue
        sql = f"""
            select t.file_id, t.record_no from {quoted(feed.table)} t left join known k on {_same(reference)}
            where {_unknown(reference)}
        """  # noqa: S608  (as above)
        rows = query(sql, {**own, "known": known}, limits=engine_limits(home, settings))
        ruled = rows.with_columns(pl.lit(reference.id).alias("rule"))
        found.append(ruled.select(pl.col(name).cast(kind) for name, kind in BROKEN.items()))
    return pl.concat(found)


def _filled(reference: Reference) -> str:
    return " and ".join(f"t.{quoted(name)} is not null" for name in reference.columns)


def _same(reference: Reference) -> str:
    return " and ".join(f"k.{quoted(name)} = cast(t.{quoted(name)} as varchar)" for name in reference.columns)


def _unknown(reference: Reference) -> str:
    return f"{_filled(reference)} and k.{quoted(reference.columns[0])} is null"


def known_values(
    home: Home, settings: Settings, catalog: Catalog, reference: Reference, period: Period, first: Period
) -> pl.DataFrame | None:
    """The distinct values of the target as text, under the names of the referring columns; None if it never arrived."""
    found: list[pl.DataFrame] = []
    for step in reversed(_steps(first, period)) if reference.feed in catalog.feeds else ():
        feed = contract_in_force(catalog, reference.feed, step)
        rows = current_rows(home, feed, step) if feed else None
        if feed is None or rows is None:
            continue
        pairs = zip(reference.target, reference.columns, strict=True)
        values = ", ".join(f"cast({quoted(theirs)} as varchar) as {quoted(ours)}" for theirs, ours in pairs)
        filled = " and ".join(f"{quoted(name)} is not null" for name in reference.target)
        sql = f"select distinct {values} from {quoted(feed.table)} where {filled}"  # noqa: S608
        found.append(query(sql, rows, limits=engine_limits(home, settings)))
        if feed.delivery == "snapshot":
            break
    return pl.concat(found).unique() if found else None


def _steps(first: Period, last: Period) -> list[Period]:
    steps = [last]
    while steps[0] > first:
        steps.insert(0, steps[0].shift(-1))
    return steps

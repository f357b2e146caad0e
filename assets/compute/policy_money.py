"""Money by policy in a period, from the fund ledger: what was planned, came in and was spent, area by area.

Put here: the rows of policy__money. Keep out: the register of policies (registers.py) and the allocation
(allocation.py).
"""

import polars as pl

from assets.compute.geography import placement
from assets.compute.inputs import engine_limits
from assets.compute.marts import mart_columns, mart_names
from assets.engine.duck import Table, query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

LEDGER = "mart__health_bureau__fund_ledger"
UNPLACED = "unplaced"
TOTAL = "total"
_COUNTED_FROM = "counted_from"
_UNKNOWN = "unknown"
_UNSTATED = "unstated"
_AREA = ["area_level", "area_id"]
_ENTRIES = ("budget", "appropriation", "spending")


def policy_money(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of policy__money from the fund ledger: every policy it names, in the register or not, and every area.

    Sums are exact integers. An entry that lies in no area of the lowest level is kept under the level `unplaced`, with
    the lowest level that counts it, if any does: one of an area that was split lies in what holds all its parts.
    """
    own = placement(home, settings, catalog, period, period)
    entries = _entries(home, settings, catalog, period)
    table = output_tables()["policy__money"]
    if own is None or entries is None:
        return table.empty()
    entries = entries.with_columns(pl.col("source").fill_null(_UNSTATED))
    placed = entries.join(own.closure.select("leaf_id", *_AREA), left_on="area_id", right_on="leaf_id", suffix="_of")
    lowest = own.closure.sort("level_no").group_by("leaf_id").first().rename({"area_level": _COUNTED_FROM})
    unplaced = entries.join(
        lowest.select("leaf_id", "level_no", _COUNTED_FROM), left_on="area_id", right_on="leaf_id", how="left"
    ).filter(pl.col("level_no").is_null() | (pl.col("level_no") > 0))
    rows = pl.concat(
        [
            placed.select(
                "policy_id",
                "area_level",
                pl.col("area_id_of").alias("area_id"),
                pl.lit(None, pl.String).alias(_COUNTED_FROM),
                *_amounts(entries),
            ),
            unplaced.select(
                "policy_id",
                pl.lit(UNPLACED).alias("area_level"),
                pl.col("area_id").fill_null(_UNKNOWN),
                _COUNTED_FROM,
                *_amounts(entries),
            ),
        ]
    )
    both = pl.concat([rows, rows.with_columns(pl.lit(TOTAL).alias("source"))])
    key = ["policy_id", *_AREA, _COUNTED_FROM, "source"]
    now = pl.col("period") == period.key
    sums = both.group_by(key).agg(
        pl.col("amount_fen").filter((pl.col("entry_type") == kind) & of).sum().alias(f"{kind}_{window}fen")
        for kind in _ENTRIES
        for window, of in (("", now), ("ytd_", pl.lit(value=True)))
    )
    document = settings.policy_document
    known = list(document.policies) if document else []
    rows = sums.with_columns(pl.col("policy_id").is_in(known).alias("in_register"), pl.lit(period.key).alias("period"))
    return gate(table_schema(table), table.shape(rows))


def _amounts(entries: pl.DataFrame) -> list[str]:
    return [name for name in entries.columns if name not in ("policy_id", "area_id")]


def _entries(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame | None:
    """Sums of the ledger by area, policy, source, kind and period of the year to date; None without a ledger."""
    if LEDGER not in mart_names(catalog):
        return None
    columns = mart_columns(catalog, LEDGER)
    if not {"policy_id", "entry_type", "amount_fen"} <= set(columns):
        return None
    files = parts.files_in_force(home, LEDGER, [step.key for step in period.window("year_to_date")])
    if not files:
        return None
    source = "source" if "source" in columns else "cast(null as varchar)"
    sql = (
        "select area_id, policy_id, source, entry_type, period, cast(sum(amount_fen) as bigint) as amount_fen from "  # noqa: S608
        f"(select area_id, coalesce(policy_id, '{_UNKNOWN}') as policy_id, {source} as source, entry_type, period, "
        "amount_fen from ledger) e group by area_id, policy_id, source, entry_type, period"
    )
    tables: dict[str, Table] = {"ledger": files}
    return query(sql, tables, limits=engine_limits(home, settings))

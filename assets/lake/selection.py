"""Selection: which accepted rows of a feed and period are current, superseded or duplicate across files.

Put here: the decision, as one query over exactly the parts it is given. Keep out: where precedence comes from (ledger).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.engine.duck import EngineLimits, query

SCHEMA = {"file_id": pl.String(), "record_no": pl.Int32(), "verdict": pl.String()}


@dataclass(frozen=True)
class SelectablePart:
    """A part with the rank of its file: the higher rank wins. `withdrawn`: another file supersedes it as a whole."""

    path: Path
    file_id: str
    rank: int
    withdrawn: bool = False


def select_rows(
    parts: Sequence[SelectablePart], business_key: Sequence[str], limits: EngineLimits | None = None
) -> pl.DataFrame:
    """The rows that are not current, with their verdict, sorted by file and record.

    Rows sharing the business key compete; the file of highest rank wins, within a file the later record. A loser
    with the winner's content is a `duplicate`, any other `superseded`. A row with NULL in its key competes with none.
    """
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    ranks = pl.DataFrame(
        {
            "file_id": [part.file_id for part in parts],
            "file_rank": [part.rank for part in parts],
            "withdrawn": [part.withdrawn for part in parts],
        },
        schema={"file_id": pl.String, "file_rank": pl.Int64, "withdrawn": pl.Boolean},
    )
    contested = _contested(parts, business_key)
    if contested.is_empty() and not ranks["withdrawn"].any():
        return pl.DataFrame(schema=SCHEMA)
    keys = ", ".join(f'"{name}"' for name in business_key)
    sql = f"""
        with ranked as (
            select parts.file_id, parts.record_no, parts.row_hash,
                   first_value(parts.row_hash) over newest as winning_hash,
                   row_number() over newest as place
            from parts join ranks using (file_id) join contested using ({keys})
            where not withdrawn
            window newest as (partition by {keys} order by ranks.file_rank desc, parts.record_no desc)
        )
        select file_id, record_no,
               case when row_hash = winning_hash then 'duplicate' else 'superseded' end as verdict
        from ranked where place > 1
        union all
        select parts.file_id, parts.record_no, 'superseded'
        from parts join ranks using (file_id) where withdrawn
        order by file_id, record_no
    """  # noqa: S608  (names come from a validated contract)
    tables = {"parts": [part.path for part in parts], "ranks": ranks, "contested": contested}
    return query(sql, tables, limits=limits).cast(SCHEMA)  # type: ignore[arg-type]


def _contested(parts: Sequence[SelectablePart], business_key: Sequence[str]) -> pl.DataFrame:
    """The whole business keys that more than one row has; most feeds have none, and need no further look."""
    rows = [
        pl.scan_parquet(part.path, hive_partitioning=False)
        .select(business_key)
        .drop_nulls()
        .filter(pl.lit(not part.withdrawn))
        for part in parts
    ]
    return pl.concat(rows).group_by(business_key).len().filter(pl.col("len") > 1).select(business_key).collect()

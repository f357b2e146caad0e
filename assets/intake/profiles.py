"""The counts of columns as a table: quality__profiles, one period at a time.

Put here: from the counts kept beside each file to those of feeds. Keep out: counting (column_counts.py) and judging
(assets.compute.deliveries).
"""

import polars as pl

from assets.intake.delivery import Intake
from assets.lake.fingerprint import combine
from data_contracts.schemas import gate, table_schema
from data_contracts.tables import output_tables

TABLE = "quality__profiles"


def profile_rows(intake: Intake, period: str, files: pl.DataFrame) -> pl.DataFrame:
    """Raw counts of every feed of the period over those of its `files` (quality__files) that have records in force.

    A file that was sent again is not counted twice; of one that was corrected in part all accepted records are.
    """
    table = output_tables()[TABLE]
    kept = set(files.filter(pl.col("period") == period, pl.col("current") > 0)["file_id"])
    found = [table.empty()]
    for key in _delivered(files, period):
        contract = intake.catalog.feed(key, period)
        about = {"period": period, "sender": contract.sender, "feed": contract.feed}
        names = [pl.lit(value).alias(name) for name, value in about.items()]
        found += [
            intake.column_counts(item, contract).with_columns(names).select(list(table.columns))
            for item in intake.staged(key, period)
            if item.entry.file_id in kept
        ]
    summed = pl.concat(found).group_by(table.key).agg(pl.col("count").sum())
    return gate(table_schema(table), table.shape(summed))


def profile_mark(intake: Intake, period: str, files: pl.DataFrame) -> str:
    """What the counts of a period depend on: which records of which files are in force, and how they were read."""
    staged = [item.part_id for key in _delivered(files, period) for item in intake.staged(key, period)]
    return combine(TABLE, period, files.filter(pl.col("period") == period).write_csv(), *sorted(staged))


def _delivered(files: pl.DataFrame, period: str) -> list[str]:
    """The feeds of which there are files."""
    keys = pl.concat_str("sender", pl.lit("."), "feed")
    return sorted(set(files.filter(pl.col("period") == period).select(keys).to_series()))

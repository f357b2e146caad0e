"""The counts of columns as a table: quality__profiles, one period at a time.

Put here: from the counts kept beside each file to those of feeds. Keep out: counting (column_counts.py) and judging
(assets.compute.deliveries).
"""

import polars as pl

from assets.intake.column_counts import COUNTS, column_counts
from assets.intake.delivery import Intake, StagedFile
from assets.intake.period import covered
from assets.lake.fingerprint import combine
from assets.lake.parts import part_path, read_manifest
from data_contracts.contracts import FeedContract
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.tables import output_tables

TABLE = "quality__profiles"


def profile_rows(intake: Intake, period: str, files: pl.DataFrame) -> pl.DataFrame:
    """Raw counts of every feed of the period over the records in force of its `files` (quality__files).

    Records that another file replaced or repeats are taken out again; a file of which none is in force counts for
    nothing. Of refused records, which no correction can be matched to, those of files with records in force count.
    """
    table = output_tables()[TABLE]
    own = files.filter(pl.col("period") == period, pl.col("current") > 0)
    kept = set(own["file_id"])
    in_part = set(own.filter(pl.col("superseded") + pl.col("duplicate") > 0)["file_id"])
    found = [table.empty()]
    for key in _delivered(files, period):
        contract = intake.catalog.feed(key, period)
        about = {"period": period, "sender": contract.sender, "feed": contract.feed}
        names = [pl.lit(value).alias(name) for name, value in about.items()]
        for item in intake.staged(key, period):
            if item.entry.file_id in kept:
                counted = [intake.column_counts(item, contract)]
                if item.entry.file_id in in_part:
                    counted.append(_replaced(intake, item, contract))
                found += [counts.with_columns(names).select(list(table.columns)) for counts in counted]
    summed = pl.concat(found).group_by(table.key).agg(pl.col("count").sum())
    # A category that no record is left of is none; a column without empty cells is one.
    summed = summed.filter((pl.col("count") > 0) | ((pl.col("count") == 0) & pl.col("category").is_null()))
    return gate(table_schema(table), table.shape(summed))


def _replaced(intake: Intake, item: StagedFile, contract: FeedContract) -> pl.DataFrame:
    """What was counted of the accepted records of a file that are not in force, as negative counts."""
    found = [pl.DataFrame(schema=COUNTS)]
    for period in sorted(item.account.periods):
        lost = intake.not_current(contract, period).filter(pl.col("file_id") == item.entry.file_id)
        if lost.height:
            part = part_path(intake.home, contract.table, period, item.part_id)
            rows = pl.read_parquet(part, hive_partitioning=False).join(lost, on="record_no", how="semi")
            found.append(column_counts(rows, rows, contract, item.entry.institution_id))
    return pl.concat(found).with_columns(-pl.col("count"))


def profile_mark(intake: Intake, period: str, files: pl.DataFrame) -> str:
    """What the counts of a period depend on: which records of which files are in force, and how they were read."""
    keys = _delivered(files, period)
    staged = [item.part_id for key in keys for item in intake.staged(key, period)]
    selected = [
        manifest.fingerprint
        for contract in (intake.catalog.feed(key, period) for key in keys)
        for step in covered(contract, Period.parse(period))
        if (manifest := read_manifest(intake.home, contract.table, step.key)) is not None
    ]
    return combine(TABLE, period, files.filter(pl.col("period") == period).write_csv(), *sorted(staged), *selected)


def _delivered(files: pl.DataFrame, period: str) -> list[str]:
    """The feeds of which there are files."""
    keys = pl.concat_str("sender", pl.lit("."), "feed")
    return sorted(set(files.filter(pl.col("period") == period).select(keys).to_series()))

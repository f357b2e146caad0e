"""How well each sender shares: on time, with every class of data, and with records that can be linked to an archive.

Put here: the measure, from accounts of files and the marts of records. Keep out: which feeds are expected and when
they are due (assets.intake.expected), and judging a delivery (deliveries.py).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from assets.compute.plan import REGISTER, person_feeds
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.tables import output_tables

TABLE = "quality__sharing"
_DIGITS = 2
_LINKS = {"sender": pl.String(), "person_records": pl.Int64(), "linked_records": pl.Int64()}


def linked_records(home: Home, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Per sender the records in force about persons and how many of them have an archive in use.

    Columns: sender, person_records, linked_records. A feed counts where the period has a register to link it to.
    """
    found = [pl.DataFrame(schema=_LINKS)]
    for key in person_feeds(catalog):
        feed = catalog.feeds[key][-1]
        files = parts.files_in_force(home, feed.mart, [period.key])
        if key == REGISTER or not files:
            continue
        linked = pl.col("is_in_register")
        counts = pl.scan_parquet(files, hive_partitioning=False).select(
            pl.lit(feed.sender).alias("sender"),
            linked.is_not_null().sum().cast(pl.Int64).alias("person_records"),
            linked.sum().cast(pl.Int64).alias("linked_records"),
        )
        found.append(counts.unique().collect())
    return pl.concat(found).group_by("sender", maintain_order=True).sum()


def sharing(
    files: pl.DataFrame, linked: pl.DataFrame, expected: Mapping[str, Sequence[str]], period: str
) -> pl.DataFrame:
    """Rows of quality__sharing: one per sender of `expected` (sender → keys of expected feeds) and of `files`.

    `files` are rows of quality__files, `linked` those of `linked_records`. A share of nothing is null.
    """
    own = files.filter(pl.col("period") == period).with_columns(
        pl.concat_str("sender", pl.lit("."), "feed").alias("key"),
        (pl.col("status") == "taken").alias("was_taken"),
    )
    senders = sorted({*expected, *own["sender"]})
    counted = own.group_by("sender").agg(
        pl.len().cast(pl.Int64).alias("files"),
        pl.col("on_time").is_not_null().sum().cast(pl.Int64).alias("timed_files"),
        pl.col("on_time").sum().cast(pl.Int64).alias("files_on_time"),
        pl.col("current").sum().alias("records"),
    )
    taken = set(own.filter("was_taken")["key"])
    feeds = pl.DataFrame(
        {
            "period": [period] * len(senders),
            "sender": senders,
            "expected_feeds": [len(expected.get(sender, ())) for sender in senders],
            "delivered_feeds": [sum(key in taken for key in expected.get(sender, ())) for sender in senders],
        },
        schema_overrides={"period": pl.String, "sender": pl.String},
    )
    counts = ["files", "timed_files", "files_on_time", "records", "person_records", "linked_records"]
    rows = (
        feeds.join(counted, on="sender", how="left")
        .join(linked, on="sender", how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(
            _percent("delivered_feeds", "expected_feeds").alias("delivered_pct"),
            _percent("files_on_time", "timed_files").alias("on_time_pct"),
            _percent("linked_records", "person_records").alias("linked_pct"),
        )
    )
    return output_tables()[TABLE].shape(rows)


def _percent(part: str, whole: str) -> pl.Expr:
    of_any = pl.col(whole) > 0
    return pl.when(of_any).then((100 * pl.col(part) / pl.col(whole)).round(_DIGITS)).otherwise(None)

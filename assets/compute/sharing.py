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
_DELIVERIES = (
    "expected_feeds", "delivered_feeds", "expected_deliveries", "deliveries", "timed_deliveries", "deliveries_on_time",
)  # fmt: skip
Expected = Mapping[str, Mapping[str, Sequence[str]]]
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


def sharing(files: pl.DataFrame, linked: pl.DataFrame, expected: Expected, period: str) -> pl.DataFrame:
    """Rows of quality__sharing: one per sender of `expected` and of `files`.

    `expected`: sender → key of an expected feed → the institutions of whom it is; none: of all together. `files` are
    rows of quality__files, `linked` those of `linked_records`. A share of nothing is null.

    A delivery is a feed of one institution. It is made by a file that was taken, and was made in time if one of its
    files that were not refused came in time; a refused file delivers nothing. One that was not made was not in time.
    """
    own = files.filter(pl.col("period") == period).with_columns(
        pl.concat_str("sender", pl.lit("."), "feed").alias("key"),
    )
    senders = sorted({*expected, *own["sender"]})
    counted = own.group_by("sender").agg(
        pl.len().cast(pl.Int64).alias("files"),
        (pl.col("status") == "refused").sum().cast(pl.Int64).alias("refused_files"),
        pl.col("current").sum().alias("records"),
    )
    came = _came(own)
    deliveries = [(sender, *_deliveries(expected.get(sender, {}), came)) for sender in senders]
    schema = {"sender": pl.String(), **dict.fromkeys(_DELIVERIES, pl.Int64())}
    counts = ["files", "refused_files", "records", "person_records", "linked_records"]
    rows = (
        pl.DataFrame(deliveries, schema=schema, orient="row")
        .with_columns(pl.lit(period).alias("period"))
        .join(counted, on="sender", how="left")
        .join(linked, on="sender", how="left")
        .with_columns(pl.col(counts).fill_null(0))
        .with_columns(
            _percent("deliveries", "expected_deliveries").alias("delivered_pct"),
            _percent("deliveries_on_time", "timed_deliveries").alias("on_time_pct"),
            _percent("linked_records", "person_records").alias("linked_pct"),
        )
    )
    return output_tables()[TABLE].shape(rows)


def _came(files: pl.DataFrame) -> dict[tuple[str, str | None], bool | None]:
    """What was delivered: (feed, institution) → whether in time, None where no note says when."""
    good = files.filter(pl.col("status") != "refused").group_by("key", "institution")
    told = good.agg(pl.col("on_time").any().alias("in_time"), pl.col("on_time").is_not_null().any().alias("told"))
    taken = files.filter(pl.col("status") == "taken").select("key", "institution").unique()
    rows = taken.join(told, on=["key", "institution"], nulls_equal=True)
    return {(key, name): in_time if known else None for key, name, in_time, known in rows.iter_rows()}


def _deliveries(feeds: Mapping[str, Sequence[str]], came: Mapping[tuple[str, str | None], bool | None]) -> list[int]:
    """The counts of one sender, in the order of _DELIVERIES. A file that names no institution stands for all."""
    arrived = {key for key, _ in came}
    wanted: list[tuple[str, str | None]] = [(key, name) for key, names in feeds.items() for name in names]
    wanted += [(key, None) for key, names in feeds.items() if not names]
    made = {place: place if place in came else (place[0], None) for place in wanted}
    times = [came[file] for file in made.values() if file in came]
    missing = len(wanted) - len(times)
    known = [in_time for in_time in times if in_time is not None]
    return [len(feeds), len(arrived & set(feeds)), len(wanted), len(times), missing + len(known), sum(known)]


def _percent(part: str, whole: str) -> pl.Expr:
    of_any = pl.col(whole) > 0
    return pl.when(of_any).then((100 * pl.col(part) / pl.col(whole)).round(_DIGITS)).otherwise(None)

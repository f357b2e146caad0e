"""Raw counts of a file's columns, taken while it is staged, so that whole deliveries can be judged again and again.

Put here: what is counted of one chunk, and adding chunks up. Keep out: bounds and verdicts (assets.compute), storing
(delivery.py). Counted are codes, digits, months and institution codes; no other value of a record leaves here.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from data_contracts.contracts import FeedContract, stored_names
from data_contracts.expectations import expectations_of

COUNTS = {
    "institution": pl.String(),
    "column": pl.String(),
    "measure": pl.String(),
    "category": pl.String(),
    "count": pl.Int64(),
}
_KEY = ["institution", "column", "measure", "category"]
_INSTITUTIONS = "health_bureau.institutions"
_USUAL_NAME = "institution_code"
# A column with more different values in a chunk holds something else than institution codes.
_MOST_INSTITUTIONS = 2000
_FIRST_YEAR, _LAST_YEAR = "1900", "2099"


def naming_column(contract: FeedContract) -> str | None:
    """The column in which a record names its institution, or None where files or folders name it."""
    referring = [item.columns[0] for item in contract.extras.references if item.feed == _INSTITUTIONS]
    named = [contract.extras.institution.column, *referring, _USUAL_NAME]
    stored = stored_names(contract)
    return next((name for name in named if name in stored), None)


def column_counts(
    records: pl.DataFrame, accepted: pl.DataFrame, contract: FeedContract, institution: str | None
) -> pl.DataFrame:
    """Counts of one chunk, a row per institution, column, measure and category, columns as in COUNTS.

    `records` are all typed records of the chunk, `accepted` those that were taken. `institution` delivered the file.
    Measures: `records`, `accepted` (no column); `empty`, `empty_of_accepted` (no usable value); `category`,
    `institution` and `month` (of the event) of accepted records; `last_digit` of values read off an instrument, there
    `institution` is the one the record names, where it names one.
    """
    columns = [item.column for item in expectations_of(contract).columns]
    plain: list[tuple[str | None, str, int]] = [(None, "records", records.height), (None, "accepted", accepted.height)]
    plain += [(name, "empty", records[name].null_count()) for name in columns if name in records.columns]
    plain += [(name, "empty_of_accepted", accepted[name].null_count()) for name in columns]
    schema = {"column": pl.String(), "measure": pl.String(), "count": pl.Int64()}
    frames = [pl.DataFrame(plain, schema=schema, orient="row").with_columns(pl.lit(None).alias("category"))]
    frames += _categories(accepted, contract)
    own = [frame.with_columns(pl.lit(institution).alias("institution")) for frame in frames]
    digits = _digits(accepted, contract, institution) if accepted.height else []
    return pl.concat(
        [frame.select(pl.col(name).cast(kind) for name, kind in COUNTS.items()) for frame in [*own, *digits]]
    )


def added_up(chunks: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The counts of several chunks of a file as those of the file, sorted."""
    whole = pl.concat([pl.DataFrame(schema=COUNTS), *chunks])
    return whole.group_by(_KEY).agg(pl.col("count").sum()).sort(_KEY, nulls_last=True)


def _categories(accepted: pl.DataFrame, contract: FeedContract) -> Iterator[pl.DataFrame]:
    expected = expectations_of(contract)
    for item in expected.columns:
        if item.categories is not None:
            yield _counted(accepted[item.column], item.column, "category")
    naming = naming_column(contract)
    if naming:
        codes = _counted(accepted[naming], naming, "institution")
        yield codes if codes.height <= _MOST_INSTITUTIONS else _lumped(codes)
    if expected.event_date:
        yield _months(_counted(accepted["event_date"], expected.event_date, "month"))


def _months(days: pl.DataFrame) -> pl.DataFrame:
    """Days counted as months; a year no record of ours can be of has no month."""
    plausible = pl.col("category").str.slice(0, 4).is_between(pl.lit(_FIRST_YEAR), pl.lit(_LAST_YEAR))
    month = pl.when(plausible).then(pl.col("category").str.slice(0, 7))
    return (
        days.with_columns(month.alias("category")).group_by("column", "measure", "category").agg(pl.col("count").sum())
    )


def _counted(values: pl.Series, column: str, measure: str) -> pl.DataFrame:
    """How often each value stands, empty ones left out."""
    if values.dtype == pl.Boolean:
        true = int(values.sum() or 0)
        found = pl.DataFrame(
            {"category": ["true", "false"], "count": [true, values.len() - values.null_count() - true]}
        )
    else:
        found = values.rename("category").value_counts(name="count")
    found = found.filter(pl.col("category").is_not_null(), pl.col("count") > 0)
    return found.select(
        pl.lit(column).alias("column"),
        pl.lit(measure).alias("measure"),
        pl.col("count").cast(pl.Int64),
        pl.col("category").cast(pl.String),
    )


def _lumped(codes: pl.DataFrame) -> pl.DataFrame:
    return codes.group_by("column", "measure").agg(pl.col("count").sum(), pl.lit(None, pl.String).alias("category"))


def _digits(accepted: pl.DataFrame, contract: FeedContract, institution: str | None) -> Iterator[pl.DataFrame]:
    """Last digits by institution, each institution one number, so that digits are counted as whole numbers."""
    measured = [item.column for item in expectations_of(contract).columns if item.digits is not None]
    naming = naming_column(contract)
    if not measured:
        return
    codes = accepted[naming] if naming else pl.Series([None] * accepted.height, dtype=pl.String)
    names = codes.drop_nulls().unique().sort().to_list()
    if len(names) > _MOST_INSTITUTIONS:
        codes, names = codes.clear(accepted.height), []
    places = codes.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(len(names))
    place, known = pl.col("pair") // 10, dict(enumerate(names))
    named = place.replace_strict(known, default=institution, return_dtype=pl.String) if known else pl.lit(institution)
    for column in measured:
        # The unscaled number behind a decimal; the last of its digits is that of the finest place.
        last = accepted[column].to_physical().cast(pl.Int64).abs() % 10
        pairs = (places * 10 + last).rename("pair")
        yield (
            pairs.drop_nulls()
            .value_counts(name="count")
            .select(
                named.alias("institution"),
                pl.lit(column).alias("column"),
                pl.lit("last_digit").alias("measure"),
                (pl.col("pair") % 10).cast(pl.String).alias("category"),
                pl.col("count"),
            )
        )

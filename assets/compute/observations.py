"""What is observed of whole deliveries: one figure per expectation and delivery, institution, column or area.

Put here: from raw counts of all periods to figures, like with like. Keep out: bounds (settings), verdicts
(deliveries.py), counting (assets.intake). All periods are looked at together, so that a verdict can say since when.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from assets.compute.inputs import periods_per_year
from data_contracts.periods import GRAINS, Period

OBSERVED = {
    "period": pl.String(),
    "feed": pl.String(),
    "institution": pl.String(),
    "area_level": pl.String(),
    "area_id": pl.String(),
    "column": pl.String(),
    "expectation": pl.String(),
    "against": pl.String(),
    "value": pl.Float64(),
    "counted": pl.Int64(),
    "spread": pl.Float64(),
}
_DELIVERY = ["feed", "institution"]
_AT = ["at", *_DELIVERY]
_ACCEPTED = pl.col("current") + pl.col("superseded") + pl.col("duplicate")
_SUMMED = ["records", "unreadable", "quarantined", "current", "superseded", "duplicate", "resent"]
_CODE = "^[0-9A-Za-z-]{1,22}$"
# Identity numbers of 15 and 18 characters, mobile numbers.
_OF_A_PERSON = "^([0-9]{15}|[0-9]{17}[0-9Xx]|1[3-9][0-9]{9})$"
# An institution is expected where more than this share of its level delivers.
_PEERS = 0.5


@dataclass(frozen=True)
class Counts:
    """Raw counts of every period up to the one judged, with the columns of their tables.

    `files` quality__files, `profiles` quality__profiles, `reconciled` quality__reconciliation, `register`: period,
    institution_code, institution_level of the institutions open then. `increments`: feeds that deliver events.
    """

    periods: list[Period]
    files: pl.DataFrame
    profiles: pl.DataFrame
    reconciled: pl.DataFrame
    register: pl.DataFrame
    increments: list[str] = field(default_factory=list)

    @property
    def year(self) -> int:
        """Periods of a year."""
        return periods_per_year(self.periods[0])

    @property
    def calendar(self) -> pl.DataFrame:
        """`at` 0, 1, … and the key of each period."""
        keys = [period.key for period in self.periods]
        return pl.DataFrame({"at": range(len(keys)), "period": keys}, schema={"at": pl.Int64(), "period": pl.String()})

    def placed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of these periods with `at`, the feed by its full name and no institution as empty text."""
        return frame.join(self.calendar, on="period", maintain_order="left").with_columns(
            pl.concat_str("sender", pl.lit("."), "feed").alias("feed"), pl.col("institution").fill_null("")
        )


def observations(counts: Counts) -> pl.DataFrame:
    """Every figure of every period, columns as in OBSERVED; `counted` is what the figure is made of.

    `spread` is its standard error where it compares two shares, null where its bound is itself a share. A figure that
    could not be made although its data are there is null; what has nothing to be compared with is left out.
    """
    files = counts.placed(counts.files)
    sums = files.group_by(_AT).agg(pl.col(_SUMMED).sum())
    profiles = counts.placed(counts.profiles)
    found = [
        _present(counts, files.filter(pl.col("status") == "taken")),
        *_volumes(counts, sums, profiles),
        *_contents(counts, files, sums, profiles),
        *_digits(profiles),
        *_coverage(counts, profiles),
    ]
    placed = [_shaped(frame.join(counts.calendar, on="at")) for frame in found]
    whole = pl.concat([*placed, _reconciled(counts.reconciled)]).with_columns(pl.col("institution").replace("", None))
    return whole.filter(pl.col("institution").is_null() | _may_be_named(counts))


def _may_be_named(counts: Counts) -> pl.Expr:
    """Institutions that deliver or stand in a register; in a home without one, codes that cannot be a person's number.

    What records state in that column may be anything, and verdicts are published.
    """
    code = pl.col("institution")
    known = {*counts.register["institution_code"], *counts.files["institution"].drop_nulls()}
    named = code.is_in(sorted(known))
    if counts.register.is_empty():
        named |= code.str.contains(_CODE) & ~code.str.contains(_OF_A_PERSON)
    return named


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None).alias(name) for name in OBSERVED if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in OBSERVED.items())


def _named(frame: pl.DataFrame, expectation: str, value: pl.Expr, counted: str, **more: pl.Expr | str) -> pl.DataFrame:
    extra = {name: pl.lit(item) if isinstance(item, str) else item for name, item in more.items()}
    return frame.with_columns(
        pl.lit(expectation).alias("expectation"), value.alias("value"), pl.col(counted).alias("counted"), **extra
    )


def _with_earlier(counts: Counts, frame: pl.DataFrame, keys: list[str], steps: int, how: str = "inner") -> pl.DataFrame:
    """`frame` beside itself `steps` periods earlier (`…_then`) and the key of that period as `against`."""
    then = frame.with_columns(pl.col("at") + steps)
    names = counts.calendar.select(pl.col("at") + steps, pl.col("period").alias("against"))
    both = frame.join(then, on=["at", *keys], how=how, suffix="_then", coalesce=True)  # type: ignore[arg-type]
    return both.join(names, on="at")


# volume ---------------------------------------------------------------------------------------------------------


def _volumes(counts: Counts, sums: pl.DataFrame, profiles: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for name, steps in (("volume_against_previous", 1), ("volume_against_last_year", counts.year)):
        if name == "volume_against_last_year" and counts.year == 1:
            continue
        both = _with_earlier(counts, sums.select(*_AT, "current"), _DELIVERY, steps).filter(pl.col("current_then") > 0)
        yield _named(both, name, pl.col("current") / pl.col("current_then"), "current_then")
    yield _months_alike(counts, profiles)


def _present(counts: Counts, taken: pl.DataFrame) -> pl.DataFrame:
    """Who delivered within the year before is expected again, unless the feed is known not to come in such a period.

    It comes if others delivered it now, if it came a year ago, or if it was not known yet a year ago. A file that was
    refused as a whole, or withdrawn, is no delivery.
    """
    here = taken.select(*_AT, pl.lit(1).alias("here")).unique()
    grid = counts.calendar.select("at").join(here.select(_DELIVERY).unique(), how="cross").sort("at")
    last = here.select(*_DELIVERY, "at", pl.col("at").alias("last")).sort("at")
    known = grid.join_asof(
        last, on="at", by=_DELIVERY, strategy="backward", allow_exact_matches=False, check_sortedness=False
    )
    known = known.filter(pl.col("at") - pl.col("last") <= counts.year)
    first = here.group_by("feed").agg(pl.col("at").min().alias("first"))
    by_anyone = here.select("at", "feed", pl.lit(1).alias("by_anyone")).unique()
    a_year_ago = here.select(pl.col("at") + counts.year, *_DELIVERY, pl.col("here").alias("a_year_ago"))
    due = (
        known.join(here, on=_AT, how="left")
        .join(by_anyone, on=["at", "feed"], how="left")
        .join(a_year_ago, on=_AT, how="left")
        .join(first, on="feed")
        .filter(
            pl.col("by_anyone").is_not_null()
            | pl.col("a_year_ago").is_not_null()
            | (pl.col("first") > pl.col("at") - counts.year)
        )
    )
    names = counts.calendar.select(pl.col("at").alias("last"), pl.col("period").alias("against"))
    once = due.with_columns(pl.lit(None, pl.Int64).alias("counted")).join(names, on="last")
    return _named(once, "delivery_present", pl.col("here").fill_null(0), "counted")


def _months_alike(counts: Counts, profiles: pl.DataFrame) -> pl.DataFrame:
    months = 12 // GRAINS[counts.periods[0].grain]
    inside = pl.DataFrame(
        [(at, day) for at, period in enumerate(counts.periods) for day in _months_of(period, months)],
        schema={"at": pl.Int64(), "category": pl.String()},
        orient="row",
    )
    if months == 1:
        return inside.clear().with_columns(pl.lit("").alias("feed"))
    events = profiles.filter(pl.col("measure") == "month", pl.col("feed").is_in(counts.increments))
    named = events.join(inside, on=["at", "category"]).group_by(*_AT, "column", "category").agg(pl.col("count").sum())
    fewest = pl.when(pl.len() == months).then(pl.col("count").min()).otherwise(0)
    figures = named.group_by(*_AT, "column").agg(pl.col("count").sum().alias("total"), fewest.alias("fewest"))
    return _named(figures, "months_alike", pl.col("fewest") * months / pl.col("total"), "total")


def _months_of(period: Period, months: int) -> list[str]:
    first = (period.index - 1) * months + 1
    return [f"{period.year:04d}-{month:02d}" for month in range(first, first + months)]


# content --------------------------------------------------------------------------------------------------------


def _contents(
    counts: Counts, files: pl.DataFrame, sums: pl.DataFrame, profiles: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    taken = sums.filter(pl.col("records") > 0)
    refused = (pl.col("quarantined") + pl.col("unreadable")) / pl.col("records")
    yield _named(taken, "refused_share_within_limit", refused, "records")
    accepted = sums.with_columns(_ACCEPTED.alias("accepted")).filter(pl.col("accepted") > 0)
    unasked = (pl.col("duplicate") - pl.col("resent")) / pl.col("accepted")
    yield _named(accepted, "duplicate_share_within_limit", unasked, "accepted")
    yield _complete(files, profiles)
    yield _empty_shares(counts, profiles)
    yield _category_shares(counts, profiles)


def _complete(files: pl.DataFrame, profiles: pl.DataFrame) -> pl.DataFrame:
    stated = files.filter(pl.col("current") > 0).group_by(_AT).agg(pl.col("current").sum().alias("stated"))
    counted = profiles.filter(pl.col("measure") == "accepted").group_by(_AT).agg(pl.col("count").sum().alias("found"))
    both = stated.join(counted, on=_AT, how="left")
    return _named(both, "counts_complete", pl.col("found") - pl.col("stated"), "stated")


def _empty_shares(counts: Counts, profiles: pl.DataFrame) -> pl.DataFrame:
    records = profiles.filter(pl.col("measure") == "records").group_by(_AT).agg(pl.col("count").sum().alias("n"))
    empty = profiles.filter(pl.col("measure") == "empty").group_by(*_AT, "column").agg(pl.col("count").sum())
    both = _with_earlier(counts, empty.join(records, on=_AT), [*_DELIVERY, "column"], 1)
    share, then = pl.col("count") / pl.col("n"), pl.col("count_then") / pl.col("n_then")
    pooled = (pl.col("count") + pl.col("count_then")) / (pl.col("n") + pl.col("n_then"))
    spread = (pooled * (1 - pooled) * (1 / pl.col("n") + 1 / pl.col("n_then"))).sqrt()
    fewer = both.with_columns(pl.min_horizontal("n", "n_then").alias("fewer"))
    return _named(fewer, "empty_share_against_previous", (share - then).abs(), "fewer", spread=spread)


def _category_shares(counts: Counts, profiles: pl.DataFrame) -> pl.DataFrame:
    whole = [*_AT, "column"]
    found = profiles.filter(pl.col("measure") == "category").group_by(*whole, "category").agg(pl.col("count").sum())
    total = found.group_by(whole).agg(pl.col("count").sum().alias("n"))
    totals = _with_earlier(counts, total, [*_DELIVERY, "column"], 1)
    then = found.with_columns(pl.col("at") + 1)
    each = found.join(then, on=[*whole, "category"], how="full", coalesce=True, suffix="_then").join(totals, on=whole)
    now, before = pl.col("count").fill_null(0), pl.col("count_then").fill_null(0)
    pooled = (now + before) / (pl.col("n") + pl.col("n_then"))
    figures = each.group_by(*whole, "n", "n_then", "against").agg(
        ((now / pl.col("n") - before / pl.col("n_then")).abs().sum() / 2).alias("distance"),
        ((pooled * (1 - pooled) * (1 / pl.col("n") + 1 / pl.col("n_then"))).sum().sqrt() / 2).alias("spread"),
    )
    fewer = figures.with_columns(pl.min_horizontal("n", "n_then").alias("fewer"))
    return _named(fewer, "category_shares_against_previous", pl.col("distance"), "fewer")


def _digits(profiles: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """By institution and, where there are several, of the feed as a whole."""
    digits = [*_AT, "column", "category"]
    own = profiles.filter(pl.col("measure") == "last_digit").group_by(digits).agg(pl.col("count").sum())
    several = pl.col("institution").n_unique().over("at", "feed", "column") > 1
    whole = own.filter(several).with_columns(pl.lit("").alias("institution"))
    summed = pl.concat([own, whole]).group_by(digits).agg(pl.col("count").sum())
    rounded = pl.col("count").filter(pl.col("category").is_in(["0", "5"])).sum()
    figures = summed.group_by(*_AT, "column").agg(
        pl.col("count").sum().alias("n"), rounded.alias("rounded"), pl.col("count").max().alias("most")
    )
    yield _named(figures, "terminal_digits_spread", pl.col("rounded") / pl.col("n"), "n")
    yield _named(figures, "single_digit_rare", pl.col("most") / pl.col("n"), "n")


# coverage -------------------------------------------------------------------------------------------------------


def _coverage(counts: Counts, profiles: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Institutions that records name; where the period has a register of them, only those that stand open in it."""
    named = profiles.filter(pl.col("measure") == "institution", pl.col("category").is_not_null())
    found = named.group_by("at", "feed", pl.col("category").alias("institution")).agg(pl.col("count").sum())
    usual = _usual(counts, found, profiles.select("at", "feed").unique())
    register = counts.register.join(counts.calendar, on="period").select(
        "at", pl.col("institution_code").alias("institution"), pl.col("institution_level").alias("level")
    )
    unlisted = usual.join(register.select("at").unique(), on="at", how="anti")
    known = pl.concat([unlisted, usual.join(register, on=["at", "institution"], how="semi")])
    now = known.join(found, on=_AT, how="left")
    names = counts.calendar.select(pl.col("at").alias("last"), pl.col("period").alias("against"))
    yield _named(now.join(names, on="last"), "institution_still_delivers", pl.col("count").fill_null(0), "usual")
    yield _silent(found, register, usual)


def _usual(counts: Counts, found: pl.DataFrame, delivered: pl.DataFrame) -> pl.DataFrame:
    """Mean records of an institution over the periods of the year before in which its feed came, and the last of them.

    Only of periods (`at`) in which the feed came too: where nobody delivers, nobody has stopped.
    """
    before = pl.col("at").is_between(pl.col("now") - counts.year, pl.col("now") - 1)
    now = delivered.select(pl.col("at").alias("now"), "feed")
    times = delivered.join(now, on="feed").filter(before).group_by("now", "feed").agg(pl.len().alias("times"))
    own = found.join(now, on="feed").filter(before).group_by("now", *_DELIVERY)
    summed = own.agg(pl.col("count").sum(), pl.col("at").max().alias("last")).join(times, on=["now", "feed"])
    return summed.select(
        pl.col("now").alias("at"), *_DELIVERY, "last", (pl.col("count") // pl.col("times")).alias("usual")
    )


def _silent(found: pl.DataFrame, register: pl.DataFrame, usual: pl.DataFrame) -> pl.DataFrame:
    """Registered institutions without history in a feed that most of their level deliver."""
    feeds = found.select("at", "feed").unique()
    expected = register.join(feeds, on="at").join(found, on=_AT, how="left")
    peers = expected.group_by("at", "feed", "level").agg(
        pl.col("count").is_not_null().mean().alias("share"), pl.col("count").median().floor().alias("typical")
    )
    due = expected.join(peers.filter(pl.col("share") > _PEERS), on=["at", "feed", "level"])
    new = due.join(usual.filter(pl.col("usual") > 0), on=_AT, how="anti")
    return _named(new, "registered_institution_delivers", pl.col("count").fill_null(0), "typical")


# reconciliation -------------------------------------------------------------------------------------------------


def _reconciled(rows: pl.DataFrame) -> pl.DataFrame:
    """Shares and ratios; of contacts after death the persons themselves."""
    persons = pl.col("expectation") == "no_contact_after_death"
    share = pl.when(pl.col("base") > 0).then(pl.col("matched") / pl.col("base"))
    value = pl.when(persons).then(pl.col("matched").cast(pl.Float64)).otherwise(share)
    return _shaped(rows.with_columns(value.alias("value"), pl.col("base").alias("counted")))

"""Whole-delivery judgement: every observed figure against its bound, with what was expected, since when, who is hurt.

Put here: bounds to figures and figures to verdicts. Keep out: figures (observations.py, reconciliation.py), the suite
(suite.py), bounds (settings, judgement.yaml). Counts are stored, so a changed bound needs no new reading of
files. A figure that could not be made, or a check that failed itself, is a failure of severity error, never a pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from assets.compute.marts import mart_names
from assets.compute.observations import Counts, observations
from assets.compute.plan import feed_mart
from assets.compute.readers import Place
from assets.compute.reconciliation import TABLE as RECONCILED
from assets.compute.reconciliation import hanging_on
from assets.compute.suite import unmet
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog, package_feeds, stored_names
from data_contracts.judgement import Bound, Expectation
from data_contracts.messages import did_you_mean, wrong
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

TABLE = "quality__deliveries"
PROFILES = "quality__profiles"
INSTITUTIONS = feed_mart("health_bureau.institutions")
_DIGITS = 4
_REFUSED = "refused_share_within_limit"
_BOUND = {
    "low": pl.Float64(),
    "high": pl.Float64(),
    "minimum": pl.Int64(),
    "chance": pl.Float64(),
    "source": pl.String(),
}


@dataclass(frozen=True)
class Judge:
    """What judging needs besides counts: expectations with their bounds, the share of refused records that is borne."""

    expectations: Mapping[str, Expectation]
    refused_share: float
    hurts: Mapping[Place, list[str]]


def gathered(home: Home, settings: Settings, catalog: Catalog, period: Period, files: pl.DataFrame) -> Counts:
    """The raw counts of every period of the home up to `period`; `files` are rows of quality__files."""
    periods = periods_between(settings.home.calendar.first, period.key)
    kept = {name: parts.read_table(home, name, [step.key for step in periods]) for name in (PROFILES, RECONCILED)}
    tables = {name: output_tables()[name].empty() if frame is None else frame for name, frame in kept.items()}
    register = [_open_institutions(home, catalog, step) for step in periods]
    events = [feed.key for feed in catalog.current() if feed.delivery == "increment"]
    return Counts(periods, files, tables[PROFILES], tables[RECONCILED], pl.concat(register), events)


def gathered_from(catalog: Catalog, periods: list[Period]) -> list[tuple[str, str]]:
    """Every (table, period) that `gathered` reads beside the files."""
    marts = [INSTITUTIONS] if INSTITUTIONS in mart_names(catalog) else []
    return [(table, step.key) for table in (PROFILES, RECONCILED, *marts) for step in periods]


def judge_deliveries(counts: Counts, judge: Judge) -> pl.DataFrame:
    """Rows of quality__deliveries for the last period of `counts`: every expectation that has a bound there.

    Earlier periods are judged too, by the bounds that held then, so that a failure can say since when.
    """
    table = output_tables()[TABLE]
    figures = _bounded(observations(counts), judge)
    if figures.is_empty():
        return table.empty()
    failing = unmet(figures)
    places = pl.int_range(pl.len())
    judged = figures.with_columns(
        places.is_in(sorted(failing.missing | failing.outside)).alias("failed"),
        (places.is_in(sorted(failing.missing)) | pl.lit(failing.raised)).alias("unsure"),
    ).with_columns((pl.col("failed") | pl.col("unsure")).alias("failed"))
    last = counts.periods[-1].key
    since = _since(judged, [period.key for period in counts.periods])
    severity = {name: item.severity for name, item in judge.expectations.items()}
    rows = since.filter(pl.col("period") == last).with_columns(
        _text(pl.col("value")).alias("observed"),
        _expected().alias("expected"),
        pl.when("unsure")
        .then(pl.lit("error"))
        .otherwise(pl.col("expectation").replace_strict(severity))
        .alias("severity"),
        (~pl.col("failed")).alias("success"),
    )
    return gate(table_schema(table), table.shape(_with_hurts(rows, judge.hurts)))


def _open_institutions(home: Home, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Institutions of the register that were open all through `period`."""
    schema = dict.fromkeys(("period", "institution_code", "institution_level"), pl.String())
    found = parts.read_table(home, INSTITUTIONS, [period.key]) if INSTITUTIONS in mart_names(catalog) else None
    if found is None or not {"institution_code", "institution_level"} <= set(found.columns):
        return pl.DataFrame(schema=schema)
    days = [pl.lit(None, pl.Date).alias(name) for name in ("opened_on", "closed_on") if name not in found.columns]
    opened = pl.col("opened_on").is_null() | (pl.col("opened_on") <= period.start)
    still = pl.col("closed_on").is_null() | (pl.col("closed_on") > period.end)
    return found.with_columns(days).filter(opened & still).select(list(schema)).unique("institution_code")


def check_bounds(settings: Settings, catalog: Catalog) -> None:
    """Raise DefinitionError for a bound that names a feed or column nobody knows: it would never hold."""
    known = sorted({*catalog.feeds, *package_feeds()})
    for name, expectation in settings.judgement.items():
        for bound in expectation.bounds:
            if bound.feed is not None and bound.feed not in known:
                raise wrong("wrong_bound_feed", name=name, feed=bound.feed, hint=did_you_mean(bound.feed, known))
            if bound.column is not None and bound.feed in catalog.feeds:
                columns = stored_names(catalog.feed(str(bound.feed)))
                if bound.column not in columns:
                    hint = did_you_mean(bound.column, columns)
                    raise wrong("wrong_bound_column", name=name, feed=bound.feed, column=bound.column, hint=hint)


def _bounded(figures: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Figures that have a bound and enough counts, each with its bounds; shares give way by their standard error."""
    keys = ["expectation", "feed", "column", "period"]
    rows = []
    for name, feed, column, period in figures.select(keys).unique().iter_rows():
        expectation = judge.expectations.get(name)
        bound = expectation.bound(feed, column, Period.parse(period)) if expectation else None
        if bound is not None:
            rows.append((name, feed, column, period, *_numbers(name, bound, judge)))
    schema = {**dict.fromkeys(keys, pl.String()), **_BOUND}
    bounds = pl.DataFrame(rows, schema=schema, orient="row").filter(
        pl.any_horizontal(pl.col("low", "high").is_not_null())
    )
    enough = pl.col("counted").is_null() | (pl.col("counted") >= pl.col("minimum"))
    joined = figures.join(bounds, on=keys, nulls_equal=True).filter(enough)
    return joined.with_columns(
        (pl.col("low") - _allowance("low")).alias("low"), (pl.col("high") + _allowance("high")).alias("high")
    ).sort("period", "feed", "institution", "area_level", "area_id", "column", "expectation")


def _numbers(name: str, bound: Bound, judge: Judge) -> tuple[float | None, float | None, int, float, str]:
    high = judge.refused_share if name == _REFUSED and bound.high is None else bound.high
    low = None if bound.low is None else float(bound.low)
    return low, None if high is None else float(high), bound.minimum, float(bound.chance), bound.reference


def _allowance(side: str) -> pl.Expr:
    own = (pl.col(side) * (1 - pl.col(side)) / pl.col("counted")).sqrt()
    spread = pl.when(pl.col("chance") > 0).then(pl.col("chance") * pl.coalesce("spread", own)).otherwise(0.0)
    return spread.fill_nan(0.0).fill_null(0.0)


def _since(judged: pl.DataFrame, periods: list[str]) -> pl.DataFrame:
    """`since`: the first period of the unbroken run of failures that ends with the row's own."""
    key = ["expectation", "feed", "institution", "area_level", "area_id", "column"]
    at = pl.col("period").replace_strict(
        {period: number for number, period in enumerate(periods)}, return_dtype=pl.Int64
    )
    placed = judged.with_columns(at.alias("at")).sort("at")
    # A run is a stretch of failures whose places rise by one: place less rank is the same all along it.
    failed = placed.filter("failed").with_columns((pl.col("at") - pl.int_range(pl.len()).over(key)).alias("run"))
    runs = failed.with_columns(pl.col("period").first().over([*key, "run"]).alias("since"))
    return placed.join(runs.select(*key, "period", "since"), on=[*key, "period"], how="left", nulls_equal=True)


def _text(number: pl.Expr) -> pl.Expr:
    return (number.round(_DIGITS) + 0.0).cast(pl.String).str.strip_suffix(".0")


def _expected() -> pl.Expr:
    low, high = _text(pl.col("low")), _text(pl.col("high"))
    return (
        pl.when(pl.col("low") == pl.col("high"))
        .then(low)
        .when(pl.col("low").is_not_null() & pl.col("high").is_not_null())
        .then(low + "–" + high)
        .when(pl.col("high").is_not_null())
        .then("≤ " + high)
        .otherwise("≥ " + low)
    )


def _with_hurts(rows: pl.DataFrame, hurts: Mapping[Place, list[str]]) -> pl.DataFrame:
    """`hurts`: the indicators that read the column, of a comparison those that hang on any of its sides."""
    key = ["expectation", "feed", "column"]
    named = []
    for expectation, feed, column in rows.select(key).unique().iter_rows():
        places = ((feed, column),) if column is not None else hanging_on(expectation, feed)
        indicators = sorted({indicator for place in places for indicator in hurts.get(place, [])})
        named.append((expectation, feed, column, ";".join(indicators)))
    found = pl.DataFrame(named, schema=dict.fromkeys([*key, "hurts"], pl.String()), orient="row")
    return rows.join(found, on=key, nulls_equal=True)

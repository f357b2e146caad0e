"""Whole-delivery judgement with Great Expectations on a small profile frame: volume, refusals, who is missing.

Put here: the profile of deliveries and the suite that judges it. Keep out: row rules (assets.intake) and thresholds
(settings, limits.yaml). Counts are stored, so a changed threshold needs no new reading of files.
"""

import os
import warnings
from collections.abc import Mapping

import polars as pl

from data_contracts.periods import Period
from data_contracts.settings import Limits
from data_contracts.tables import output_tables

_SENDER_OF = ("feed", "institution")


def delivery_profile(files: pl.DataFrame, period: str) -> pl.DataFrame:
    """One row per feed and institution that delivered for `period` or the period before.

    `files` are rows of quality__files. Columns: feed, institution, delivered (bool), records, previous_records,
    volume_ratio (null without a previous delivery), refused_share (null without records).
    """
    before = Period.parse(period).shift(-1).key
    sums = (
        files.filter(pl.col("period").is_in([period, before]))
        .with_columns(
            pl.concat_str("sender", pl.lit("."), "feed").alias("feed"),
            # A feed without institutions is one delivery; null would match nothing when periods are laid side by side.
            pl.col("institution").fill_null(""),
        )
        .group_by(*_SENDER_OF, "period", maintain_order=True)
        .agg(
            pl.col("records").sum(),
            pl.col("current").sum(),
            (pl.col("quarantined") + pl.col("unreadable")).sum().alias("refused"),
        )
    )
    now = sums.filter(pl.col("period") == period).drop("period").with_columns(pl.lit(True).alias("delivered"))
    then = sums.filter(pl.col("period") == before).select(*_SENDER_OF, pl.col("current").alias("previous_records"))
    return (
        now.join(then, on=list(_SENDER_OF), how="full", coalesce=True)
        .with_columns(pl.col("delivered").fill_null(value=False))
        .with_columns(
            (pl.col("current") / pl.col("previous_records")).round(4).alias("volume_ratio"),
            (pl.col("refused") / pl.col("records")).round(4).alias("refused_share"),
        )
        .with_columns(pl.col("volume_ratio", "refused_share").fill_nan(None))
        .sort(*_SENDER_OF)
    )


def judge_deliveries(files: pl.DataFrame, period: str, limits: Limits, hurts: Mapping[str, list[str]]) -> pl.DataFrame:
    """Rows of quality__deliveries: every expectation for every delivery, with what was observed and expected.

    `hurts` maps a feed to the indicators that would be wrong. An expectation that could not be evaluated is a
    failure of severity error, never a pass.
    """
    table = output_tables()["quality__deliveries"]
    profile = delivery_profile(files, period)
    if profile.is_empty():
        return table.empty()
    low, high = float(limits.volume_low), float(limits.volume_high)
    share = float(limits.quarantine_share)
    expected = {
        "delivery_present": ("delivered", "true", "error"),
        "volume_against_previous": ("volume_ratio", f"{low:g}–{high:g}", "warning"),
        "refused_share_within_limit": ("refused_share", f"≤ {share:g}", "warning"),
    }
    failures, errors = _evaluate(profile, low, high, share)
    rows = [
        profile.select(
            pl.lit(period).alias("period"),
            "feed",
            pl.col("institution").replace("", None),
            pl.lit(name).alias("expectation"),
            pl.col(column).cast(pl.String).alias("observed"),
            pl.lit(words).alias("expected"),
            pl.lit("error" if name in errors else severity).alias("severity"),
            (~_listed(failures[name]) & pl.lit(name not in errors)).alias("success"),
            pl.col("feed").replace_strict({k: ";".join(v) for k, v in hurts.items()}, default="").alias("hurts"),
        ).filter(pl.col("observed").is_not_null())
        for name, (column, words, severity) in expected.items()
    ]
    return table.shape(pl.concat(rows))


def _listed(pairs: list[tuple[str, str]]) -> pl.Expr:
    key = pl.concat_str(pl.col("feed"), pl.lit("\n"), pl.col("institution"))
    return key.is_in([f"{feed}\n{institution}" for feed, institution in pairs])


def _evaluate(
    profile: pl.DataFrame, low: float, high: float, share: float
) -> tuple[dict[str, list[tuple[str, str]]], set[str]]:
    """Run the suite; returns the failing (feed, institution) pairs per expectation and those that raised."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # The library and its dependencies import deprecated standard modules; nothing we can mend here.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        frame = profile.to_pandas()
        source = context.data_sources.add_pandas("profile").add_dataframe_asset("deliveries")
        batch = source.add_batch_definition_whole_dataframe("whole").get_batch(batch_parameters={"dataframe": frame})
        column = gx.expectations
        suite = gx.ExpectationSuite(
            name="deliveries",
            expectations=[
                column.ExpectColumnValuesToBeInSet(
                    column="delivered", value_set=[True], meta={"name": "delivery_present"}
                ),
                column.ExpectColumnValuesToBeBetween(
                    column="volume_ratio", min_value=low, max_value=high, meta={"name": "volume_against_previous"}
                ),
                column.ExpectColumnValuesToBeBetween(
                    column="refused_share", max_value=share, meta={"name": "refused_share_within_limit"}
                ),
            ],
        )
        form = {"result_format": "COMPLETE", "unexpected_index_column_names": list(_SENDER_OF)}
        results = batch.validate(suite, result_format=form).results
    failures: dict[str, list[tuple[str, str]]] = {}
    errors: set[str] = set()
    for result in results:
        name = result.expectation_config.meta["name"]
        found = result.result.get("unexpected_index_list") or []
        failures[name] = [(item["feed"], item["institution"]) for item in found]
        if result.exception_info.get("raised_exception"):
            errors.add(name)
    return failures, errors

"""The one place that talks to Great Expectations: which rows of a frame of figures do not meet their bounds.

Put here: the suite and reading its results. Keep out: what is judged and how verdicts are worded (deliveries.py). One
suite over generic columns judges any number of figures; imported only where something is judged.
"""

import os
import warnings
from dataclasses import dataclass

import polars as pl

_ROW = "row"
_CHECKED = ("seen", "not_below", "not_above")


@dataclass(frozen=True)
class Unmet:
    """Places of rows whose figure is missing or out of bounds; `raised`: a check failed itself and proves nothing."""

    missing: frozenset[int]
    outside: frozenset[int]
    raised: bool


def unmet(figures: pl.DataFrame) -> Unmet:
    """The rows, counted from 0, that do not meet their expectation.

    `figures` has the float columns `value`, `low` and `high`; a bound that is null does not bind. No row is no pass.
    """
    results = _validated(figures.select(pl.col("value", "low", "high").cast(pl.Float64)).with_row_index(_ROW))
    raised = sorted(results) != sorted(_CHECKED)
    found: dict[str, frozenset[int]] = dict.fromkeys(_CHECKED, frozenset())
    for name, result in results.items():
        if result.exception_info.get("raised_exception") or result.result.get("element_count") != figures.height:
            raised = True
            continue
        found[name] = frozenset(int(item[_ROW]) for item in result.result.get("unexpected_index_list") or [])
        raised |= bool(result.success) != (not found[name])
    return Unmet(found["seen"], found["not_below"] | found["not_above"], raised or not figures.height)


def _validated(figures: pl.DataFrame):  # type: ignore[no-untyped-def]
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # The library and its dependencies import deprecated standard modules; nothing we can mend here.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("figures").add_dataframe_asset("deliveries")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
            batch_parameters={"dataframe": figures.to_pandas()}
        )
        pair = gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB
        rest = {"or_equal": True, "ignore_row_if": "either_value_is_missing"}
        suite = gx.ExpectationSuite(
            name="deliveries",
            expectations=[
                gx.expectations.ExpectColumnValuesToNotBeNull(column="value", meta={"name": "seen"}),
                pair(column_A="value", column_B="low", meta={"name": "not_below"}, **rest),
                pair(column_A="high", column_B="value", meta={"name": "not_above"}, **rest),
            ],
        )
        form = {"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]}
        results = batch.validate(suite, result_format=form).results
    return {result.expectation_config.meta["name"]: result for result in results}

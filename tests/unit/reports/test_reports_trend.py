"""Series of areas on the pages: gaps keep their place, values counted anew for changed areas are marked."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from reports.site_data import areas_of, indicator_keys, indicators_payload


@pytest.fixture
def england(make_home: Callable[..., Any], trees: dict[str, Any]) -> tuple[Any, dict[str, pl.DataFrame]]:
    return make_home(trees["england"])


def trend_of(context: Any, frames: dict[str, pl.DataFrame]) -> dict[str, Any]:
    keys = indicator_keys(context, frames)
    return indicators_payload(context, frames, areas_of(context, frames), keys, "en")[0]["trend"]


def test_a_period_without_data_keeps_its_place_and_breaks_the_line(england: Any) -> None:
    context, frames = england
    assert trend_of(context, frames)["keys"] == ["2022", "2023", "2024"]
    without = {**frames, "ind__values": frames["ind__values"].filter(pl.col("period") != "2023")}
    trend = trend_of(context, without)
    assert trend["keys"] == ["2022", "2023", "2024"]
    assert [len(values) > 0 for values in trend["val"]] == [True, False, True]
    assert trend["lo"][1] == trend["hi"][1] == []
    early = {**frames, "ind__values": frames["ind__values"].filter(pl.col("period") != "2022")}
    assert trend_of(context, early)["keys"] == ["2023", "2024"]


def test_an_area_that_changed_shows_what_it_is_made_of_now(england: Any) -> None:
    context, frames = england
    assert trend_of(context, frames)["moved"] == [[], [], []]
    key = indicator_keys(context, frames)[0]
    rows = frames["ind__values"].filter(
        pl.col("indicator_id") == key[0],
        pl.col("rule_set") == key[1],
        pl.col("stratum") == "all",
        pl.col("area_level") == "region",
        pl.col("period") == "2022",
    )
    area = rows["area_id"][0]
    anew = rows.head(1).with_columns(pl.lit(12345.0).alias("value"))
    of_now = anew.with_columns(pl.lit(context.period).alias("geography"))
    of_then = anew.with_columns(pl.lit("2023").alias("geography"), pl.lit(-1.0).alias("value"))
    trend = trend_of(context, {**frames, "ind__rebased": pl.concat([of_then, of_now])})
    places = areas_of(context, frames)
    at = places.filter(pl.col("area_level") == "region", pl.col("area_id") == area)["position"][0]
    assert trend["val"][0][at] == 12345
    assert trend["moved"] == [[at], [], []]
    other = trend_of(context, frames)
    assert trend["val"][1:] == other["val"][1:]
    assert [v for i, v in enumerate(trend["val"][0]) if i != at] == [
        v for i, v in enumerate(other["val"][0]) if i != at
    ]

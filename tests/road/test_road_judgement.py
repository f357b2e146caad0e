"""Deliveries of the demo city: judged in every way, nothing grave, and what is unusual is what the files show."""

from pathlib import Path

import polars as pl

from assets.stages.road import Road
from data_contracts.judgement import EXPECTATIONS, KINDS
from tests.road.conftest import LAST, released

PLACE = ["feed", "institution"]


def test_the_clean_city_is_judged_in_every_way_and_nothing_is_grave(city: Path, release: Path) -> None:
    judged = released(release, "quality__deliveries")
    assert set(judged["period"]) == {LAST}
    assert {EXPECTATIONS[name] for name in judged["expectation"]} == set(KINDS)
    assert judged.filter(~pl.col("success"), pl.col("severity") == "error").is_empty()
    assert judged["observed"].null_count() == 0
    known = set(Road.open(city).settings.active_indicators())
    assert {key for hurts in judged["hurts"] for key in hurts.split(";") if key} <= known


def test_refused_shares_fail_exactly_where_the_accounting_says_so(release: Path) -> None:
    whole = pl.concat_str("sender", pl.lit("."), "feed").alias("feed")
    files = (
        released(release, "quality__files")
        .filter(pl.col("period") == LAST)
        .select(whole, "institution", "records", (pl.col("quarantined") + pl.col("unreadable")).alias("refused"))
    )
    sums = files.group_by(PLACE).agg(pl.col("records", "refused").sum()).filter(pl.col("records") >= 20)
    above = sums.filter(pl.col("refused") * 20 > pl.col("records"))
    own = released(release, "quality__deliveries").filter(pl.col("expectation") == "refused_share_within_limit")
    assert set(own.select(PLACE).rows()) == set(sums.select(PLACE).rows())
    assert set(own.filter(~pl.col("success")).select(PLACE).rows()) == set(above.select(PLACE).rows())
    assert above.height


def test_what_fails_says_since_when_and_what_passes_does_not(release: Path) -> None:
    judged = released(release, "quality__deliveries")
    assert judged.filter(pl.col("success"))["since"].null_count() == judged.filter(pl.col("success")).height
    failed = judged.filter(~pl.col("success"))["since"]
    assert failed.null_count() == 0
    assert (failed <= LAST).all()

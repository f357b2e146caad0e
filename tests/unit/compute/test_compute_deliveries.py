"""Whole-delivery judgement: a planted drift fails by name, the usual passes, an unseen delivery is no pass."""

import polars as pl
import pytest

from assets.compute.deliveries import delivery_profile, judge_deliveries
from data_contracts.closed import parse, read_yaml
from data_contracts.settings import REGISTRY, Limits
from data_contracts.tables import output_tables

LIMITS = parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")
HURTS = {"hospitals.encounters": ["hospital_admissions_per_1k"]}


def _files(rows: list[tuple[str, str | None, str, int, int]]) -> pl.DataFrame:
    """(feed, institution, period, records, quarantined) as rows of quality__files."""
    table = output_tables()["quality__files"]
    full = [
        (f"f{at}", "hospitals", institution, feed, period, records, 0, 0, refused, records - refused, 0, 0)
        for at, (feed, institution, period, records, refused) in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=table.schema, orient="row")


USUAL = [("encounters", h, p, 1000, 5) for h in ("H01", "H02") for p in ("2025Q1", "2025Q2")]


def _failed(rows: list[tuple[str, str | None, str, int, int]]) -> set[tuple[str | None, str, str]]:
    judged = judge_deliveries(_files(rows), "2025Q2", LIMITS, HURTS).filter(~pl.col("success"))
    return set(judged.select("institution", "expectation", "hurts").rows())


def test_the_usual_passes() -> None:
    assert _failed(USUAL) == set()


# Accepted before: 995. Bounds: 0.5 × 995 = 497.5 and 2 × 995 = 1990 accepted, five refused on top.
@pytest.mark.parametrize(("records", "fails"), [(502, True), (503, False), (1995, False), (1996, True)])
def test_a_volume_far_from_the_period_before_fails_by_name(records: int, fails: bool) -> None:
    rows = [*USUAL[:3], ("encounters", "H02", "2025Q2", records, 5)]
    expected = {("H02", "volume_against_previous", "hospital_admissions_per_1k")} if fails else set()
    assert _failed(rows) == expected


def test_too_many_refused_records_fail_by_name() -> None:
    rows = [*USUAL[:3], ("encounters", "H02", "2025Q2", 1000, 51)]
    assert _failed(rows) == {("H02", "refused_share_within_limit", "hospital_admissions_per_1k")}


def test_somebody_who_delivered_before_and_does_not_now_fails_by_name() -> None:
    failed = _failed(USUAL[:3])
    assert failed == {("H02", "delivery_present", "hospital_admissions_per_1k")}


def test_a_feed_without_institutions_is_one_delivery() -> None:
    rows = [("settlements", None, p, 1000, 0) for p in ("2025Q1", "2025Q2")]
    profile = delivery_profile(_files(rows), "2025Q2")
    assert profile.height == 1
    assert profile["volume_ratio"].to_list() == [1.0]

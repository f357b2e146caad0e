"""27 simulated patients in 2023 with encounters and observations, counted again from the files."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.intake.quality import file_rows

YEAR, END = "2023", "2023-12-31"
SYSTOLIC = "8480-6"

Rows = list[dict[str, str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def read(rows: Callable[[str], Rows]) -> Callable[[str], Rows]:
    return lambda name: rows(f"synthea_dbt_28/{name}.csv")


@pytest.fixture(scope="module")
def home(computed: Callable[..., Any]) -> Any:
    return computed("synthea")


@pytest.fixture(scope="module")
def whole(home: Any) -> dict[str, tuple[Any, Any]]:
    """Numerator and denominator of every indicator over the one state."""
    values = home.table("ind__values").filter(pl.col("area_level") == "state", pl.col("stratum") == "all")
    return {key: (top, bottom) for key, top, bottom in values.select("indicator_id", "numerator", "denominator").rows()}


@pytest.fixture(scope="module")
def living(read: Callable[[str], Rows]) -> set[str]:
    return {row["Id"] for row in read("patients") if not "" < row["DEATHDATE"][:10] <= END}


def test_every_table_is_taken(home: Any, read: Callable[[str], Rows]) -> None:
    found = {row["feed"]: row for row in file_rows(home.road.intake, [YEAR], home.road.settings.home).to_dicts()}
    assert len(found) == 18
    for feed, row in found.items():
        table = "patients" if feed == "residents" else feed
        assert row["records"] == len(read(table)) == row["current"] + row["non_data"], feed


def test_encounters_of_the_year(
    whole: dict[str, tuple[Any, Any]], read: Callable[[str], Rows], living: set[str]
) -> None:
    rows = [row for row in read("encounters") if row["START"][:4] == YEAR and row["PATIENT"] in living]
    # Urgent care counts as emergency by the code list of this home.
    emergencies = sum(row["ENCOUNTERCLASS"] in ("emergency", "urgentcare") for row in rows)
    admissions = sum(row["ENCOUNTERCLASS"] == "inpatient" for row in rows)
    cents = sum(round(Decimal(row["TOTAL_CLAIM_COST"]) * 100) for row in rows)
    assert whole["emergency_share_pct"] == (emergencies, len(rows))
    assert whole["admissions_per_1k"] == (admissions, len(living))
    assert whole["cost_per_encounter"] == (cents, len(rows))
    assert 0 < emergencies < len(rows) < len(read("encounters"))


def test_the_last_systolic_reading_of_each_person(
    whole: dict[str, tuple[Any, Any]], read: Callable[[str], Rows], living: set[str]
) -> None:
    last: dict[str, tuple[str, Decimal]] = {}
    for row in read("observations"):
        if row["CODE"] == SYSTOLIC and row["PATIENT"] in living:
            known = last.get(row["PATIENT"], ("", Decimal(0)))
            last[row["PATIENT"]] = max(known, (row["DATE"], Decimal(row["VALUE"])))
    below = sum(value < 140 for _, value in last.values())
    assert whole["systolic_below_140_pct"] == (below, len(last))
    assert 0 < below < len(last)

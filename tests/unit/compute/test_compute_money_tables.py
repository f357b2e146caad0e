"""What the engine computes beside the lines is published: institutions by day, standards, dividends, gain shares."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.compute.allocation_tables import check_tables
from tests.unit.compute.test_compute_allocation import ALLOCATION, NOW, city, counted, divided

__all__ = ["city"]
SERVES = """  served:
    rows: records
    mart: mart__health_bureau__serves
    columns: {institution: institution_code, community: community_id, share: share, from: served_from, to: served_to}
    of: period
  costs: {rows: payees, columns: {id: {area: id}, spent: {measure: spending}, due: {measure: budget},
          error: {measure: population, times: "0.01"}}}
payees: """
MORE = """  - id: heads
    kind: standard
    share: "0.1"
    population: {column: people}
    standard: "0.01"
    over_pool: pro_rata
  - id: dividend
    kind: dividend
    share: "0.05"
    need: need
    year: 1
    fund: transition
    risk_before: {column: before}
    risk_improved: {column: risk}
sources:"""
AFTER = """serves: {table: served, institution: institution, community: community, share: share, from: from, to: to}
gain_share: {costs: {table: costs, payee: id, observed: spent, expected: due, error: error}, expected_from: risk_model,
             minimum_rate: "0.02", sharing_rate: "0.5", most: "0.1"}
"""
MONEY = (
    ALLOCATION.replace('kind: need\n    share: "0.75"', 'kind: need\n    share: "0.60"')
    .replace("payees: ", SERVES, 1)
    .replace("sources:", MORE)
    .replace("      risk: {", "      before: {measure: population, times: '0.02', digits: 2}\n      risk: {", 1)
    + AFTER
)
# c1 changed its centre in the middle of the third quarter, after 46 of its 92 days; c2 is served by two.
MAP = [
    ("H1", "c1", "1", date(2020, 1, 1), date(2025, 8, 15)),
    ("H2", "c1", "1", date(2025, 8, 16), None),
    ("H1", "c2", "0.25", date(2020, 1, 1), None),
    ("H2", "c2", "0.75", date(2020, 1, 1), None),
    ("H2", "c3", "1", date(2020, 1, 1), None),
    ("H2", "empty", "1", date(2020, 1, 1), None),
]


@pytest.fixture
def served(city: Any) -> Any:
    city.write_settings("allocation", MONEY)
    check_tables(city.settings, city.catalog)
    columns = ["institution_code", "community_id", "share", "served_from", "served_to"]
    rows = [(one, two, Decimal(share), start, end) for one, two, share, start, end in MAP]
    types = {"share": pl.Decimal(38, 4), "served_from": pl.Date, "served_to": pl.Date}
    frame = pl.DataFrame(rows, columns, orient="row", schema_overrides=types)
    city.put("mart__health_bureau__serves", NOW, frame)
    # An area without people is left out; that somebody serves it stops nothing.
    areas = [
        {"area_level": "community", "area_id": own, "area_name": own, "is_rural": own == "c2", "leaf_count": 1}
        for own in ("c1", "c2", "c3", "empty")
    ]
    city.put_rows("mart__areas", NOW, areas)
    counts = []
    for measure, own in (
        ("population", {"c1": 3000, "c2": 1000, "c3": 500, "empty": 0}),
        ("spending", {"c1": 90_000, "c2": 100_000, "c3": 100_000}),
        ("budget", {"c1": 100_000, "c2": 100_000, "c3": 90_000}),
    ):
        counted(city, measure, own)
        counts.append(_counts(city))
    city.put("ind__counts", NOW, pl.concat(counts))
    return city


def _counts(city: Any) -> pl.DataFrame:
    from assets.lake import parts

    frame = parts.read_table(city.home, "ind__counts", [NOW])
    assert frame is not None
    return frame


def test_money_of_a_community_goes_to_who_served_it_each_for_its_days(served: Any) -> None:
    found = divided(served)
    assert found.status == "ok", found.message
    table = found.tables["alloc__institutions"]
    money = dict(found.payees.select("payee_id", "amount_fen").iter_rows())
    own = {
        row[:2]: row[2:] for row in table.select("community_id", "institution_id", "share", "amount_fen").iter_rows()
    }
    half = Decimal("0.5")
    assert (own["c1", "H1"][0], own["c1", "H2"][0]) == (half, half)
    assert own["c1", "H1"][1] + own["c1", "H2"][1] == money["c1"]
    assert abs(own["c1", "H1"][1] - own["c1", "H2"][1]) <= 1
    assert (own["c2", "H2"][0], own["c3", "H2"]) == (Decimal("0.75"), (Decimal(1), money["c3"]))
    assert "empty" not in table["community_id"].to_list()
    year = dict(found.payees.select("payee_id", "year_fen").iter_rows())
    sums = table.group_by("community_id").agg(pl.col("year_fen").sum())
    assert dict(sums.iter_rows()) == {area: year[area] for area in ("c1", "c2", "c3")}
    # Of the 273 days of the year so far the first centre of c1 served 227.
    first = table.filter(community_id="c1", institution_id="H1")["year_fen"].item()
    assert abs(first - year["c1"] * 227 / 273) < 1


def test_a_day_that_nobody_serves_is_refused_and_nothing_is_paid(served: Any) -> None:
    from assets.lake import parts

    frame = parts.read_table(served.home, "mart__health_bureau__serves", [NOW])
    assert frame is not None
    served.put("mart__health_bureau__serves", NOW, frame.filter(pl.col("served_to").is_null()))
    found = divided(served)
    assert found.status == "no_data"
    assert "c1" in found.message["zh"]
    assert "2025-01-01" in found.message["en"]
    assert found.lines.is_empty()


def test_standards_dividends_and_simulations_are_tables_of_the_release(served: Any) -> None:
    found = divided(served)
    standard = found.tables["alloc__standard"].filter(payee_id="c1").row(0, named=True)
    assert (standard["population"], standard["standard_yuan"]) == (Decimal(3000), Decimal("0.01"))
    assert standard["full_fen"] == 3000
    assert (
        standard["paid_fen"] == found.tables["alloc__payments"].filter(payee_id="c1", stream="heads")["year_fen"].item()
    )
    dividend = {row["payee_id"]: row for row in found.tables["alloc__dividend"].to_dicts()}
    # c1 fell from 60 to 50, c2 rose from 20 to 80: only the one that got better is made good.
    assert dividend["c1"]["risk_before"] == Decimal(60)
    assert dividend["c1"]["due_fen"] == dividend["c1"]["loss_fen"] > 0
    assert dividend["c2"]["due_fen"] == 0
    shares = {row["payee_id"]: row for row in found.tables["alloc__gain_share"].to_dicts()}
    assert (shares["c1"]["savings_fen"], shares["c1"]["would_share_fen"]) == (10_000, 5_000)
    assert {row["label"] for row in shares.values()} == {"simulation, not payable"}
    assert shares["c2"]["reason"] == "below_minimum_rate"
    payers = found.tables["alloc__payers"]
    assert payers.group_by("rule").agg(pl.col("amount_fen").sum()).filter(pl.col("amount_fen") != 0).is_empty()
    # None of it is money: the lines still make up the instalment alone.
    assert found.lines["amount_fen"].sum() == found.budget == 25_000

"""What streams carried over: taken up by sources of later years, never more than is there, and else said."""

from typing import Any

import polars as pl
import pytest

from assets.compute.carried import carried_over, left_lying, with_carried
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.messages import text
from data_contracts.periods import Period
from data_contracts.tables import output_tables
from evaluations.allocation.snapshot import DataError
from tests.unit.evaluations.allocation_world import need, spec

FIRST = "2023Q1"


def release(name: str, *, fen: int, carried: pl.DataFrame | None = None) -> dict[str, pl.DataFrame]:
    """The one that closed a year in which the stream left so much of its own money."""
    fund = {"payee_kind": ["fund"], "payee_id": ["carry_over"], "stream": ["need"], "year_fen": [fen]}
    tables = {"alloc__payments": pl.DataFrame(fund), "release": pl.DataFrame({"release": [name]})}
    return tables if carried is None else {**tables, "alloc__carried": carried}


def year(number: int, released: dict[str, Any], source: dict[str, Any] | None) -> tuple[AllocationSpec, pl.DataFrame]:
    own = {"id": "last_year", "kind": "carried_over", "for": ["need"], **(source or {})}
    cash = {"id": "county", "kind": "county", "residual": True}
    period = Period.parse(f"{number}Q1")
    rules = spec([need(None)], sources=[cash] if source is None else [cash, own])
    rules = with_carried(rules, period, FIRST, released.get)
    return rules, carried_over(rules, period, released.get)


def test_what_a_year_does_not_take_up_a_later_one_can() -> None:
    released = {"2023Q4": release("2023Q4-r1", fen=10_000)}
    _, carried = year(2024, released, None)
    assert carried.rows() == [("need", 10_000, 0, 10_000, "2023Q4-r1")]
    said = left_lying(carried)
    assert said is not None
    assert "need 100.00" in said["zh"]
    assert "2023Q4-r1" in said["en"]
    # The year after has 5 yuan of its own, takes up 80 of 105, and leaves 25 for the one after that.
    released["2024Q4"] = release("2024Q4-r1", fen=500, carried=carried)
    rules, carried = year(2025, released, {"amount": "80"})
    assert rules.carried_over() == {"need": 8_000}
    assert carried.rows() == [("need", 10_500, 8_000, 2_500, "2024Q4-r1")]
    assert "need 25.00" in str(left_lying(carried))
    released["2025Q4"] = release("2025Q4-r1", fen=0, carried=carried)
    rules, carried = year(2026, released, {})
    assert rules.carried_over() == {"need": 2_500}
    assert left_lying(carried) is None


@pytest.mark.parametrize(("amount", "fen"), [("4.99", 499), ("5", 500)])
def test_a_source_may_spend_what_was_carried_over_or_less(amount: str, fen: int) -> None:
    released = {"2024Q4": release("2024Q4-r1", fen=500)}
    assert year(2025, released, {"amount": amount})[0].carried_over() == {"need": fen}


def test_no_source_spends_more_than_was_carried_over() -> None:
    released = {"2024Q4": release("2024Q4-r1", fen=500)}
    with pytest.raises(DataError) as fault:
        year(2025, released, {"amount": "5.01"})
    for part in ("last_year", "need", "5.01", "5.00", "2024Q4-r1"):
        assert part in str(fault.value.words)


def test_where_no_release_tells_a_stated_amount_is_believed_and_none_is_made_up() -> None:
    rules, carried = year(2025, {}, {"amount": "7"})
    assert rules.carried_over() == {"need": 700}
    assert carried.is_empty()
    with pytest.raises(DataError) as fault:
        year(2025, {}, {})
    assert "2024Q4" in fault.value.words["zh"]
    # Before the first year of the home nothing was carried over.
    assert year(2023, {}, {})[0].carried_over() == {}


def test_one_word_for_what_a_payee_still_holds_and_one_for_what_a_stream_carried_over() -> None:
    for name in ("statement.carried_over_fen", "step.carried_over_used", "line.carried_over_used"):
        assert "结余" in text(f"allocate.{name}", "zh")
        assert "结转" not in text(f"allocate.{name}", "zh")
        assert "own balance" in text(f"allocate.{name}", "en").lower()
    assert (text("finance.carried_over", "zh"), text("finance.carried_over", "en")) == ("结余", "Own balance")
    column = output_tables()["alloc__settlement"].columns["carried_over_fen"].titles
    assert ("结余" in column.zh, "结转" in column.zh) == (True, False)
    assert {text(f"{page}.source.carried_over", "zh") for page in ("allocate", "finance")} == {"上年结转"}

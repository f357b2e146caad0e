"""Laws of paying a year's money period by period: due less paid before, exact for every payee, stream and source."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation.engine import allocate
from evaluations.allocation.lines import yuan
from evaluations.allocation.periods import PENDING, Part, PeriodPayment, paid_in
from evaluations.rounding import instalments
from tests.laws.test_laws_allocation_engine import COUNTY, INDICATORS, counts, decimals, performance
from tests.unit.evaluations.allocation_world import NEED, frame, spec

KEYS = ["payee_kind", "payee_id"]
SOURCES = [
    {"id": "central", "kind": "central", "share": "0.4"},
    {"id": "insurer", "kind": "insurer", "share": "0.5", "for": ["p"]},
    {"id": "bikes", "kind": "in_kind", "amount": "10.01", "for": ["need"]},
    {"id": "county", "kind": "county", "residual": True},
]
STREAMS: list[dict[str, Any]] = [
    {"id": "spare", "kind": "fund", "share": "0.07", "fund": "contingency", "contingency": True},
    {**NEED, "share": "0.53", "risk": {**NEED["risk"], "missing": "lowest_possible"}},
    performance(learnt=False, share="0.25", quarterly={"advance": "0.8", "largest_change": "0.1"}),
    {
        "id": "prize", "kind": "awards", "share": "0.15", "over_pool": "pro_rata",
        "classes": [{"id": "best", "by": "rank", "score": {"column": "risk"}, "amounts": [[1, 50], [2, 20]]}],
    },
]  # fmt: skip


def paid(rows: list[dict[str, Any]], figures: list[dict[str, Any]], budget: Any, index: int) -> PeriodPayment:
    streams = [{**own, "through": f"2025Q{index}"} if own["kind"] == "performance" else own for own in STREAMS]
    rules = spec(streams, budget, sources=SOURCES)
    known = [row for row in figures if row["quarter"] <= f"2025Q{index}"]
    found = allocate(rules, {"payees": frame(rows), "figures": frame(known)})
    assert found.conflict is None, found.conflict
    return paid_in(rules, found.tables, found.budget, Part(index, 4))


def sums(frame: pl.DataFrame, *by: str, name: str = "amount_fen") -> dict[Any, int]:
    found = frame.group_by(by).agg(pl.col(name).sum()).filter(pl.col(name) != 0)
    return {row[:-1]: row[-1] for row in found.iter_rows()}


@settings(max_examples=25, deadline=None)
@given(st.data(), COUNTY, decimals(1_000, 900_000, 2))
def test_every_period_pays_its_instalment_and_the_year_what_is_due(
    data: st.DataObject, rows: list[dict[str, Any]], budget: Any
) -> None:
    rows = [{**row, "people": row["people"] + 1, "registered": row["registered"] + 1, "age": 1, "q": 1}
            for row in rows]  # fmt: skip
    figures = counts(rows, data.draw)
    # As on the road: every quarter has its rows, late ones without figures.
    there = {(row["id"], row["indicator"], row["quarter"]) for row in figures}
    figures += [
        {"id": row["id"], "indicator": name, "quarter": f"2025Q{quarter}"}
        for row in rows for name in INDICATORS for quarter in (1, 2, 3, 4)
        if (row["id"], name, f"2025Q{quarter}") not in there
    ]  # fmt: skip
    whole = instalments(int(budget * 100), 4)
    year = [paid(rows, figures, budget, index) for index in (1, 2, 3, 4)]
    total: dict[Any, int] = {}
    for amount, own in zip(whole, year, strict=True):
        assert own.amount == amount == own.lines["amount_fen"].sum()
        assert sums(own.lines, *KEYS, "stream") == sums(own.payments, *KEYS, "stream")
        payees = own.payments.filter(pl.col("payee_kind") != "fund")
        assert payees.filter(pl.col("amount_fen") < 0).is_empty()
        assert own.sources is not None
        cash = own.sources.filter("cash")
        assert sums(cash, *KEYS, "line_no") == sums(own.lines, *KEYS, "line_no")
        for key, value in sums(own.payments, *KEYS, "stream").items():
            total[key] = total.get(key, 0) + value
    last = year[-1]
    # What is due at the end is the year's amount, and what was paid over the year is that and what is still owed, for
    # every payee and fund in every stream; nothing stays pending.
    payees = last.payments.filter(pl.col("payee_kind") != "fund")
    assert payees["due_fen"].to_list() == payees["year_fen"].to_list()
    assert payees["set_off_fen"].min() >= 0 if payees.height else True
    closed = last.payments.with_columns(pl.col("due_fen") + pl.col("set_off_fen"))
    assert {key: value for key, value in total.items() if value} == sums(closed, *KEYS, "stream", name="due_fen")
    assert all(due == 0 for (_, payee, _), due in sums(closed, *KEYS, "stream", name="due_fen").items()
               if payee == PENDING)  # fmt: skip
    owed = sums(payees, "stream", name="set_off_fen")
    kept = sums(last.payments.filter(payee_kind="fund", payee_id="settlement"), "stream", name="due_fen")
    assert kept == {key: -amount for key, amount in owed.items()}
    by_source: dict[Any, int] = {}
    for own in year:
        assert own.sources is not None
        for key, value in sums(own.sources, "source").items():
            by_source[key] = by_source.get(key, 0) + value
    assert by_source.get(("bikes",), 0) == 1001
    assert sum(value for key, value in by_source.items() if key != ("bikes",)) == int(budget * 100)


def test_a_year_of_one_part_is_paid_as_it_is_divided() -> None:
    rules = spec([{"id": "spare", "kind": "fund", "share": "0.1", "fund": "f"}, {**NEED, "share": "0.9"}], "1000.01")
    found = allocate(rules, {"payees": frame([{"id": "a", "rural": 0, "people": 7, "age": 1, "cost": 1, "risk": 50,
                                               "q": 1}])})  # fmt: skip
    own = paid_in(rules, found.tables, found.budget, Part(1, 1))
    assert own.lines.equals(found.tables["lines"])
    assert own.sources is None


@pytest.mark.parametrize(("index", "held"), [(1, 3750), (2, 3750), (3, 3750), (4, -11_250)])
def test_contests_are_paid_when_the_year_is_over_from_what_was_held(index: int, held: int) -> None:
    rules = spec([STREAMS[3] | {"share": 1}], "150")
    payees = [{"id": "a", "rural": 0, "people": 1, "risk": 9}, {"id": "b", "rural": 0, "people": 1, "risk": 8}]
    found = allocate(rules, {"payees": frame(payees)})
    own = paid_in(rules, found.tables, found.budget, Part(index, 4))
    assert dict(own.payments.filter(payee_id=PENDING).select("stream", "amount_fen").iter_rows()) == {"prize": held}
    due = {"a": 5000, "b": 2000, "unspent": 8000} if index == 4 else {}
    assert sums(own.payments.filter(pl.col("payee_id") != PENDING), "payee_id") == {
        (payee,): amount for payee, amount in due.items()
    }


def test_a_statement_says_the_year_then_what_is_not_due_yet_and_what_was_paid() -> None:
    rules = spec([{**NEED, "share": 1}], "1000.01")
    payees = [{"id": "a", "rural": 0, "people": 7, "age": 1, "cost": 1, "risk": 50, "q": 1}]
    found = allocate(rules, {"payees": frame(payees)})
    own = paid_in(rules, found.tables, found.budget, Part(3, 4)).lines
    closing = own.filter(stage="S9").select("line_id", "amount_fen").rows()
    # 1000.01 yuan: three of four instalments are 750.00, two are 500.00
    assert closing == [("not_due_yet", -25_001), ("before_by_rules", -50_000)]
    assert yuan(own["amount_fen"].sum()) == "250.00"

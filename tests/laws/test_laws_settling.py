"""Laws of a year settled against what was really paid, whatever figures change between its periods."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation.engine import allocate
from evaluations.allocation.periods import Part, PeriodPayment, paid_in
from evaluations.allocation.settling import Prepaid, Record
from evaluations.rounding import instalments
from tests.laws.test_laws_allocation_engine import COUNTY, INDICATORS, counts, decimals
from tests.laws.test_laws_allocation_periods import SOURCES, STREAMS, sums
from tests.unit.evaluations.allocation_world import frame, spec

KEYS = ["payee_kind", "payee_id"]
Rows = list[dict[str, Any]]


def known_by(rows: Rows, figures: Rows, index: int) -> Rows:
    """Figures of the quarters so far; who has none has a row without."""
    there = {(row["id"], row["indicator"], row["quarter"]): row for row in figures}
    wanted = [
        {"id": row["id"], "indicator": name, "quarter": f"2025Q{quarter}"}
        for row in rows for name in INDICATORS for quarter in range(1, index + 1)
    ]  # fmt: skip
    return [there.get((own["id"], own["indicator"], own["quarter"]), own) for own in wanted]


def through(index: int, budget: Any) -> Any:
    """The rules as the road has them in a quarter."""
    streams = [{**own, "through": f"2025Q{index}"} if own["kind"] == "performance" else own for own in STREAMS]
    return spec(streams, budget, sources=SOURCES)


@settings(max_examples=6, deadline=None)
@given(st.data(), COUNTY, decimals(1_000, 900_000, 2))
def test_a_year_pays_what_is_due_less_what_is_set_off_whatever_changed(
    data: st.DataObject, rows: Rows, budget: Any
) -> None:
    rows = [{**row, "people": row["people"] + 1, "registered": row["registered"] + 1, "age": 1, "q": 1}
            for row in rows]  # fmt: skip
    ids = [("community", row["id"]) for row in rows]
    amounts = st.integers(0, 2_000_000)
    carried = {own: data.draw(amounts) for own in ids if data.draw(st.booleans())}
    back = {own: data.draw(amounts) for own in ids if data.draw(st.booleans())}
    whole = instalments(int(budget * 100), 4)
    paid: dict[tuple[str, str, str], list[int]] = {}
    taken: dict[tuple[str, str, str], int] = {}
    cash: dict[Any, int] = {}
    for index in (1, 2, 3, 4):
        # People move and figures are corrected from one quarter to the next.
        moved = [(data.draw(st.integers(0, 400)), data.draw(st.integers(0, 100))) for _ in rows]
        rows = [
            {**row, "people": row["people"] + more, "risk": risk} for row, (more, risk) in zip(rows, moved, strict=True)
        ]
        tables = {"payees": frame(rows), "figures": frame(known_by(rows, counts(rows, data.draw), index))}
        rules = through(index, budget)
        found = allocate(rules, tables)
        assert found.conflict is None
        record = Record(dict(paid), dict(taken), carried, back)
        own = paid_in(rules, found.tables, found.budget, Part(index, 4), record)
        check_period(own, whole[index - 1], cash, carried, back)
        for kind, payee, stream, amount, set_off in own.payments.select(
            *KEYS, "stream", "amount_fen", "set_off_fen"
        ).iter_rows():
            key = (kind, payee, stream)
            settled = max(0, -set_off)
            history = paid.setdefault(key, [0] * (index - 1))
            history.append(amount + settled)
            taken[key] = taken.get(key, 0) + settled
            cash[kind, payee] = cash.get((kind, payee), 0) + amount
        for history in paid.values():
            history += [0] * (index - len(history))
    assert sum(cash.values()) == sum(whole)


def check_period(own: PeriodPayment, amount: int, cash: dict[Any, int], carried: Any, back: Any) -> None:
    """One period: exact sums, nobody below nothing, the settlement of every payee, and what its quarters say."""
    assert own.amount == amount == own.lines["amount_fen"].sum() == own.payments["amount_fen"].sum()
    assert sums(own.lines, *KEYS, "stream") == sums(own.payments, *KEYS, "stream")
    assert own.sources is not None
    assert own.settlement is not None
    assert sums(own.sources.filter("cash"), *KEYS, "line_no") == sums(own.lines, *KEYS, "line_no")
    payees = own.payments.filter(pl.col("payee_kind") != "fund")
    assert payees.filter(pl.col("amount_fen") < 0).is_empty()
    payable = sums(payees, *KEYS)
    for row in own.settlement.iter_rows(named=True):
        key = (row["payee_kind"], row["payee_id"])
        used = row["prepaid_fen"] + row["carried_over_fen"] + row["claw_back_fen"] + row["payable_fen"]
        assert row["due_fen"] + row["offset_next_year_fen"] == used
        assert row["prepaid_fen"] == cash.get(key, 0)
        assert row["payable_fen"] == payable.get(key, 0)
        assert (row["carried_over_fen"], row["claw_back_fen"]) == (carried.get(key, 0), back.get(key, 0))
        assert row["offset_next_year_fen"] >= 0
    assert own.quarters.filter(pl.col("paid_fen") < 0).is_empty()


@settings(max_examples=6, deadline=None)
@given(st.data(), COUNTY, decimals(1_000, 900_000, 2), st.integers(2, 4))
def test_a_sum_that_the_finance_office_states_is_what_was_paid(
    data: st.DataObject, rows: Rows, budget: Any, index: int
) -> None:
    rows = [{**row, "people": row["people"] + 1, "registered": row["registered"] + 1, "age": 1, "q": 1}
            for row in rows]  # fmt: skip
    rules = through(index, budget)
    tables = {"payees": frame(rows), "figures": frame(known_by(rows, counts(rows, data.draw), index))}
    found = allocate(rules, tables)
    stated = {("community", row["id"]): data.draw(st.integers(0, int(budget * 30))) for row in rows}
    carried = {own: data.draw(st.integers(0, 1_000_000)) for own in stated}
    own = paid_in(rules, found.tables, found.budget, Part(index, 4), Prepaid(stated, carried))
    check_period(own, instalments(int(budget * 100), 4)[index - 1], stated, carried, {})

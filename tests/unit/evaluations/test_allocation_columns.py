"""What is reckoned for many at once is what is reckoned one by one; numbers that no table holds are refused by name."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.messages import both
from evaluations.allocation.lines import frame_of
from evaluations.allocation.scoring import reliable
from evaluations.allocation.snapshot import DataError
from evaluations.allocation.sources import shared_lines, shared_lines_of_many
from evaluations.allocation.statement import logs
from evaluations.rounding import by_place, largest_remainder, rows_by_id, rows_by_place
from tests.unit.evaluations.allocation_world import need, run

# Small ones make ties, large ones overflow the whole numbers of the machine when they are multiplied.
AMOUNT = st.one_of(st.integers(0, 12), st.integers(0, 10**12), st.just(4 * 10**12))
LARGEST = 2**63 - 1
_BUDGET = 10**17 - 1


@given(st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT), min_size=1, max_size=6), st.booleans())
def test_rows_are_split_at_once_as_they_are_one_by_one(rows: list[tuple[int, ...]], whole: bool) -> None:
    weights, totals = [list(row[:3]) for row in rows], [row[3] for row in rows]
    kind: Any = object if whole else np.int64
    found = rows_by_place(np.array(weights, dtype=kind), np.array(totals, dtype=kind))
    assert found.tolist() == [by_place(row, total) for row, total in zip(weights, totals, strict=True)]
    ids = ["b", "a", "c"]
    found = rows_by_id(np.array(weights, dtype=kind), np.array(totals, dtype=kind), ids)
    assert found.tolist() == [largest_remainder(row, total, ids) for row, total in zip(weights, totals, strict=True)]


@pytest.mark.parametrize("weight", [LARGEST // 3 - 1, LARGEST // 3, LARGEST // 3 + 1, 2**62])
def test_weights_that_only_together_go_beyond_the_machine_lose_no_unit(weight: int) -> None:
    found = rows_by_place(np.array([[weight] * 3]), np.array([1]))
    assert found.tolist() == [by_place([weight] * 3, 1)] == [[1, 0, 0]]


@st.composite
def of_a_payee(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Lines of one payee, some below 0; what three sources give it, of one sign, which sum to them; other weights."""
    lines = draw(st.lists(st.one_of(AMOUNT, AMOUNT.map(int.__neg__)), min_size=1, max_size=6))
    net = sum(lines)
    parts = by_place(draw(st.lists(st.integers(1, 9), min_size=3, max_size=3)), abs(net))
    otherwise = draw(st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any))
    return lines, [part if net > 0 else -part for part in parts], otherwise


@settings(max_examples=60)
@given(st.lists(of_a_payee(), min_size=1, max_size=5), st.sampled_from([1, 10**6]))
def test_lines_of_all_payees_fall_to_sources_as_those_of_each(
    payees: list[tuple[list[int], list[int], list[int]]], unit: int
) -> None:
    """A unit of a million takes sums beyond what the machine multiplies."""
    lines = [line * unit for own, _, _ in payees for line in own]
    places = [at for at, (own, _, _) in enumerate(payees) for _ in own]
    parts, otherwise = [[part * unit for part in own] for _, own, _ in payees], [own for _, _, own in payees]
    columns = np.array(lines), np.array(places), np.array(parts), np.array(otherwise)
    wanted = [
        row
        for (own, _, _), part, other in zip(payees, parts, otherwise, strict=True)
        for row in shared_lines([line * unit for line in own], part, other)
    ]
    assert shared_lines_of_many(*columns).tolist() == wanted


@settings(max_examples=40)
@given(st.sets(st.integers(1, 10**14), min_size=1, max_size=40), st.integers(1, 10**13))
def test_logarithms_from_neighbours_are_logarithms(apart: set[int], start: int) -> None:
    figures = {start + own % 10**6 for own in apart} | apart
    with localcontext() as context:
        context.prec = 50
        found = logs(figures)
        assert all(abs(found[own] - Decimal(own).ln()) < Decimal("1e-44") for own in figures)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=1, max_size=6), st.integers(2, 10**6))
def test_reliability_does_not_depend_on_the_unit_of_the_counts(cells: list[tuple[int, int]], unit: int) -> None:
    tops = np.array([min(cell) for cell in cells], dtype=object)
    cases = np.array([max(cell) for cell in cells], dtype=object)
    (used, _), (sure, _) = reliable(tops, cases)
    (again, _), (as_sure, _) = reliable(tops * unit, cases * unit, unit)
    assert (used.tolist(), sure.tolist()) == (again.tolist(), as_sure.tolist())


@pytest.mark.parametrize(("number", "held"), [
    (LARGEST - 1, True), (LARGEST, True), (LARGEST + 1, False), (-LARGEST - 1, True), (-LARGEST - 2, False),
])  # fmt: skip
def test_a_table_holds_whole_numbers_up_to_its_largest_and_refuses_others_by_name(number: int, held: bool) -> None:
    rows = [("P1", number), ("P2", 5)]
    if held:
        assert frame_of(rows, payee_id=str, amount_fen=int)["amount_fen"].to_list() == [number, 5]
        return
    with pytest.raises(DataError) as refused:
        frame_of(rows, payee_id=str, amount_fen=int)
    assert refused.value.words == both("allocate_beyond_tables", column="amount_fen", count=1, most=f"{LARGEST:,}")


@pytest.mark.parametrize(("people", "beyond"), [(92, 0), (93, 1), (94, 2)])
def test_money_that_only_a_new_payee_may_take_makes_lines_that_no_table_holds(people: int, beyond: int) -> None:
    """All but one are capped at a yuan; a line each says what the multiplier that remains would give, and the cap."""
    payees = [
        {"id": "old", "rural": 0, "people": people, "previous": "1"},
        {"id": "new", "rural": 0, "people": 1, "previous": None},
    ]
    stream = need({"cap_change": 0}, factors=[], risk=None, inequality=None)
    if not beyond:
        found = run([stream], payees, amount="999999999999999.99").tables["lines"]
        assert found["amount_fen"].sum() == _BUDGET
        assert found["amount_fen"].max() == (_BUDGET - 100) * people - round(Fraction(_BUDGET * people, people + 1))
        return
    with pytest.raises(DataError, match=f"amount_fen.*{beyond} numbers lie beyond.*{LARGEST:,}"):
        run([stream], payees, amount="999999999999999.99")

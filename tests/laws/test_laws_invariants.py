"""The 25 invariants of the allocation engine one by one, each with the laws that hold it; and random cities.

A law stands in the module of what it is about; the list says which one fails when an invariant is broken. Here stand
those that are about no single stage: the exact vector is rounded once, and no city loses a fen.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import ROUND_UP, Context, Decimal, localcontext
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.allocation_spec.need import Risk
from evaluations.allocation.engine import allocate
from evaluations.allocation.need import QUANTUM, multipliers
from evaluations.rounding import largest_remainder
from tests.laws import test_laws_allocation as filling
from tests.laws import test_laws_allocation_engine as engine
from tests.laws import test_laws_audit as audit
from tests.laws import test_laws_conflict as conflict
from tests.laws import test_laws_money as money
from tests.laws import test_laws_plain_county as plain
from tests.laws.plain_county import multiplier
from tests.laws.random_cities import added_up, lived_through, year_added_up
from tests.unit.evaluations.allocation_world import WORKED_PAYEES, need, run

Row = dict[str, Any]


@settings(max_examples=60)
@given(engine.COUNTY, engine.BUDGET)
def test_targets_are_the_exact_vector_rounded_once(rows: list[Row], budget: Decimal) -> None:
    """Laws 11, 12 and 25: within a fen of exact targets, whole parts kept, the largest remainders first."""
    linear = {"column": "risk", "form": "linear", "slope": "0.5", "reference": 50}
    found = run([need(risk=linear, inequality=None)], rows, amount=budget)
    weights = [
        row["people"] * Fraction(row["age"]) * Fraction(row["cost"]) * (1 + (Fraction(row["risk"]) - 50) / 200)
        for row in rows
    ]
    if not any(weights):
        assert found.conflict is not None
        return
    pool = int(budget * 100)
    exact = [pool * own / sum(weights) for own in weights]
    targets = found.tables["need"]["target_fen"].to_list()
    assert all(own - whole in (0, 1) for own, whole in zip(targets, map(int, exact), strict=True))
    raised = [own % 1 for own, target in zip(exact, targets, strict=True) if target > int(own)]
    left = [own % 1 for own, target in zip(exact, targets, strict=True) if target == int(own)]
    assert not raised or not left or min(raised) >= max(left)
    assert len(raised) == pool - sum(map(int, exact))


@settings(max_examples=60)
@given(engine.COUNTY, engine.BUDGET, st.sampled_from(["-0.02", "-0.3", "-1"]), st.sampled_from(["0.12", "0.5", "4"]))
def test_nobody_leaves_the_bounds_that_the_rules_give(rows: list[Row], budget: Decimal, fall: str, rise: str) -> None:
    """Law 2, with floors and caps from the rows, not from the result."""
    found = run([need({"floor_change": fall, "cap_change": rise})], rows, amount=budget)
    if found.conflict is not None:
        return
    for row, amount in zip(rows, found.tables["need"]["amount_fen"], strict=True):
        if row["previous"]:
            before = Fraction(row["previous"]) * 100 if row["people"] else Fraction(0)
            floor = ceil(before * (1 + Fraction(fall)))
            assert floor <= amount <= max(floor, int(before * (1 + Fraction(rise))))


def test_a_larger_pool_may_lower_a_rounded_share_so_totals_are_never_rounded_again() -> None:
    """Law 25: the paradox of Alabama in the rounding itself."""
    before, after = (largest_remainder([6, 6, 2], total, ["a", "b", "c"]) for total in (10, 11))
    assert (before, after) == ([4, 4, 2], [5, 5, 1])


@settings(max_examples=15)
@given(engine.COUNTY)
def test_a_reserve_one_fen_above_what_comes_by_itself_is_met_to_the_fen(rows: list[Row]) -> None:
    """Law 3: a fen below, just at and a fen above what the group gets without it, all of them can be done."""
    rows = [{**row, "people": row["people"] + 1, "age": row["age"] + 1, "q": row["q"] + 1} for row in rows]
    rows = [{**row, "rural": int(at == 0)} for at, row in enumerate(rows)]
    pool = 10**6
    natural = run([need()], rows, amount=Decimal(pool) / 100).tables["need"]["amount_fen"].to_list()
    for more in (-1, 0, 1) if len(rows) > 1 else (-1, 0):
        reserve = {"id": "r", "group": "rural", "minimum_share": Decimal(max(0, natural[0] + more)) / pool}
        found = run([need()], rows, amount=Decimal(pool) / 100, reserves=[reserve])
        assert found.conflict is None
        amounts = found.tables["need"]["amount_fen"].to_list()
        assert (amounts[0], sum(amounts)) == (natural[0] + max(0, more), pool)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_reserve_reaches_just_to_the_floors_of_others_and_to_its_own_caps(more: int) -> None:
    """Laws 3 and 22: one fen further the rules cannot hold together."""
    rows = [{**row, "rural": int(at < 2)} for at, row in enumerate(WORKED_PAYEES)]
    pool, floors = 10**6, [0, 0, 98_001, 200_000, 7, 300_001]
    owed = [{**row, "owed": f"{Decimal(own) / 100}"} for row, own in zip(rows, floors, strict=True)]
    by_law = need(pace={"statutory": {"column": "owed"}})
    capped = [
        {**row, "previous": own} for row, own in zip(rows, ["4000.07", "3000", None, None, None, None], strict=True)
    ]
    for stream, county, most in ((by_law, owed, pool - sum(floors)), (need({"cap_change": "0.1"}), capped, 770_007)):
        reserve = {"id": "r", "group": "rural", "minimum_share": Decimal(most + more) / pool}
        found = run([stream], county, amount=Decimal(pool) / 100, reserves=[reserve])
        assert (found.conflict is None) == (more <= 0)
        if found.conflict is None:
            assert sum(found.tables["need"]["amount_fen"][:2]) >= most + more
        else:
            assert found.conflict.short == more


@settings(max_examples=5)
@given(st.integers(0, 10**9))
def test_money_follows_risk_without_a_jump(seed: int) -> None:
    """Law 14, along a way through all risks and in small steps: a step of risk moves no more than its own size."""
    rows, rules, budget = plain.world(seed)
    own = seed // 8 % len(rows)
    rules |= {"reserves": [], "risk": plain.RISKS[seed % 4]}
    if seed % 2:
        rules["pace"] = {"min_vs_target": "0.9", "floor_change": "-0.02"}
    for steps, change in (
        (range(0, 101, 5), 0.0355),
        ([Decimal(seed % 90) + Decimal(at) / 10 for at in range(12)], 7e-4),
    ):
        last: list[int] | None = None
        for risk in steps:
            county = [{**row, "risk": risk} if at == own else row for at, row in enumerate(rows)]
            found = plain.by_the_engine(county, rules, budget)
            if found.conflict is not None:
                last = None
                continue
            table = found.tables["need"].sort("payee_id")
            now, target = table["amount_fen"].to_list(), table["target_fen"].to_list()
            if last is not None:
                bound = 2 * change * max(now[own], last[own], target[own]) + 2
                assert all(abs(one - other) <= bound for one, other in zip(now, last, strict=True))
            last = now


@settings(max_examples=25)
@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_more_money_lowers_nobody_whatever_the_rules(seed: int, more: int) -> None:
    """Law 6, with reserved shares, floors of every kind and results beside need money."""
    rows, rules, budget = plain.world(seed)
    one, other = (plain.by_the_engine(rows, rules, amount) for amount in (budget, budget + Decimal(more) / 100))
    if one.conflict is None and other.conflict is None:
        before, after = (found.tables["need"].sort("payee_id")["amount_fen"] for found in (one, other))
        assert (after - before).min() >= -1


PRINTS = """
import hashlib, sys
from tests.laws import test_laws_plain_county as plain
found = hashlib.sha256()
for seed in range(12):
    for name, frame in sorted(plain.by_the_engine(*plain.world(seed)).tables.items()):
        found.update(name.encode() + frame.write_csv().encode())
print(found.hexdigest())
"""


def test_the_same_bytes_whatever_the_surroundings() -> None:
    """Law 19: another process, other hashes of words, another reckoning of decimals around the engine."""
    found = hashlib.sha256()
    with localcontext(Context(prec=9, rounding=ROUND_UP)):
        for seed in range(12):
            rows, rules, budget = plain.world(seed)
            for name, table in sorted(plain.by_the_engine(rows, rules, budget).tables.items()):
                found.update(name.encode() + table.write_csv().encode())
    other = subprocess.run(
        [sys.executable, "-c", PRINTS], cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert other.stdout.strip() == found.hexdigest()


@pytest.mark.parametrize("risk", ["24.2433", "33.8177", "96.9678", "92.92"])
def test_a_power_is_exact_where_floating_point_rounds_the_other_way(risk: str) -> None:
    """Law 19: risks whose multiplier lies next to the middle between two steps of 10⁻¹²."""
    words = {"column": "risk", "form": "exponential", "ratio": 2, "reference": 50}
    wanted = multiplier(words, Fraction(risk), [1], [Fraction(risk)])
    assert Fraction(multipliers(Risk.model_validate(words), [Decimal(risk)], [1])[0], QUANTUM) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 1000])
def test_cities_that_really_divide_lose_no_fen(first: int) -> None:
    """Laws 1, 3, 4, 13, 18, 19, 22, line by line and over the year; cities from any other number on are as good."""
    for seed in range(first, first + 50):
        city, year, payments = lived_through(seed)
        added_up(city, year)
        year_added_up(city, year, payments)
        if seed % 5 == 0:
            turned = allocate(city.spec(4), city.tables(4, turned=True))
            assert all(year.tables[name].equals(turned.tables[name]) for name in year.tables)


_BY_HAND = plain.test_the_engine_divides_as_plain_arithmetic_does_or_refuses_where_that_finds_nothing
_RESULTS = plain.test_results_earn_what_plain_arithmetic_says
INVARIANTS: dict[int, tuple[str, list[Callable[..., Any]]]] = {
    1: ("sums exact at every level", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid, _BY_HAND,
                                      test_cities_that_really_divide_lose_no_fen]),
    2: ("floors and caps", [test_nobody_leaves_the_bounds_that_the_rules_give, _BY_HAND]),
    3: ("reserves met", [engine.test_nested_shares_agree_with_trying_every_choice, _BY_HAND,
                         test_a_reserve_reaches_just_to_the_floors_of_others_and_to_its_own_caps,
                         test_a_reserve_one_fen_above_what_comes_by_itself_is_met_to_the_fen]),
    4: ("anonymity", [engine.test_order_of_rows_changes_no_table_and_names_only_ties]),
    5: ("equal treatment of equals", [engine.test_equals_are_treated_equally, _BY_HAND]),
    6: ("resource monotonicity", [engine.test_more_money_lowers_nobody, filling.test_more_money_lowers_nobody,
                                  test_more_money_lowers_nobody_whatever_the_rules]),
    7: ("own-need monotonicity", [engine.test_more_need_brings_no_less]),
    8: ("units", [engine.test_units_of_people_and_money_do_not_matter]),
    9: ("merge and split", [engine.test_splitting_a_payee_pays_nothing]),
    10: ("consistency", [engine.test_fixing_one_place_leaves_the_others, _BY_HAND]),
    11: ("quota", [test_targets_are_the_exact_vector_rounded_once, _BY_HAND]),
    12: ("order of remainders", [filling.test_rounding_sums_stays_within_one_and_keeps_order]),
    13: ("statements sum", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid, _BY_HAND]),
    14: ("continuity", [engine.test_a_small_change_moves_little_money, test_money_follows_risk_without_a_jump]),
    15: ("improvement pays", [audit.test_the_screen_is_the_engine_to_a_few_fen,
                              audit.test_worked_example_of_the_paradox_fails_and_structural_need_passes]),
    16: ("scores", [engine.test_what_is_earned, engine.test_a_better_figure_never_scores_less, _RESULTS]),
    17: ("earned within potential", [engine.test_what_is_earned, _RESULTS,
                                     money.test_earned_and_deducted_money_are_the_standard]),
    18: ("quarters", [engine.test_payments_of_a_year, engine.test_what_is_earned,
                      test_cities_that_really_divide_lose_no_fen]),
    19: ("same bytes", [engine.test_order_of_rows_changes_no_table_and_names_only_ties,
                        test_the_same_bytes_whatever_the_surroundings,
                        test_a_power_is_exact_where_floating_point_rounds_the_other_way]),
    20: ("nobody there, no money", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid, _BY_HAND,
                                    _RESULTS]),
    21: ("missing never pays", [engine.test_keeping_a_figure_back_never_pays, _RESULTS]),
    22: ("infeasible pays nobody", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid, _BY_HAND,
                                    conflict.test_the_engine_divides_up_to_the_best_share_and_no_further]),
    23: ("one-offs stay out of the base", [money.test_what_is_paid_once_never_enters_the_base_of_next_year]),
    24: ("grants", [money.test_grants_stay_within_wish_and_fund, money.test_a_matching_grant_keeps_rate_cap_and_fund]),
    25: ("rounded once", [test_targets_are_the_exact_vector_rounded_once]),
}  # fmt: skip


def test_every_invariant_has_a_law() -> None:
    assert list(INVARIANTS) == list(range(1, 26))
    assert all(laws for _, laws in INVARIANTS.values())

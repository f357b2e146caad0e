"""The 25 invariants of the allocation engine one by one, each with the laws that hold it; and 2,000 random cities.

A law stands in the module of what it is about; the list says which one fails when an invariant is broken. Here stand
those that are about no single stage: the exact vector is rounded once, and no city loses a fen.
"""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import ceil
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluations.allocation.engine import Allocation
from evaluations.rounding import largest_remainder
from tests.laws import test_laws_allocation as filling
from tests.laws import test_laws_allocation_engine as engine
from tests.laws import test_laws_audit as audit
from tests.laws import test_laws_conflict as conflict
from tests.laws import test_laws_money as money
from tests.unit.evaluations.allocation_world import need, run

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


CITIES = 2000


def city(seed: int) -> tuple[list[Row], list[Row], dict[str, Any]]:
    """Payees, streams and the rest of a spec: few payees, many rules, also such as cannot hold together."""
    random = Random(seed)  # noqa: S311  (no secret is drawn)
    rows = [
        {
            "id": f"P{at}", "rural": int(not at or random.random() < 0.5), "people": random.choice([0, 7, 900, 40_000]),
            "age": f"0.{random.randint(1, 999):03d}", "cost": f"1.{random.randint(0, 9)}",
            "risk": random.randint(0, 100), "q": random.randint(0, 6), "registered": random.randint(0, 900),
            "previous": random.choice([None, f"{random.randint(0, 9_000_000) / 100:.2f}"]),
            "score": f"{random.random():.3f}", "marks": random.randint(0, 9),
        }
        for at in range(random.randint(1, 7))
    ]  # fmt: skip
    pace = {
        "floor_change": random.choice(["-0.02", "-0.5", "-1"]), "cap_change": random.choice(["0.12", "2", "9"]),
        "min_vs_target": random.choice(["0", "0.5", "0.9"]),
    }  # fmt: skip
    kinds: list[Row] = [
        {"id": "spare", "kind": "fund", "fund": "contingency", "contingency": True},
        {"id": "paid", "kind": "performance", "registered": {"column": "registered"}, "score": "given",
         "data": {"table": "scores", "payee": "id", "indicator": "indicator", "score": "score"},
         "indicators": [{"id": "a", "weight": 1}],
         "unearned_to": random.choice(["support_fund", "carry_over", "earners"])},
        {"id": "parts", "kind": "factors", "factors": [{"id": "one", "weight": 1, "sum": [{"column": "people"}]}]},
        {"id": "prize", "kind": "awards", "over_pool": "pro_rata",
         "classes": [{"id": "best", "by": "rank", "score": {"column": "marks"}, "amounts": [[1, 50], [2, "0.07"]]}]},
    ]  # fmt: skip
    streams = [stream for stream in kinds if random.random() < 0.5]
    shares = [random.randint(0, 20) for _ in streams]
    streams = [{**stream, "share": f"{share / 100}"} for stream, share in zip(streams, shares, strict=True)]
    streams.append({**need(pace if random.random() < 0.6 else None), "share": f"{1 - sum(shares) / 100:.2f}"})
    more: dict[str, Any] = {"amount": random.choice([f"{random.randint(0, 10**9) / 100:.2f}", "0.07", "90000000"])}
    if random.random() < 0.5:
        more["reserves"] = [{"id": "r", "group": "rural", "minimum_share": random.choice(["0.1", "0.3", "0.8"])}]
    if random.random() < 0.7:
        more["sources"] = [
            {"id": "central", "kind": "central", "share": "0.37"},
            {"id": "donor", "kind": "donation", "share": "0.11", "for": [streams[0]["id"]]},
            {"id": "county", "kind": "county", "residual": True},
        ]
    return rows, streams, more


def divided(rows: list[Row], streams: list[Row], more: dict[str, Any]) -> Allocation:
    scores = [{"id": row["id"], "indicator": "a", "score": row["score"]} for row in rows]
    return run(streams, rows, tables={"scores": scores}, **more)


def added_up(found: Allocation, more: dict[str, Any]) -> None:
    """Money of lines, statements, streams and sources by plain addition: laws 1, 3, 13 and 17."""
    fen = int(Decimal(more["amount"]) * 100)
    by_payee: dict[Any, int] = defaultdict(int)
    by_line, by_stream, by_source = dict[Any, int](), defaultdict[Any, int](int), defaultdict[Any, int](int)
    for line in found.tables["lines"].iter_rows(named=True):
        key = (line["payee_kind"], line["payee_id"])
        by_payee[key] += line["amount_fen"]
        by_line[*key, line["line_no"]] = line["amount_fen"]
        by_stream[line["stream"]] += line["amount_fen"]
    paid = {(row["payee_kind"], row["payee_id"]): row["amount_fen"] for row in found.tables["payees"].to_dicts()}
    assert sum(paid.values()) == sum(by_payee.values()) == fen
    assert min(paid.values()) >= 0
    assert {key: own for key, own in paid.items() if own} == {key: own for key, own in by_payee.items() if own}
    streams = {row["stream"]: row for row in found.tables["streams"].to_dicts()}
    assert {name: row["pool_fen"] for name, row in streams.items() if row["pool_fen"]} == {
        name: own for name, own in by_stream.items() if own
    }
    assert all(row["paid_fen"] + row["held_fen"] == row["pool_fen"] for row in streams.values())
    for row in found.tables["reserves"].to_dicts():
        assert row["reached_fen"] >= row["base_fen"] * Fraction(row["minimum_share"])
    for row in found.tables["earned"].to_dicts() if "earned" in found.tables else []:
        assert 0 <= row["earned_so_far_fen"] <= row["potential_fen"]
    if "sources" in found.tables:
        for row in found.tables["sources"].to_dicts():
            place = (row["payee_kind"], row["payee_id"], row["line_no"])
            assert row["amount_fen"] * by_line[place] > 0
            by_source[place] += row["amount_fen"]
        assert by_source == {key: own for key, own in by_line.items() if own}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, CITIES, CITIES // 4))
def test_two_thousand_cities_lose_no_fen(first: int) -> None:
    """Laws 1, 3, 4, 13, 17, 22: what every city pays, or that it says no; whatever the order of its rows."""
    paid = 0
    for seed in range(first, first + CITIES // 4):
        rows, streams, more = city(seed)
        found = divided(rows, streams, more)
        turned = divided(rows[::-1], streams, more) if seed % 5 == 0 else found
        assert turned.conflict == found.conflict
        assert all(found.tables[name].equals(turned.tables[name]) for name in found.tables)
        if found.conflict is not None:
            assert not found.tables
            assert found.conflict.short > 0
            continue
        paid += 1
        added_up(found, more)
    assert CITIES // 16 < paid < CITIES // 4


INVARIANTS: dict[int, tuple[str, list[Callable[..., Any]]]] = {
    1: ("sums exact at every level", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid]),
    2: ("floors and caps", [test_nobody_leaves_the_bounds_that_the_rules_give]),
    3: ("reserves met", [engine.test_nested_shares_agree_with_trying_every_choice]),
    4: ("anonymity", [engine.test_order_of_rows_changes_no_table_and_names_only_ties]),
    5: ("equal treatment of equals", [engine.test_equals_are_treated_equally]),
    6: ("resource monotonicity", [engine.test_more_money_lowers_nobody, filling.test_more_money_lowers_nobody]),
    7: ("own-need monotonicity", [engine.test_more_need_brings_no_less]),
    8: ("units", [engine.test_units_of_people_and_money_do_not_matter]),
    9: ("merge and split", [engine.test_splitting_a_payee_pays_nothing]),
    10: ("consistency", [engine.test_fixing_one_place_leaves_the_others]),
    11: ("quota", [test_targets_are_the_exact_vector_rounded_once]),
    12: ("order of remainders", [filling.test_rounding_sums_stays_within_one_and_keeps_order]),
    13: ("statements sum", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid]),
    14: ("continuity", [engine.test_a_small_change_moves_little_money]),
    15: ("improvement pays", [audit.test_the_screen_is_the_engine_to_a_few_fen,
                              audit.test_worked_example_of_the_paradox_fails_and_structural_need_passes]),
    16: ("scores", [engine.test_what_is_earned, engine.test_a_better_figure_never_scores_less]),
    17: ("earned within potential", [engine.test_what_is_earned,
                                     money.test_earned_and_deducted_money_are_the_standard]),
    18: ("quarters", [engine.test_payments_of_a_year, engine.test_what_is_earned]),
    19: ("same bytes", [engine.test_order_of_rows_changes_no_table_and_names_only_ties]),
    20: ("nobody there, no money", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid]),
    21: ("missing never pays", [engine.test_keeping_a_figure_back_never_pays]),
    22: ("infeasible pays nobody", [engine.test_nothing_is_lost_and_every_rule_is_kept_or_nothing_is_paid,
                                    conflict.test_the_engine_divides_up_to_the_best_share_and_no_further]),
    23: ("one-offs stay out of the base", [money.test_what_is_paid_once_never_enters_the_base_of_next_year]),
    24: ("grants", [money.test_grants_stay_within_wish_and_fund, money.test_a_matching_grant_keeps_rate_cap_and_fund]),
    25: ("rounded once", [test_targets_are_the_exact_vector_rounded_once]),
}  # fmt: skip


def test_every_invariant_has_a_law() -> None:
    assert list(INVARIANTS) == list(range(1, 26))
    assert all(laws for _, laws in INVARIANTS.values())

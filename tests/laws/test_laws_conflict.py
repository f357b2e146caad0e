"""Laws of conflicts: irreducible sets are irreducible, and the smallest relaxations are the smallest.

Oracles: the engine's own solver for what can hold, linear programmes for the least that must give way.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from evaluations.allocation.conflict import LIMIT, SPENT, Rule, _by_sums, irreducible
from evaluations.allocation.problem import Guarantee, Problem
from evaluations.allocation.reach import Rules, can_hold, reach_of, rules_of, tree_of
from evaluations.allocation.relaxing import _taken_over, families, most_of, proposal, relaxed
from evaluations.allocation.remedies import conflict_tables
from evaluations.nested_fill import NoNestedSolution, nested_fill
from tests.unit.evaluations.allocation_world import need, run

PRIORITIES = ["budget", "statutory_floor", "reserve", "hold_harmless", "cap"]
FAMILIES = ["budget", "statutory", "reserve", "hold_harmless", "cap"]


@st.composite
def problem(draw: st.DrawFn) -> Problem:
    size = draw(st.integers(1, 6))
    few = st.integers(0, 12)
    parts = {rule: draw(st.lists(few, min_size=size, max_size=size)) for rule in ("hold_harmless", "statutory")}
    floors = [max(own) for own in zip(*parts.values(), strict=True)]
    caps = [draw(st.one_of(st.none(), st.integers(floor, floor + 10))) for floor in floors]
    outer = draw(st.lists(st.integers(0, size - 1), unique=True, max_size=size))
    inner = draw(st.lists(st.sampled_from(outer), unique=True)) if outer else []
    other = [at for at in range(size) if at not in outer and draw(st.booleans())]
    groups = [sorted(own) for own in (outer, inner, other) if own]
    minima = [draw(st.integers(0, 50)) for _ in groups]
    guarantees = [
        Guarantee(f"r{at}", own, minimum, 100, 0) for at, (own, minimum) in enumerate(zip(groups, minima, strict=True))
    ]
    targets = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))
    rules = ["hold_harmless"] * size
    ids = [f"P{at}" for at in range(size)]
    return Problem("need", ids, targets, floors, caps, rules, draw(st.integers(0, 90)), guarantees, parts)


def solves(rules: Rules) -> bool:
    """Whether the engine's own solver divides under these rules."""
    groups = {f"g{at}": (own, least) for at, (own, least) in enumerate(zip(rules.groups, rules.minima, strict=True))}
    size = len(rules.targets)
    # A place without target holds its floor whatever its cap.
    caps = [cap if target else low for cap, target, low in zip(rules.caps, rules.targets, rules.floors, strict=True)]
    try:
        nested_fill(rules.targets, rules.floors, caps, rules.pool or 0, [str(at) for at in range(size)], groups)
    except NoNestedSolution:
        return False
    return True


def least(rules: Rules, family: str) -> int | None:  # noqa: C901  (one programme, row after row)
    """The smallest total change of one family, by a linear programme over amounts and changes."""
    size, groups = len(rules.targets), rules.groups
    floors, pool = rules.floors, rules.pool or 0
    slack = max(size, len(groups), 2)
    bounds: list[tuple[float, float | None]] = [(0, None)] * size + [(0, 0)] * slack
    rows: list[list[float]] = []
    tops: list[float] = []

    def row(top: float, **terms: dict[int, float]) -> None:
        line = [0.0] * (size + slack)
        for own in terms.values():
            for at, factor in own.items():
                line[at] += factor
        rows.append(line)
        tops.append(top)

    loose = list(rules.parts) if family == "floor" else [family]
    for at in range(size):
        firm = max([0, *(own[at] for rule, own in rules.parts.items() if rule not in loose)])
        give = {size + at: -1.0} if set(loose) & set(rules.parts) else {}
        if give:
            bounds[size + at] = (0, floors[at] - min(firm, floors[at]))
        row(-floors[at], amount={at: -1.0}, give=give)
        cap = rules.caps[at]
        if not rules.targets[at]:
            row(floors[at], amount={at: 1.0}, give=dict.fromkeys(give, 1.0))
        elif cap is not None:
            if family == "cap":
                bounds[size + at] = (0, None)
            row(cap, amount={at: 1.0}, give={size + at: -1.0} if family == "cap" else {})
    for at, places in enumerate(groups):
        give = {size + at: -1.0} if family in ("reserve", f"reserve:{at}") else {}
        if give:
            bounds[size + at] = (0, rules.minima[at])
        row(-rules.minima[at], amount=dict.fromkeys(places, -1.0), give=give)
    everybody = dict.fromkeys(range(size), 1.0)
    more, fewer = {size: -1.0, size + 1: 1.0}, {size: 1.0, size + 1: -1.0}
    if family == "budget":
        bounds[size] = bounds[size + 1] = (0, None)
    row(pool, amount=everybody, give=more if family == "budget" else {})
    row(-pool, amount=dict.fromkeys(everybody, -1.0), give=fewer if family == "budget" else {})
    found = linprog([0.0] * size + [1.0] * slack, A_ub=np.array(rows), b_ub=tops, bounds=bounds)
    return round(found.fun) if found.status == 0 else None


def subset_holds(rules: Rules, kept: set[Rule]) -> bool:
    """Whether some of the rules can hold together, by a linear programme."""
    size, floors, highs = len(rules.targets), rules.floors, rules.highs
    bounds = [
        (floors[at] if Rule("floor", at) in kept else 0,
         highs[at] if {Rule("cap", at), Rule("no_target", at)} & kept else None)
        for at in range(size)
    ]  # fmt: skip
    rows, tops = [[0.0] * size], [0.0]
    for at, places in enumerate(rules.groups):
        if Rule("reserve", at) in kept:
            rows.append([-1.0 if place in places else 0.0 for place in range(size)])
            tops.append(-rules.minima[at])
    if LIMIT in kept:
        rows.append([1.0] * size)
        tops.append(rules.pool or 0)
    if SPENT in kept:
        rows.append([-1.0] * size)
        tops.append(-(rules.pool or 0))
    return bool(linprog([0.0] * size, A_ub=np.array(rows), b_ub=tops, bounds=bounds).status == 0)


@settings(max_examples=60)
@given(problem())
def test_adding_up_agrees_with_the_solver(own: Problem) -> None:
    rules = rules_of(own)
    assert can_hold(rules) == solves(rules)
    assert (irreducible(own) == []) == can_hold(rules)


@settings(max_examples=50)
@given(problem())
def test_an_irreducible_set_cannot_hold_and_holds_without_any_one_of_its_rules(own: Problem) -> None:
    rules = rules_of(own)
    assume(not can_hold(rules))
    by_sums = _by_sums(rules, reach_of(rules, tree_of(rules.groups, len(rules.targets))))
    for found in (irreducible(own), by_sums):
        kept = set(found)
        assert len(kept) == len(found)
        assert not subset_holds(rules, kept)
        assert all(subset_holds(rules, kept - {rule}) for rule in found)


@settings(max_examples=70)
@given(problem())
def test_each_relaxation_alone_is_the_smallest_and_one_fen_less_does_not_do(own: Problem) -> None:
    rules = rules_of(own)
    assume(not can_hold(rules))
    for family in families(rules):
        found = relaxed(rules, family)
        wanted = least(rules, family)
        event(f"{family.partition(':')[0]} {'never' if wanted is None else 'helps'}")
        if found.rules is None:
            assert wanted is None, family
            continue
        assert found.total == wanted, family
        assert found.total == sum(abs(new - old) for _, old, new in found.changes) > 0
        assert solves(found.rules), family
        for nearer in one_fen_less(rules, found):
            assert not solves(nearer), family


def one_fen_less(rules: Rules, found: Any) -> list[Rules]:
    """The relaxed rules, each time with one of the changes a fen smaller."""
    after, result = found.rules, []
    for at, old, new in found.changes:
        back = new + (1 if old > new else -1)
        if at is None:
            result.append(replace(after, pool=back))
        elif found.family.startswith("reserve"):
            result.append(replace(after, minima=[back if own == at else low for own, low in enumerate(after.minima)]))
        elif found.family == "cap":
            result.append(replace(after, caps=[back if own == at else cap for own, cap in enumerate(after.caps)]))
        else:
            whole = [back if own == at else low for own, low in enumerate(after.floors)]
            result.append(replace(after, parts={**after.parts, "back": whole}))
    return result


@settings(max_examples=60)
@given(problem())
def test_the_most_a_group_can_get_is_the_most(own: Problem) -> None:
    rules = rules_of(own)
    for at in range(len(rules.groups)):
        most = most_of(rules, at)
        others = [0 if number == at else low for number, low in enumerate(rules.minima)]
        if most is None:
            assert not can_hold(replace(rules, minima=others))
            continue
        others[at] = most
        assert solves(replace(rules, minima=others))
        others[at] = most + 1
        assert not solves(replace(rules, minima=others))


@settings(max_examples=60)
@given(problem(), st.permutations(FAMILIES), st.integers(0, 5))
def test_a_proposal_helps_touches_only_what_it_may_and_nothing_early_in_vain(
    own: Problem, order: list[str], listed: int
) -> None:
    rules = rules_of(own)
    assume(not can_hold(rules))
    may = [family for family in order if family in ("budget", "reserve", "cap", *rules.parts)][:listed]
    found = proposal(rules, may)
    if found is None:
        return
    assert {step.family for step in found} <= set(may)
    alone = relaxed(rules, may[-1])
    if alone.rules is not None:
        assert [(step.family, step.total) for step in found] == [(may[-1], alone.total)]
    together = rules
    for step in found:
        assert step.rules is not None
        together = _taken_over(together, step.rules, step.family)
    assert solves(together)


def worked(**more: Any) -> Any:
    reserve = {"id": "rural30", "group": "rural", "minimum_share": "0.30", **more}
    return run([need({"floor_change": "-0.02", "cap_change": "0.12"})], reserves=[reserve])


def test_worked_example_of_a_reserve_above_caps() -> None:
    tables = conflict_tables(worked().conflict, PRIORITIES)
    rules = tables["conflict"].select("kind", "subject").rows()
    assert rules == [("cap", "C4"), ("cap", "C5"), ("cap", "C6"), ("reserve", "rural30")]
    ways = {row["family"]: row for row in tables["relaxations"].iter_rows(named=True)}
    assert {family: row["total_fen"] for family, row in ways.items() if row["possible"]} == {
        "reserve": 29_200_000, "cap": 29_200_000,
    }  # fmt: skip
    assert not ways["hold_harmless"]["possible"]
    assert str(tables["best_shares"]["most_share"][0]) == "0.267555"
    assert tables["best_shares"]["most_fen"][0] == 240_800_000
    assert tables["proposal"]["family"].to_list() == ["cap"]


@pytest.mark.parametrize(("share", "holds"), [("0.2675555", True), ("0.26755555555", True), ("0.2675556", False)])
def test_the_engine_divides_up_to_the_best_share_and_no_further(share: str, holds: bool) -> None:
    assert (worked(minimum_share=share).conflict is None) == holds


def test_payees_spared_from_paying_are_a_rule_of_their_own() -> None:
    found = run(
        [need({"floor_change": "-0.02"})],
        reserves=[{"id": "r", "group": "rural", "minimum_share": "0.30", "spare_below_target": "0.1"}],
    )
    assert found.conflict is not None
    tables = conflict_tables(found.conflict, [*PRIORITIES, "spared"])
    assert "spared" in tables["conflict"]["set_by"].to_list()
    assert tables["proposal"]["family"].to_list() == ["spared"]


def test_a_conflict_without_payees_names_its_rules_and_what_each_would_have_to_give() -> None:
    found = run([{**need(), "at_least": [{"id": "law", "amount": "9000001"}]}])
    assert found.conflict is not None
    tables = conflict_tables(found.conflict, PRIORITIES)
    assert tables["conflict"].select("kind", "subject").rows() == [("at_least", "law"), ("budget", None)]
    ways = tables["relaxations"].select("family", "total_fen", "possible").rows()
    assert ways == [("at_least", 100, True), ("size", None, False), ("budget", 100, True)]


def test_amounts_of_a_province_are_proven_in_whole_fen() -> None:
    """One fen in ten billion yuan is below what floating point sees; whole numbers still name the set."""
    size = 40
    floors = [10**12 // size + at for at in range(size)]
    own = Problem("need", [str(at) for at in range(size)], [1] * size, floors, [None] * size, ["statutory"] * size,
                  sum(floors) - 1)  # fmt: skip
    found = irreducible(own)
    assert [rule.kind for rule in found] == ["floor"] * size + ["pool_limit"]

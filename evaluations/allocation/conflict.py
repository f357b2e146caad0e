"""Which rules cannot hold together: the smallest set, by name and payee.

HiGHS proposes an irreducible set, whole numbers prove it: the set cannot hold, and would if any one rule were dropped.
Put here: the rules of a problem one by one, the irreducible set. Keep out: how to get out of it (relaxing.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np
from highspy import _core

from evaluations.allocation.problem import Problem
from evaluations.allocation.reach import Reach, Rules, over, reach_of, rules_of, tree_of


@dataclass(frozen=True, order=True)
class Rule:
    """One rule: a floor or cap of the place `at`, the minimum of the group `at`, or the pool.

    `kind`: floor, cap, no_target (a place without target gets its floor only), reserve, pool_limit (no more than the
    pool), pool_spent (all of it).
    """

    kind: str
    at: int = 0


LIMIT, SPENT = Rule("pool_limit"), Rule("pool_spent")


def irreducible(problem: Problem) -> list[Rule]:
    """Rules of which none can be dropped without the others holding together; empty where all hold.

    In the order floors, caps, places without target, reserves, pool.
    """
    rules = rules_of(problem)
    tree = tree_of(rules.groups, len(rules.targets))
    reach = reach_of(rules, tree)
    if not over(rules, reach) and not any(own.short for own in reach.all()):
        return []
    found = _by_highs(rules)
    if not _proven(rules, found):
        found = _by_sums(rules, reach)
    return _in_order(found)


def collisions(problem: Problem) -> list[list[Rule]]:
    """Irreducible sets: the one of `irreducible`, and one of the other form where there is one, too.

    Caps may miss a minimum while floors and minima exceed the pool: then no rule of one set alone helps.
    """
    first = irreducible(problem)
    if not first:
        return []
    rules = rules_of(problem)
    reach = reach_of(rules, tree_of(rules.groups, len(rules.targets)))
    if LIMIT not in first:
        second = _exceeding(rules, reach) if over(rules, reach) else []
    else:
        second = next((_missing(rules, own) for own in reach.all() if own.short), [])
    return [first, *([_in_order(second)] if second and _proven(rules, second) else [])]


def _in_order(found: Sequence[Rule]) -> list[Rule]:
    order = ("floor", "cap", "no_target", "reserve", "pool_limit", "pool_spent")
    return sorted(found, key=lambda rule: (order.index(rule.kind), rule.at))


def _proven(rules: Rules, found: Sequence[Rule]) -> bool:
    """Whether the set has one of the two forms that irreducible sets of nested groups have, by exact sums.

    A minimum, or the whole pool, over the caps of all that are in it. Or floors and minima, none within another, that
    exceed the pool, but would not if the smallest of them were dropped.
    """
    kept, floors, tops = set(found), rules.floors, rules.highs
    inside = {rule.at for rule in kept if rule.kind in ("cap", "no_target")}
    if inside:
        least = [rule for rule in kept if rule.kind not in ("cap", "no_target")]
        if len(least) != 1 or least[0].kind not in ("reserve", "pool_spent"):
            return False
        places = range(len(rules.targets)) if least[0] == SPENT else rules.groups[least[0].at]
        return inside == set(places) and sum(tops[at] or 0 for at in places) < _amount(rules, least[0], floors)
    takers = kept - {LIMIT}
    held = [at for rule in takers for at in (rules.groups[rule.at] if rule.kind == "reserve" else [rule.at])]
    if LIMIT not in kept or SPENT in kept or len(held) > len(set(held)):
        return False
    amounts, pool = [_amount(rules, rule, floors) for rule in takers], rules.pool or 0
    return sum(amounts) - min(amounts, default=0) <= pool < sum(amounts)


def _amount(rules: Rules, rule: Rule, floors: Sequence[int]) -> int:
    if rule.kind == "reserve":
        return rules.minima[rule.at]
    return floors[rule.at] if rule.kind == "floor" else rules.pool or 0


def _by_highs(rules: Rules) -> list[Rule]:
    """An irreducible set as HiGHS finds it, in floating point."""
    size, floors, tops = len(rules.targets), rules.floors, rules.highs
    # The wrapper around this class prints a banner before it can be told not to.
    model = _core._Highs()  # noqa: SLF001
    for option, value in (("output_flag", False), ("threads", 1),
                          ("iis_strategy", int(highspy.IisStrategy.kIisStrategyIrreducible))):  # fmt: skip
        model.setOptionValue(option, value)
    endless, pool = highspy.kHighsInf, rules.pool or 0
    model.addVars(size, np.array(floors, dtype=float), np.array([endless if top is None else top for top in tops]))
    groups = zip(rules.minima, rules.groups, strict=True)
    rows = [(pool, pool, range(size)), *((low, endless, own) for low, own in groups)]
    for low, high, places in rows:
        model.addRow(low, high, len(places), np.array(places, dtype=np.int32), np.ones(len(places)))
    model.run()
    iis = model.getIis()[1]
    lower, upper = (
        (int(highspy.IisBoundStatus.kIisBoundStatusBoxed), int(bound))
        for bound in (highspy.IisBoundStatus.kIisBoundStatusLower, highspy.IisBoundStatus.kIisBoundStatusUpper)
    )
    found = []
    for at, bound in zip(iis.col_index_, iis.col_bound_, strict=True):
        found += [Rule("floor", at)] if bound in lower and floors[at] else []
        found += [Rule("cap" if rules.targets[at] else "no_target", at)] if bound in upper else []
    for row, bound in zip(iis.row_index_, iis.row_bound_, strict=True):
        if row:
            found.append(Rule("reserve", row - 1))
        else:
            found += [SPENT] if bound in lower else []
            found += [LIMIT] if bound in upper else []
    return found


def _by_sums(rules: Rules, reach: Reach) -> list[Rule]:
    """An irreducible set by adding up: of the innermost group whose caps miss its minimum, or of all floors."""
    short = next((own for own in reach.all() if own.short), None)
    return _exceeding(rules, reach) if short is None else _missing(rules, short)


def _missing(rules: Rules, short: Reach) -> list[Rule]:
    """The minimum of a group and the caps that miss it."""
    minimum, kinds = SPENT if short.node.at is None else Rule("reserve", short.node.at), ("no_target", "cap")
    return [minimum, *(Rule(kinds[rules.targets[at] > 0], at) for at in short.node.places())]


def _exceeding(rules: Rules, reach: Reach) -> list[Rule]:
    """Floors and minima that exceed the pool, largest first."""
    taken, found = 0, []
    for amount, rule in sorted(_takers(rules, reach), key=lambda item: (-item[0], item[1])):
        if taken > (rules.pool or 0):
            break
        taken += amount
        found.append(rule)
    return [*found, LIMIT]


def _takers(rules: Rules, reach: Reach) -> list[tuple[int, Rule]]:
    """Floors and minima, none within another, that make up the least of a group."""
    node, floors = reach.node, rules.floors
    if node.at is not None and reach.least > reach.least_inner:
        return [(reach.least, Rule("reserve", node.at))]
    own = [(floors[at], Rule("floor", at)) for at in node.own if floors[at]]
    return [*own, *(taker for inner in reach.within for taker in _takers(rules, inner))]

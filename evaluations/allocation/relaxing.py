"""The smallest change of each family of rules alone that lets the rules hold together, exact to the fen.

Families: budget (money of the stream), reserve:<number> and reserve (all of them), cap, floor (all) and each rule that
sets floors. Put here: smallest totals with one way to reach them, the most a group can get, the proposal by
priorities. Keep out: which rules are in conflict (conflict.py), tables (remedies.py). Nothing is applied by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluations.allocation.reach import Node, Reach, Rules, can_hold, over, reach_of, tree_of, with_minimum
from evaluations.rounding import largest_remainder

BUDGET, RESERVE, CAP, FLOOR = "budget", "reserve", "cap", "floor"


@dataclass(frozen=True)
class Relaxation:
    """The smallest change of one family: `total` fen, and the `rules` it leads to; None where no change of it helps.

    `changes`: (number of the place or group, fen before, fen after), None for the pool.
    """

    family: str
    total: int
    rules: Rules | None
    changes: tuple[tuple[int | None, int, int], ...] = ()


def families(rules: Rules) -> list[str]:
    """What can be relaxed in these rules, each by itself."""
    reserves = [f"{RESERVE}:{at}" for at, minimum in enumerate(rules.minima) if minimum]
    floors = list(rules.parts)
    return [
        BUDGET, *reserves, *([RESERVE] if len(reserves) > 1 else []), *floors, *([FLOOR] if len(floors) > 1 else []),
        *([CAP] if any(cap is not None and target for cap, target in zip(rules.caps, rules.targets, strict=True))
          else []),
    ]  # fmt: skip


def relaxed(rules: Rules, family: str) -> Relaxation:
    """The smallest change of one family alone after which all rules hold."""
    tree = tree_of(rules.groups, len(rules.targets))
    if family == BUDGET:
        return _budget(rules, tree)
    if family == CAP:
        return _caps(rules, tree)
    if family == RESERVE:
        return _reserves(rules, tree)
    if family.startswith(f"{RESERVE}:"):
        return _reserve(rules, tree, int(family.partition(":")[2]))
    return _floors(rules, tree, list(rules.parts) if family == FLOOR else [family], family)


def most_of(rules: Rules, at: int) -> int | None:
    """The most fen that a group can get while all other rules hold; None where they do not hold even without it."""
    tree = tree_of(rules.groups, len(rules.targets))
    if rules.pool is None or not can_hold(with_minimum(rules, at, 0), tree):
        return None
    good, bad = 0, rules.pool + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if can_hold(with_minimum(rules, at, middle), tree):
            good = middle
        else:
            bad = middle
    return good


def proposal(rules: Rules, priorities: Sequence[str]) -> list[Relaxation] | None:
    """Changes that together let all rules hold: of each family only by what dropping all later ones leaves over.

    `priorities`: the one that is to be kept most first. None where even dropping all of them does not help.
    """
    found: list[Relaxation] = []
    for place, family in enumerate(priorities):
        loosest = rules
        for later in priorities[place + 1 :]:
            loosest = dropped(loosest, later)
        step = relaxed(loosest, family)
        if step.rules is None:
            return None
        if step.total:
            found.append(step)
            rules = _taken_over(rules, step.rules, family)
    return found if can_hold(rules) else None


def dropped(rules: Rules, family: str) -> Rules:
    """The rules without one family."""
    if family == BUDGET:
        return replace(rules, pool=None)
    if family == CAP:
        return replace(rules, caps=[None] * len(rules.caps))
    if family == RESERVE:
        return replace(rules, minima=[0] * len(rules.minima))
    parts = {rule: own for rule, own in rules.parts.items() if rule != family}
    return replace(rules, parts=parts, idle=rules.idle or rules.floors)


def _taken_over(rules: Rules, found: Rules, family: str) -> Rules:
    if family == BUDGET:
        return replace(rules, pool=found.pool)
    if family == CAP:
        return replace(rules, caps=found.caps)
    if family == RESERVE:
        return replace(rules, minima=found.minima)
    return replace(rules, parts={**rules.parts, family: found.parts[family]})


def _never(family: str) -> Relaxation:
    return Relaxation(family, 0, None)


def _changes(before: Sequence[int | None], after: Sequence[int | None]) -> tuple[tuple[int | None, int, int], ...]:
    pairs = enumerate(zip(before, after, strict=True))
    return tuple((at, old, new) for at, (old, new) in pairs if old is not None and new is not None and old != new)


def _budget(rules: Rules, tree: Node) -> Relaxation:
    free = reach_of(replace(rules, pool=None), tree)
    if any(own.short for own in free.all()):
        return _never(BUDGET)
    before = rules.pool
    if before is None:
        return Relaxation(BUDGET, 0, rules)
    after = max(before, free.least) if free.most is None else min(max(before, free.least), free.most)
    changes = ((None, before, after),) if after != before else ()
    return Relaxation(BUDGET, abs(after - before), replace(rules, pool=after), changes)


def _caps(rules: Rules, tree: Node) -> Relaxation:
    """Caps raised within each group, from the inside out, by what its minimum needs; by target among its payees."""
    if over(rules, reach_of(rules, tree)):
        return _never(CAP)
    caps = list(rules.caps)
    while True:
        reach = reach_of(replace(rules, caps=caps), tree)
        short = next((own for own in reach.all() if own.short), None)
        if short is None:
            break
        places = [at for at in short.node.places() if rules.targets[at] and caps[at] is not None]
        if not places:
            return _never(CAP)
        weights, names = [rules.targets[at] for at in places], [f"{at:09d}" for at in places]
        for at, more in zip(places, largest_remainder(weights, short.short, names), strict=True):
            caps[at] = (caps[at] or 0) + more
    total = sum((new or 0) - (old or 0) for old, new in zip(rules.caps, caps, strict=True))
    return Relaxation(CAP, total, replace(rules, caps=caps), _changes(rules.caps, caps))


def _reserve(rules: Rules, tree: Node, at: int) -> Relaxation:
    """One minimum lowered, others as they are: by bisection, because what fits less fits still less."""
    family = f"{RESERVE}:{at}"
    if not can_hold(with_minimum(rules, at, 0), tree):
        return _never(family)
    if can_hold(rules, tree):
        return Relaxation(family, 0, rules)
    good, bad = 0, rules.minima[at]
    while bad - good > 1:
        middle = (good + bad) // 2
        if can_hold(with_minimum(rules, at, middle), tree):
            good = middle
        else:
            bad = middle
    after = with_minimum(rules, at, good)
    return Relaxation(family, rules.minima[at] - good, after, _changes(rules.minima, after.minima))


def _reserves(rules: Rules, tree: Node) -> Relaxation:
    """All minima lowered by the least in total: to what caps allow, then where a fen less frees a fen of the pool."""
    minima = list(rules.minima)
    for own in reach_of(rules, tree).all():
        if own.node.at is not None and own.most is not None:
            minima[own.node.at] = min(minima[own.node.at], own.most)
    reach = reach_of(replace(rules, minima=minima), tree)
    excess = over(rules, reach)
    if any(own.short for own in reach.all()) and not excess:
        return _never(RESERVE)
    if excess > sum(width for _, width in _cheapest(reach, minima)):
        return _never(RESERVE)
    _lower(reach, excess, minima)
    after = replace(rules, minima=minima)
    if not can_hold(after, tree):
        return _never(RESERVE)
    return Relaxation(RESERVE, sum(rules.minima) - sum(minima), after, _changes(rules.minima, minima))


def _cheapest(reach: Reach, minima: Sequence[int]) -> list[tuple[int, int]]:
    """(fen of minima per fen of the group's least, fen that can be freed so), cheapest first."""
    inner = sorted(part for own in reach.within for part in _cheapest(own, minima))
    if reach.node.at is None:
        return inner
    gap = minima[reach.node.at] - reach.least_inner
    if gap >= 0:
        return [(1, gap), *((price + 1, width) for price, width in inner)]
    free, found = -gap, list[tuple[int, int]]()
    for price, width in inner:
        cheap = min(width, free)
        free -= cheap
        found += [(price, cheap), (price + 1, width - cheap)]
    return sorted(part for part in found if part[1])


def _lower(reach: Reach, amount: int, minima: list[int]) -> None:
    """Free so many fen of the group's least at the lowest price."""
    if reach.node.at is not None:
        gap = minima[reach.node.at] - reach.least_inner
        if gap >= 0:
            minima[reach.node.at] -= amount
            amount = max(0, amount - gap)
        else:
            minima[reach.node.at] -= max(0, amount + gap)
    parts = sorted(
        (price, number, width)
        for number, own in enumerate(reach.within)
        for price, width in _cheapest(own, minima)
    )  # fmt: skip
    shares = [0] * len(reach.within)
    for _, number, width in parts:
        taken = min(width, amount)
        shares[number] += taken
        amount -= taken
    for own, share in zip(reach.within, shares, strict=True):
        if share:
            _lower(own, share, minima)


def _floors(rules: Rules, tree: Node, loose: Sequence[str], family: str) -> Relaxation:
    """Floors of these rules lowered where that frees money, by what can be freed; other rules hold up the rest."""
    reach = reach_of(rules, tree)
    excess = over(rules, reach)
    if not excess:
        return _never(family) if any(own.short for own in reach.all()) else Relaxation(family, 0, rules)
    if any(own.short for own in reach.all() if own.node.at is not None):
        return _never(family)
    floors = rules.floors
    firm = replace(rules, parts={rule: own for rule, own in rules.parts.items() if rule not in loose}).floors
    spare = [floor - own for floor, own in zip(floors, firm, strict=True)]
    if _spare(reach, spare) < excess:
        return _never(family)
    lowered = list(floors)
    _take(reach, excess, spare, lowered)
    parts = {
        rule: [min(old, new) for old, new in zip(own, lowered, strict=True)] if rule in loose else own
        for rule, own in rules.parts.items()
    }
    total = sum(floors) - sum(lowered)
    return Relaxation(family, total, replace(rules, parts=parts), _changes(floors, lowered))


def _spare(reach: Reach, spare: Sequence[int]) -> int:
    """Fen of the group's least that lower floors can free: none below its minimum."""
    inner = sum(spare[at] for at in reach.node.own) + sum(_spare(own, spare) for own in reach.within)
    return inner if reach.node.at is None else min(inner, max(0, reach.least_inner - reach.minimum))


def _take(reach: Reach, amount: int, spare: Sequence[int], lowered: list[int]) -> None:
    """Free so many fen, from each by what it can free."""
    limits = [*(spare[at] for at in reach.node.own), *(_spare(own, spare) for own in reach.within)]
    if not amount:
        return
    shares = largest_remainder(limits, amount, [f"{at:09d}" for at in range(len(limits))])
    for at, share in zip(reach.node.own, shares, strict=False):
        lowered[at] -= share
    for own, share in zip(reach.within, shares[len(reach.node.own) :], strict=True):
        _take(own, share, spare, lowered)

"""Stages S3 and S7: need money within floors, caps and reserved shares, and how it got there.

Put here: bounds of a payee, the division within them, who pays for whom. Keep out: targets (need.py), the solver.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from data_contracts.allocation_spec.bounds import Pace
from evaluations.allocation.need import Targets
from evaluations.allocation.problem import Conflict, Guarantee, Infeasible, Problem
from evaluations.allocation.snapshot import Snapshot
from evaluations.nested_fill import NoNestedSolution, nested_fill
from evaluations.waterfill import REST, NoSolution, most, water_fill

NO_FLOOR = "none"
_LONGEST, _MILLION, _ZERO = 100, 10**6, Fraction(0)


@dataclass(frozen=True)
class Bounds:
    """Floor and cap of each payee in fen (cap None: none), which rule sets the floor, and the money they start from.

    `before`: money of the year before as it was, None for new payees. `start`: the same per head where people moved.
    """

    floors: list[int]
    caps: list[int | None]
    rules: list[str]
    before: list[int | None]
    start: list[Fraction | None]
    parts: dict[str, list[int]] = field(default_factory=dict)
    """Rule → the floor it alone would set for each payee."""


@dataclass(frozen=True)
class Paced:
    """Need money in fen: `natural` within floors and caps, `amounts` within reserved shares too.

    `free`: target × common multiplier before bounds, rounded down where a bound holds; `multiplier` belongs
    to the scaled targets. `held`: what a fund keeps.
    """

    natural: list[int]
    free: list[int]
    amounts: list[int]
    multiplier: Fraction
    bounds: list[str]
    owners: list[str]
    held: int


def bounds_of(pace: Pace | None, snapshot: Snapshot, targets: Targets, place: str, stream: str) -> Bounds:
    """Floors rounded up, caps down to the fen.

    Raises Infeasible for payees whose floor lies above their cap, DataError where money owed by law, or the people
    before of a payee with money before, is not known.
    """
    size = len(targets.fen)
    if pace is None:
        return Bounds([0] * size, [None] * size, [NO_FLOOR] * size, [None] * size, [None] * size)
    before: list[int | None] = [None] * size
    if pace.previous is not None:
        before = snapshot.money(pace.previous, f"{place}.previous")
    start = _start(pace, snapshot, targets, before, place)
    statutory = [0] * size
    if pace.statutory is not None:
        rows = snapshot.rows_of(pace.statutory, f"{place}.statutory")
        statutory = rows.known(pace.statutory.column, snapshot.money(pace.statutory, f"{place}.statutory"))
    rise = None if pace.cap_change is None else 1 + Fraction(pace.cap_change)
    kept = None if pace.floor_change is None else 1 + Fraction(pace.floor_change)
    of_target = None if pace.min_vs_target is None else Fraction(pace.min_vs_target)
    floors, caps, rules, broken = [], [], [], []
    parts: dict[str, list[int]] = {"hold_harmless": [], "min_vs_target": [], "statutory": []}
    for at, own in enumerate(start):
        low, rule = _ZERO, NO_FLOOR
        each: dict[str, Fraction] = {
            "hold_harmless": _ZERO if kept is None or own is None else own * kept,
            "min_vs_target": _ZERO if of_target is None else Fraction(targets.scaled[at], targets.scale) * of_target,
            "statutory": Fraction(statutory[at]) if statutory[at] else _ZERO,
        }
        for name, column in parts.items():
            column.append(ceil(each[name]) if each[name] else 0)
            if each[name] > low:
                low, rule = each[name], name
        high = None if rise is None or own is None else own * rise
        if high is not None and low > high:
            broken.append((at, ceil(low) - floor(high)))
        floors.append(ceil(low))
        # Where no whole fen lies between the two, the floor is kept.
        caps.append(None if high is None else max(floor(high), ceil(low)))
        rules.append(rule)
    if broken:
        payees = tuple(snapshot.ids[at] for at, _ in broken)
        raise Infeasible(Conflict(("floor_over_cap",), stream, sum(short for _, short in broken), 0, payees))
    return Bounds(floors, caps, rules, before, start, parts)


def _start(
    pace: Pace, snapshot: Snapshot, targets: Targets, before: Sequence[int | None], place: str
) -> list[Fraction | None]:
    """Money of the year before, per head where people moved; None for new payees, 0 where nobody lives any more."""
    people = targets.figures.population
    then: Sequence[Decimal | None] = [None] * len(people)
    if pace.population_before is not None:
        figure = pace.population_before
        then = snapshot.some_figures(figure, f"{place}.population_before")
        unknown = [bool(own) and old is None for own, old in zip(before, then, strict=True)]
        snapshot.rows_of(figure, f"{place}.population_before").refuse(unknown, "allocate_missing", figure.column)
    found: list[Fraction | None] = []
    for own, now, old in zip(before, people, then, strict=True):
        if not own:
            found.append(None)
        elif not now:
            found.append(Fraction(0))
        elif old and abs(now - old) > old * pace.population_moved:
            found.append(Fraction(own) * Fraction(now) / Fraction(old))
        else:
            found.append(Fraction(own))
    return found


def paced(
    pool: int, targets: Targets, bounds: Bounds, guarantees: Sequence[tuple[Guarantee, Fraction | None]],
    ids: Sequence[str], stream: str, *, hold: bool,
) -> Paced:  # fmt: skip
    """Divide the pool; `guarantees`: each with the distance below target at which others need not pay for it.

    `hold`: money that caps push above targets, or leave without a taker, is kept. Raises Infeasible with the problem.
    """
    whole = pool
    if hold:
        room = most(targets.scaled, bounds.floors, bounds.caps, range(len(ids)))
        pool = pool if room is None else min(pool, room)
    problem = Problem(stream, ids, targets.scaled, bounds.floors, bounds.caps, bounds.rules, pool,
                      [guarantee for guarantee, _ in guarantees], bounds.parts)  # fmt: skip
    try:
        filled = water_fill(targets.scaled, bounds.floors, bounds.caps, pool, ids)
    except NoSolution as no:
        raise _conflict(problem, (no.side,), no.short, pool - (no.short if no.side == "caps" else 0)) from None
    natural, owners, marks = filled.amounts, [REST] * len(ids), filled.bounds
    free = [own * filled.multiplier.numerator // filled.multiplier.denominator for own in targets.scaled]
    free = [amount if mark == "free" else own for amount, own, mark in zip(natural, free, marks, strict=True)]
    amounts = natural
    if any(sum(natural[at] for at in guarantee.places) < guarantee.minimum for guarantee, _ in guarantees):
        floors = _spared(natural, targets, bounds, guarantees)
        groups = {guarantee.reserve: (guarantee.places, guarantee.minimum) for guarantee, _ in guarantees}
        try:
            found = nested_fill(targets.scaled, floors, bounds.caps, pool, ids, groups)
        except NoNestedSolution as no:
            if floors != bounds.floors:
                problem = replace(problem, floors=floors, floor_parts={**bounds.parts, "spared": floors})
            raise _reserve_conflict(problem, no, spared=floors != bounds.floors) from None
        amounts, owners = found.amounts, found.owners
        marks = [
            "spared" if mark == "floor" and spared > own else mark
            for mark, spared, own in zip(found.bounds, floors, bounds.floors, strict=True)
        ]
    if hold:
        kept = _without_leakage(amounts, targets, bounds, owners)
        for guarantee, _ in guarantees:
            # What a group needs for its reserved share is no leakage.
            if sum(kept[at] for at in guarantee.places) < guarantee.minimum:
                for at in guarantee.places:
                    kept[at] = amounts[at]
        amounts = kept
    return Paced(natural, free, amounts, filled.multiplier, marks, owners, whole - sum(amounts))


def planned(pool: int, amounts: list[int], stream: str) -> Paced:
    """Money as it was planned. Raises Infeasible where it does not sum to the pool."""
    if sum(amounts) != pool:
        raise Infeasible(Conflict(("planned", "streams"), stream, abs(pool - sum(amounts)), pool))
    size = len(amounts)
    return Paced(amounts, amounts, amounts, Fraction(0), ["planned"] * size, [REST] * size, 0)


def _spared(
    natural: Sequence[int], targets: Targets, bounds: Bounds, guarantees: Sequence[tuple[Guarantee, Fraction | None]]
) -> list[int]:
    """Floors, raised to natural money for payees too far below target to pay for others' reserves."""
    floors = list(bounds.floors)
    for guarantee, below in guarantees:
        inside = set(guarantee.places)
        for at, amount in enumerate(natural):
            if below is not None and at not in inside and amount * targets.scale < targets.scaled[at] * (1 - below):
                floors[at] = max(floors[at], amount)
    return floors


def _without_leakage(amounts: Sequence[int], targets: Targets, bounds: Bounds, owners: Sequence[str]) -> list[int]:
    """Payees with the common multiplier get no more than target or floor; what groups are guaranteed stays."""
    return [
        amount if owner != REST else min(amount, max(low, -(-scaled // targets.scale)))
        for amount, low, scaled, owner in zip(amounts, bounds.floors, targets.scaled, owners, strict=True)
    ]


def _conflict(
    problem: Problem, rules: tuple[str, ...], short: int, reachable: int, payees: Sequence[str] = ()
) -> Infeasible:
    return Infeasible(Conflict(rules, problem.stream, short, reachable, tuple(payees), problem))


def _reserve_conflict(problem: Problem, no: NoNestedSolution, *, spared: bool) -> Infeasible:
    """Whose guarantee caps or floors do not allow, and the most that its group could get."""
    if no.group != REST:
        guarantee = next(own for own in problem.guarantees if own.reserve == no.group)
        room = most(problem.targets, problem.floors, problem.caps, guarantee.places) or 0
        capped = [problem.ids[at] for at in guarantee.places if problem.caps[at] is not None]
        return _conflict(
            problem, (f"reserve:{guarantee.reserve}", "caps"), no.short, guarantee.elsewhere + room, capped
        )
    binding = [own for own in problem.guarantees if own.minimum > sum(problem.floors[at] for at in own.places)]
    first = max(binding, key=lambda own: own.minimum)
    rules = (*(f"reserve:{own.reserve}" for own in binding), "floors", *(["spared"] if spared else []))
    return _conflict(problem, rules, no.short, first.elsewhere + first.minimum - no.short)


def leakage_of(found: Paced, targets: Targets, bounds: Bounds) -> list[int]:
    """Fen above both target and floor, among payees with whom somebody shares a multiplier whose cap holds."""
    capped = {owner for owner, mark in zip(found.owners, found.bounds, strict=True) if mark == "cap"}
    return [
        max(0, amount - max(low, -(-scaled // targets.scale))) if owner in capped else 0
        for amount, low, scaled, owner in zip(found.amounts, bounds.floors, targets.scaled, found.owners, strict=True)
    ]


def distance(amount: int | None, targets: Targets, at: int) -> Decimal | None:
    """How far money is from target: −0.05 is five per cent below; None without target or money."""
    if amount is None or not targets.scaled[at]:
        return None
    target = targets.scaled[at]
    away = (2 * (amount * targets.scale - target) * _MILLION + target) // (2 * target)
    return Decimal(away).scaleb(-6)


def years_to_target(amount: int, targets: Targets, at: int, pace: Pace | None) -> int | None:
    """The fewest years until target if it stays as it is and the payee moves as fast as floor and cap allow.

    0 within a fen of the target; None where the rules never lead there (within a hundred years).
    """
    away = targets.scaled[at] - amount * targets.scale
    if abs(away) < targets.scale:
        return 0
    rises = away > 0
    change = None if pace is None else pace.cap_change if rises else pace.floor_change
    if change is None:
        return 1
    money, edge = Decimal(amount), Decimal(targets.scaled[at]) / targets.scale
    for year in range(1, _LONGEST + 1):
        money *= 1 + change
        if money > edge - 1 if rises else money < edge + 1:
            return year
    return None

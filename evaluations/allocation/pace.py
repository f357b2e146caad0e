"""Stages S3 and S7: need money within floors, caps and reserved shares, and how it got there.

Put here: bounds of a payee, the division within them, who pays for whom. Keep out: targets (need.py), the solver.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from data_contracts.allocation_spec.bounds import Pace
from evaluations.allocation.need import Targets
from evaluations.allocation.problem import Conflict, Guarantee, Infeasible, Problem
from evaluations.allocation.ratios import ZERO, Ratio, less, ratio, times
from evaluations.allocation.reach import rules_of
from evaluations.allocation.relaxing import most_of
from evaluations.allocation.snapshot import Snapshot
from evaluations.nested_fill import NoNestedSolution, nested_fill
from evaluations.waterfill import REST, NoSolution, most, water_fill

NO_FLOOR = "none"
_MILLION = 10**6


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
class Past:
    """Per payee, in fen: money of the year before (None: a new payee), the same per head where people moved.

    `statutory`: what is owed by law.
    """

    before: list[int | None]
    start: list[Fraction | None]
    statutory: list[int]


@dataclass(frozen=True)
class Paced:
    """Need money in fen: `natural` within floors and caps, `reserved` within reserved shares too, `amounts` as paid.

    `free`: target × common multiplier before bounds, rounded down where a bound holds; `multiplier` belongs
    to the scaled targets. `held`: what a fund keeps of `reserved`. `binding`: what was solved where a reserved share
    binds.
    """

    natural: list[int]
    free: list[int]
    reserved: list[int]
    amounts: list[int]
    multiplier: Fraction
    bounds: list[str]
    owners: list[str]
    held: int
    binding: Problem | None = None


def bounds_of(pace: Pace | None, snapshot: Snapshot, targets: Targets, place: str, stream: str) -> Bounds:
    """Floors rounded up, caps down to the fen.

    Raises Infeasible for payees whose floor lies above their cap, DataError where money owed by law, or the people
    before of a payee with money before, is not known.
    """
    return bounds_after(past_of(pace, snapshot, targets, place), pace, targets, snapshot.ids, stream)


def past_of(pace: Pace | None, snapshot: Snapshot, targets: Targets, place: str) -> Past:
    """What is known of the year before. Raises DataError as `bounds_of`."""
    size = len(targets.fen)
    before: list[int | None] = [None] * size
    if pace is None:
        return Past(before, [None] * size, [0] * size)
    if pace.previous is not None:
        before = snapshot.money(pace.previous, f"{place}.previous")
    return Past(
        before, _start(pace, snapshot, targets, before, place), owed_by_law(pace, snapshot, f"{place}.statutory")
    )


def owed_by_law(pace: Pace, snapshot: Snapshot, place: str) -> list[int]:
    """Statutory money in fen, 0 where no rule names it. Raises DataError where it is not known."""
    if pace.statutory is None:
        return [0] * len(snapshot.ids)
    rows = snapshot.rows_of(pace.statutory, place)
    return rows.known(pace.statutory.column, snapshot.money(pace.statutory, place))


def bounds_after(past: Past, pace: Pace | None, targets: Targets, ids: Sequence[str], stream: str) -> Bounds:
    """The same from what is known of the year before. Raises Infeasible as `bounds_of`."""
    before, start, statutory = past.before, past.start, past.statutory
    size = len(targets.fen)
    if pace is None:
        return Bounds([0] * size, [None] * size, [NO_FLOOR] * size, before, start)
    rise = None if pace.cap_change is None else ratio(1 + pace.cap_change)
    kept = ZERO if pace.floor_change is None else ratio(1 + pace.floor_change)
    of_target = ZERO if pace.min_vs_target is None else ratio(pace.min_vs_target)
    floors, caps, rules, broken = [], [], [], []
    parts: dict[str, list[int]] = {"hold_harmless": [], "min_vs_target": [], "statutory": []}
    for at, own in enumerate(start):
        low, rule, before_now = ZERO, NO_FLOOR, None if own is None else own.as_integer_ratio()
        each: dict[str, Ratio] = {
            "hold_harmless": ZERO if before_now is None else times(before_now, kept),
            "min_vs_target": _of_target(targets, at, of_target),
            "statutory": (statutory[at], 1),
        }
        for name, column in parts.items():
            column.append(_up(each[name]))
            if less(low, each[name]):
                low, rule = each[name], name
        high, least = None if rise is None or before_now is None else times(before_now, rise), _up(low)
        most_whole = None if high is None else high[0] // high[1]
        if high is not None and most_whole is not None and less(high, low):
            broken.append((at, least - most_whole))
        floors.append(least)
        # Where no whole fen lies between the two, the floor is kept.
        caps.append(None if most_whole is None else max(most_whole, least))
        rules.append(rule)
    if broken:
        payees = tuple(ids[at] for at, _ in broken)
        raise Infeasible(Conflict(("floor_over_cap",), stream, sum(short for _, short in broken), 0, payees))
    return Bounds(floors, caps, rules, before, start, parts)


def _of_target(targets: Targets, at: int, part: Ratio) -> Ratio:
    """A part of the target, at most the target in whole fen: these fit into the pool, rounded up they may not."""
    own, whole = (targets.scaled[at] * part[0], targets.scale * part[1]), (targets.fen[at], 1)
    return whole if less(whole, own) else own


def _up(own: Ratio) -> int:
    return -(-own[0] // own[1])


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
    amounts, binding = natural, None
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
        binding = replace(problem, floors=floors)
        marks = [
            "spared" if mark == "floor" and spared > own else mark
            for mark, spared, own in zip(found.bounds, floors, bounds.floors, strict=True)
        ]
    reserved = amounts
    if hold:
        amounts = _without_leakage(amounts, targets, bounds, owners)
        for guarantee, _ in sorted(guarantees, key=lambda own: len(own[0].places)):
            amounts = _with_minimum(guarantee, amounts, reserved, targets.scaled, ids)
    held = whole - sum(amounts)
    return Paced(natural, free, reserved, amounts, filled.multiplier, marks, owners, held, binding)


def planned(pool: int, amounts: list[int], stream: str) -> Paced:
    """Money as it was planned. Raises Infeasible where it does not sum to the pool."""
    if sum(amounts) != pool:
        raise Infeasible(Conflict(("planned", "streams"), stream, abs(pool - sum(amounts)), pool,
                                  surplus=pool > sum(amounts)))  # fmt: skip
    size = len(amounts)
    return Paced(amounts, amounts, amounts, amounts, Fraction(0), ["planned"] * size, [REST] * size, 0)


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


def _with_minimum(
    guarantee: Guarantee, kept: list[int], reserved: Sequence[int], targets: Sequence[int], ids: Sequence[str]
) -> list[int]:
    """What a group needs of its leakage for its reserved share it keeps, by one multiplier, and no fen more."""
    places = guarantee.places
    if sum(kept[at] for at in places) >= guarantee.minimum:
        return kept
    aims, least, most_each = ([own[at] for at in places] for own in (targets, kept, reserved))
    raised = water_fill(aims, least, most_each, guarantee.minimum, [ids[at] for at in places])
    found = list(kept)
    for at, amount in zip(places, raised.amounts, strict=True):
        found[at] = amount
    return found


def _conflict(
    problem: Problem, rules: tuple[str, ...], short: int, reachable: int, payees: Sequence[str] = ()
) -> Infeasible:
    return Infeasible(Conflict(rules, problem.stream, short, reachable, tuple(payees), problem))


def _reserve_conflict(problem: Problem, no: NoNestedSolution, *, spared: bool) -> Infeasible:
    """Whose guarantee caps or floors do not allow, and the most that its group could get under all other rules.

    Where they cannot hold together even without it, what is missing of the stream as a whole.
    """
    if no.group != REST:
        guarantee = next(own for own in problem.guarantees if own.reserve == no.group)
        rules: tuple[str, ...] = (f"reserve:{guarantee.reserve}", "caps")
        payees = [problem.ids[at] for at in guarantee.places if problem.caps[at] is not None]
    else:
        binding = [own for own in problem.guarantees if own.minimum > sum(problem.floors[at] for at in own.places)]
        guarantee, payees = max(binding, key=lambda own: own.minimum), []
        rules = (*(f"reserve:{own.reserve}" for own in binding), "floors", *(["spared"] if spared else []))
    reached = most_of(rules_of(problem), problem.guarantees.index(guarantee))
    if reached is None:
        return _conflict(problem, rules, no.short, problem.pool, payees)
    return _conflict(problem, rules, guarantee.minimum - reached, guarantee.elsewhere + reached, payees)


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

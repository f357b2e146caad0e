"""Sharing a pool within floors and caps when nested groups must get at least so much.

The share nearest to the targets (in relative entropy) among all that respect bounds and groups: every place gets
clip(μ·target, floor, cap), where μ is the largest of one common multiplier and those of the groups that hold it. A
group's multiplier is the one at which it would have exactly its minimum; so groups are solved from the smallest up, and
the whole last. Put here: the exact solver. Keep out: what groups stand for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

from evaluations.waterfill import REST, NoSolution, most, water_fill

_ZERO = Fraction(0)


@dataclass(frozen=True)
class Nested:
    """Amounts in whole units; for each place its bound (floor, cap, free) and the group whose multiplier it has.

    `owners`: a group id, or REST. `multipliers`: of the groups that bind, and of REST.
    """

    amounts: list[int]
    bounds: list[str]
    owners: list[str]
    multipliers: dict[str, Fraction]


class NoNestedSolution(NoSolution):
    """As NoSolution; `group`: the one whose caps miss its minimum, or REST where floors and minima miss the pool."""

    def __init__(self, side: str, short: int, group: str) -> None:
        super().__init__(side, short)
        self.group = group


def nested(groups: Mapping[str, tuple[Sequence[int], int]]) -> bool:
    """Whether any two groups are disjoint or one lies within the other."""
    sets = [frozenset(places) for places, _ in groups.values()]
    return all(not left & right or left <= right or right <= left for left in sets for right in sets)


def nested_fill(
    targets: Sequence[int],
    floors: Sequence[int],
    caps: Sequence[int | None],
    pool: int,
    ids: Sequence[str],
    groups: Mapping[str, tuple[Sequence[int], int]],
) -> Nested:
    """Share `pool` by `targets`; `groups`: id → (its places, the least its places get together).

    Arguments as in `water_fill`. Rounded once within each set of places with one multiplier; a group never falls below
    its minimum by rounding. Raises NoNestedSolution, ValueError for groups that overlap without being nested.
    """
    if not nested(groups):
        raise ValueError("groups overlap without being nested")
    _check(targets, floors, caps, pool, groups)
    wanted = dict(groups)
    while True:
        solved = _Solved(targets, floors, caps, pool, wanted)
        found = solved.rounded(ids)
        unmet = [name for name, (places, least) in groups.items() if sum(found.amounts[at] for at in places) < least]
        if not unmet:
            return found
        # A group above its minimum by less than rounding takes away: the next whole unit is made its minimum.
        for name in unmet:
            places = wanted[name][0]
            wanted[name] = (places, ceil(sum((solved.exact(at) for at in places), _ZERO)))


def _check(
    targets: Sequence[int],
    floors: Sequence[int],
    caps: Sequence[int | None],
    pool: int,
    groups: Mapping[str, tuple[Sequence[int], int]],
) -> None:
    if any(cap is not None and floor > cap for floor, cap in zip(floors, caps, strict=True)):
        raise ValueError("a floor lies above its cap")
    for name, (places, least) in _inside_out(groups):
        room = most(targets, floors, caps, places)
        if room is not None and room < least:
            raise NoNestedSolution("caps", least - room, name)
    need = _need(floors, groups)
    if need > pool:
        raise NoNestedSolution("floors", need - pool, REST)
    room = most(targets, floors, caps, range(len(targets)))
    if room is not None and room < pool:
        raise NoNestedSolution("caps", pool - room, REST)


def _inside_out(groups: Mapping[str, tuple[Sequence[int], int]]) -> list[tuple[str, tuple[Sequence[int], int]]]:
    return sorted(groups.items(), key=lambda item: (len(item[1][0]), item[0]))


def _need(floors: Sequence[int], groups: Mapping[str, tuple[Sequence[int], int]]) -> int:
    """The least that floors and groups take together."""
    least = list(floors)
    for _, (places, minimum) in _inside_out(groups):
        lacking = minimum - sum(least[at] for at in places)
        if lacking > 0:
            least[places[0]] += lacking
    return sum(least)


class _Solved:
    """Multipliers of one problem that has a solution."""

    def __init__(
        self,
        targets: Sequence[int],
        floors: Sequence[int],
        caps: Sequence[int | None],
        pool: int,
        groups: Mapping[str, tuple[Sequence[int], int]],
    ) -> None:
        self.targets, self.floors, self.caps, self.pool, self.groups = targets, floors, caps, pool, groups
        self.least = [_ZERO] * len(targets)
        self.owners = [REST] * len(targets)
        self.multipliers: dict[str, Fraction] = {}
        for name, (places, minimum) in _inside_out(groups):
            self._raise(name, places, minimum)
        common = self._multiplier(range(len(targets)), pool)
        for at, least in enumerate(self.least):
            if common > least:
                self.owners[at] = REST
        self.multipliers = {name: found for name, found in self.multipliers.items() if name in set(self.owners)}
        self.multipliers[REST] = common

    def _raise(self, name: str, places: Sequence[int], minimum: int) -> None:
        found = self._multiplier(places, minimum)
        self.multipliers[name] = found
        for at in places:
            if found > self.least[at]:
                self.least[at], self.owners[at] = found, name

    def exact(self, at: int) -> Fraction:
        """The amount of a place before rounding."""
        multiplier = max(self.multipliers[REST], self.least[at])
        amount = max(multiplier * self.targets[at], Fraction(self.floors[at]))
        cap = self.caps[at]
        return amount if cap is None else min(amount, Fraction(cap))

    def _multiplier(self, places: Sequence[int], amount: int) -> Fraction:
        """The smallest multiplier at which `places` hold `amount`; 0 where they do at their floors and `least`."""
        bits = max((max(self.targets[at].bit_length(), self.least[at].denominator.bit_length()) for at in places),
                   default=0)  # fmt: skip
        shift = 2 * bits + 1
        scale = lcm(*{self.least[at].denominator for at in places})
        events: list[tuple[int, int, int, int, int]] = []
        fixed = 0
        for at in places:
            target, cap = self.targets[at], self.caps[at]
            top, bottom, value = self._start(at, scale)
            fixed += value
            if target and (cap is None or value < cap * scale):
                # Two breakpoints differ by at least the product of their denominators: whole parts order them exactly.
                events.append(((top << shift) // bottom, top, bottom, target, -value))
                if cap is not None:
                    events.append(((cap << shift) // target, cap, target, -target, cap * scale))
        if fixed >= amount * scale:
            return _ZERO
        events.sort()
        free, last = 0, _ZERO
        for _, top, bottom, slope, constant in events:
            if free and fixed * bottom + top * free * scale >= amount * scale * bottom:
                break
            free += slope
            fixed += constant
            last = Fraction(top, bottom)
        return Fraction(amount * scale - fixed, free * scale) if free else last

    def _start(self, at: int, scale: int) -> tuple[int, int, int]:
        """Where a place leaves its least money: multiplier as a pair, and that money times `scale`."""
        target, floor, cap, least = self.targets[at], self.floors[at], self.caps[at], self.least[at]
        if not target or least.numerator * target <= floor * least.denominator:
            return floor, target or 1, floor * scale
        value = least.numerator * target * (scale // least.denominator)
        return least.numerator, least.denominator, value if cap is None else min(value, cap * scale)

    def rounded(self, ids: Sequence[str]) -> Nested:
        """Whole units: the places of one owner share what their group has left by its minimum."""
        size = len(self.targets)
        amounts, bounds = [0] * size, ["free"] * size
        members: dict[str, list[int]] = {REST: []}
        for at, owner in enumerate(self.owners):
            members.setdefault(owner, []).append(at)
        totals = self._totals(set(members))
        for owner, places in members.items():
            filled = water_fill(
                [self.targets[at] for at in places],
                [self.floors[at] for at in places],
                [self.caps[at] for at in places],
                totals[owner],
                [ids[at] for at in places],
            )
            for at, amount, bound in zip(places, filled.amounts, filled.bounds, strict=True):
                amounts[at], bounds[at] = amount, bound
        return Nested(amounts, bounds, list(self.owners), self.multipliers)

    def _totals(self, binding: set[str]) -> dict[str, int]:
        """What the places of each owner share: the minimum of the group without that of the groups within it."""
        held, totals = [0] * len(self.targets), {}
        for name, (places, minimum) in _inside_out(self.groups):
            if name in binding:
                totals[name] = minimum - sum(held[at] for at in places)
                # Noted at one place, as a sum for those who hold this group.
                held[places[0]] += totals[name]
        return {**totals, REST: self.pool - sum(held)}

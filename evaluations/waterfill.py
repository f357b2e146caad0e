"""Sharing a pool by targets within floors and caps: clip(μ·target, floor, cap) with one multiplier μ.

Put here: the exact solver, for one pool or for a group with a guaranteed minimum and the rest. Keep out: what targets,
floors and caps stand for. It is the share nearest to the targets (in relative entropy) among all that respect the
bounds; more money never lowers anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Filled:
    """Amounts in whole units and, for each place, whether it stands at its `floor`, its `cap` or is `free`."""

    amounts: list[int]
    bounds: list[str]
    multiplier: Fraction


class NoSolution(ValueError):  # noqa: N818  (an answer, not a fault)
    """No μ exists: the floors take more than the pool, or the caps less. `short` is by how much."""

    def __init__(self, side: str, short: int) -> None:
        self.side, self.short = side, short
        super().__init__(f"{side} miss the pool by {short}")


def water_fill(
    targets: Sequence[int], floors: Sequence[int], caps: Sequence[int | None], pool: int, ids: Sequence[str]
) -> Filled:
    """Share `pool` (whole units) by integer `targets` (any common scale) within whole floors and caps.

    A cap of None is no cap. Rounded once by largest remainder among the free places. A place with target 0 gets its
    floor. Raises NoSolution.
    """
    need = sum(floors)
    if need > pool:
        raise NoSolution("floors", need - pool)
    room = (
        None
        if any(cap is None and target for cap, target in zip(caps, targets, strict=True))
        else sum((cap or 0) if target else floor for cap, target, floor in zip(caps, targets, floors, strict=True))
    )
    if room is not None and room < pool:
        raise NoSolution("caps", pool - room)
    multiplier = _multiplier(targets, floors, caps, pool)
    exact = [_clip(multiplier * target, floor, cap) for target, floor, cap in zip(targets, floors, caps, strict=True)]
    bounds = [
        "floor"
        if amount <= floor and target * multiplier <= floor
        else "cap"
        if cap is not None and amount >= cap
        else "free"
        for amount, target, floor, cap in zip(exact, targets, floors, caps, strict=True)
    ]
    return Filled(_rounded(exact, bounds, pool, ids), bounds, multiplier)


def _clip(amount: Fraction, floor: int, cap: int | None) -> Fraction:
    bounded = max(amount, Fraction(floor))
    return bounded if cap is None else min(bounded, Fraction(cap))


def _multiplier(targets: Sequence[int], floors: Sequence[int], caps: Sequence[int | None], pool: int) -> Fraction:
    """Walk the places where somebody leaves a floor or meets a cap, in rising μ, until the pool is used up."""
    events: list[tuple[Fraction, int, int]] = []
    for target, floor, cap in zip(targets, floors, caps, strict=True):
        if target:
            events.append((Fraction(floor, target), target, -floor))
            if cap is not None:
                events.append((Fraction(cap, target), -target, cap))
    events.sort(key=lambda event: event[0])
    fixed, free = sum(floors), 0
    for point, slope, constant in events:
        if free and fixed + point * free >= pool:
            break
        free += slope
        fixed += constant
    else:
        point = events[-1][0] if events else Fraction(0)
    return Fraction(pool - fixed, free) if free else point


def _rounded(exact: Sequence[Fraction], bounds: Sequence[str], pool: int, ids: Sequence[str]) -> list[int]:
    whole = [amount.numerator // amount.denominator for amount in exact]
    left = pool - sum(whole)
    free = [at for at, bound in enumerate(bounds) if bound == "free"]
    order = sorted(free, key=lambda at: (-(exact[at] - whole[at]), ids[at]))
    winners = set(order[:left])
    return [amount + (at in winners) for at, amount in enumerate(whole)]

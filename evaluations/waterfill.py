"""Sharing a pool by targets within floors and caps: clip(μ·target, floor, cap) with one multiplier μ.

Put here: the exact solver for one pool. Keep out: groups with minima (nested_fill), what targets, floors and caps stand
for. It is the share nearest to the targets (in relative entropy) among all that respect the
bounds; more money never lowers anybody. Everything is integers: μ is a fraction, no amount is ever a float.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

REST = ""


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

    A cap of None is no cap. Rounded once by largest remainder among the free places, ties to the smaller id. A place
    with target 0 gets its floor. Raises NoSolution, and ValueError for a floor above its cap.
    """
    if any(cap is not None and floor > cap for floor, cap in zip(floors, caps, strict=True)):
        raise ValueError("a floor lies above its cap")
    need, room = sum(floors), _room(targets, floors, caps)
    if need > pool:
        raise NoSolution("floors", need - pool)
    if room is not None and room < pool:
        raise NoSolution("caps", pool - room)
    multiplier = _multiplier(targets, floors, caps, pool)
    amounts, bounds, remainders = [], [], []
    for target, floor, cap in zip(targets, floors, caps, strict=True):
        whole, remainder = divmod(target * multiplier.numerator, multiplier.denominator)
        if whole < floor or (whole == floor and not remainder):
            bound, amount = "floor", floor
        elif cap is not None and whole >= cap:
            bound, amount = "cap", cap
        else:
            bound, amount = "free", whole
        bounds.append(bound)
        amounts.append(amount)
        remainders.append(remainder)
    free = [at for at, bound in enumerate(bounds) if bound == "free"]
    free.sort(key=lambda at: (-remainders[at], ids[at]))
    for at in free[: pool - sum(amounts)]:
        amounts[at] += 1
    return Filled(amounts, bounds, multiplier)


def most(
    targets: Sequence[int], floors: Sequence[int], caps: Sequence[int | None], places: Sequence[int]
) -> int | None:
    """The most that `places` can hold under their caps; None for any amount."""
    return _room([targets[at] for at in places], [floors[at] for at in places], [caps[at] for at in places])


def _room(targets: Sequence[int], floors: Sequence[int], caps: Sequence[int | None]) -> int | None:
    room = 0
    for target, floor, cap in zip(targets, floors, caps, strict=True):
        if target and cap is None:
            return None
        room += cap if target and cap is not None else floor
    return room


def _multiplier(targets: Sequence[int], floors: Sequence[int], caps: Sequence[int | None], pool: int) -> Fraction:
    """Walk the places where somebody leaves a floor or meets a cap, in rising μ, until the pool is used up."""
    events: list[tuple[int, int, int, int, int]] = []
    # Two different breakpoints a/b and c/d differ by at least 1/(b·d): scaled by this, whole parts order them exactly.
    shift = 2 * max(targets, default=0).bit_length() + 1
    for target, floor, cap in zip(targets, floors, caps, strict=True):
        if target:
            events.append(((floor << shift) // target, floor, target, target, -floor))
            if cap is not None:
                events.append(((cap << shift) // target, cap, target, -target, cap))
    events.sort()
    fixed, free, last = sum(floors), 0, Fraction(0)
    for _, bound, target, slope, constant in events:
        if free and fixed * target + bound * free >= pool * target:
            break
        free += slope
        fixed += constant
        last = Fraction(bound, target)
    return Fraction(pool - fixed, free) if free else last

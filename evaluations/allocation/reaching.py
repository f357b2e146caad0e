"""How many years it takes to reach targets: the need stream again and again, with this year's money as next year's.

Budget, people, risks and what groups have in other streams stay as they are. In floating point, but for years that
only the engine can tell. Put here: the bounds of the next year, the years. Keep out: the division of one year
(pace.py), years after an improvement (replay.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.bounds import Pace
from evaluations.allocation.need import Targets
from evaluations.allocation.pace import NO_FLOOR, Bounds, paced
from evaluations.allocation.problem import Guarantee, Infeasible
from evaluations.allocation.screen import Group, clipped, fill, held, spared

LONGEST = 30
"""Years that are looked ahead."""
NEAR = 1000
"""Money within a thousandth of the target is at it: one payee still above holds all others a little below."""
_LOST = 0.5
Floats = NDArray[np.float64]
Guarantees = Sequence[tuple[Guarantee, Fraction | None]]


@dataclass(frozen=True)
class NeedRules:
    """What stays as it is from year to year; as `paced` takes it."""

    pool: int
    targets: Targets
    bounds: Bounds
    pace: Pace | None
    guarantees: Guarantees
    ids: Sequence[str]
    stream: str

    @property
    def holds(self) -> bool:
        """Whether a fund keeps money above targets."""
        return self.pace is not None and self.pace.leakage == "hold_in_transition"


def years_to_target(rules: NeedRules, money: Sequence[int]) -> list[int | None]:
    """For each payee the first year in which its money is at its target, within a fen or a thousandth of it.

    `money`: fen of this year, which is year 0. None where that is not so within LONGEST years, or the rules cannot hold
    together in a year before.
    """
    targets = np.array([own / rules.targets.scale for own in rules.targets.scaled])
    near, now = np.maximum(1.0, targets / NEAR), np.array(money, dtype=float)
    found = np.full(targets.size, np.nan)
    for year in range(LONGEST + 1):
        found[np.isnan(found) & (np.abs(now - targets) < near)] = year
        following = None if not np.isnan(found).any() else _following(rules, targets, now)
        if following is None or (year and np.abs(following - now).max() < _LOST):
            break
        now = following
    return [None if np.isnan(year) else int(year) for year in found]


def _following(rules: NeedRules, targets: Floats, before: Floats) -> Floats | None:
    """Money of the year after; None where the rules cannot hold together."""
    bounds = _next_bounds(rules, before)
    if bounds is None:
        return None
    lows, tops = np.array(bounds.floors, dtype=float), np.array([np.inf if own is None else own for own in bounds.caps])
    tops = np.where(targets > 0, tops, lows)
    pool = min(float(rules.pool), tops.sum()) if rules.holds else float(rules.pool)
    row = targets[None, :], lows[None, :], tops[None, :], np.array([pool])
    multiplier = fill(*row)
    if np.isnan(multiplier[0]) or lows.sum() > pool + _LOST:
        return None
    natural = clipped(multiplier[:, None], *row[:3])
    groups = sorted(rules.guarantees, key=lambda own: len(own[0].places))
    kept = np.minimum(natural[0], np.maximum(lows, targets)) if rules.holds else natural[0]
    short = any(kept[list(own.places)].sum() < own.minimum for own, _ in groups)
    if short and rules.holds:
        return _exact(rules, bounds)
    if rules.holds:
        return np.asarray(kept)
    if not short:
        return np.asarray(natural[0])
    reserved = [
        Group(np.array(own.places), float(own.minimum), 0.0, None if below is None else float(below))
        for own, below in groups
    ]
    raised = spared(reserved, natural, row[0], row[1])
    amounts, _ = held(reserved, row[0], raised, row[2], row[3], [np.array([own.minimum]) for own in reserved])
    return None if np.isnan(amounts).any() else np.asarray(amounts[0])


def _exact(rules: NeedRules, bounds: Bounds) -> Floats | None:
    try:
        year = paced(rules.pool, rules.targets, bounds, rules.guarantees, rules.ids, rules.stream, hold=rules.holds)
    except Infeasible:
        return None
    return np.array(year.amounts, dtype=float)


def _next_bounds(rules: NeedRules, before: Floats) -> Bounds | None:
    """Floors and caps after this money; None where a floor lies above a cap. Floors by target and law stay."""
    pace, size = rules.pace, before.size
    if pace is None:
        return rules.bounds
    money = np.rint(before).astype(np.int64).tolist()
    kept, caps = [0] * size, list[int | None]([None] * size)
    if pace.floor_change is not None:
        top, bottom = (1 + Fraction(pace.floor_change)).as_integer_ratio()
        kept = [-(-own * top // bottom) for own in money]
    parts = {**rules.bounds.parts, "hold_harmless": kept}
    floors = [max(own) for own in zip(*parts.values(), strict=True)]
    if pace.cap_change is not None:
        top, bottom = (1 + Fraction(pace.cap_change)).as_integer_ratio()
        highest = [own * top // bottom for own in money]
        # Where no whole fen lies between the two, the floor is kept.
        if any(own and low > high + 1 for own, low, high in zip(money, floors, highest, strict=True)):
            return None
        caps = [max(low, high) if own else None for own, low, high in zip(money, floors, highest, strict=True)]
    return Bounds(floors, caps, [NO_FLOOR] * size, list(money), [None] * size, parts)

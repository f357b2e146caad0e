"""What a score is made of: contributions that sum exactly, and what happens to ranks without each indicator.

Put here: the split of the root's score over the tree; removal of indicators. Keep out: how sure a score is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.document import IndexSpec, follows_parts, indicators_of, walk
from data_contracts.index_spec.ranking import Ranks
from data_contracts.index_spec.tree import Group, Indicator
from evaluations.index import grading, numeric
from evaluations.index.combining import LINEAR
from evaluations.index.numeric import Vector
from evaluations.index.scoring import Scored, Variation, scored
from evaluations.index.sheet import Sheet


@dataclass(frozen=True)
class Line:
    """What one thing gives to the score of the root.

    `kind`: indicator, substitute (for a missing part), or steps (what the steps after combining a part add or take).
    """

    part: str
    kind: str
    amounts: Vector


def contributions(spec: IndexSpec, found: Scored) -> list[Line]:
    """Lines that sum to the score of the root for every unit that has one, up to binary rounding."""
    return list(_lines(spec.tree, np.ones(found.sheet.height), found))


def _lines(group: Group, factor: Vector, found: Scored) -> Iterator[Line]:
    whole = found.combined[group.id]
    for place, part in enumerate(group.parts):
        share, own = whole.shares[:, place], found.scores[part.id]
        there = np.isfinite(own)
        if isinstance(part, Indicator):
            yield Line(part.id, "indicator", np.where(there, factor * share, 0.0))
        else:
            yield from _lines(part, _passed_on(group, place, factor, share, own, found), found)
        given_instead = np.where(there, 0.0, factor * share)
        if np.nan_to_num(given_instead).any():
            yield Line(part.id, "substitute", given_instead)
    if group.steps:
        yield Line(group.id, "steps", factor * np.nan_to_num(found.scores[group.id] - whole.value))


def _passed_on(group: Group, place: int, factor: Vector, share: Vector, own: Vector, found: Scored) -> Vector:
    """How much a unit of the part's score counts at the root."""
    if group.combine.how in LINEAR:
        counted = found.combined[group.id].applied[:, place]
    else:
        counted = np.divide(share, own, out=np.zeros_like(share), where=np.isfinite(own) & (own != 0))
    return np.where(np.isfinite(own), factor * np.nan_to_num(counted), 0.0)


def in_units(lines: list[Line], score: Vector, digits: int) -> NDArray[np.int64]:
    """Lines × units in whole units of the last digit, so that each column sums exactly to the rounded score.

    What rounding leaves goes to the largest line, of equal ones to the first. Units without a score are all zero.
    """
    known = np.isfinite(score)
    factor = 10.0**digits
    table = np.array([np.where(known, numeric.rounded(np.nan_to_num(line.amounts), digits, "half_up"), 0.0)
                      for line in lines])  # fmt: skip
    units = np.rint(table * factor).astype(np.int64)
    target = np.rint(np.where(known, numeric.published(score, digits), 0.0) * factor).astype(np.int64)
    largest = np.argmax(np.abs(table), axis=0)
    units[largest, np.arange(score.size)] += target - units.sum(axis=0)
    return units


def headline_ranks(spec: IndexSpec, found: Scored, figures: Vector) -> Vector:
    """Ranks of the root as its first ranking orders them by published figures, ties averaged; NaN without one."""
    first = spec.tree.ranks[0] if spec.tree.ranks else Ranks(ties="average")
    ranking = first.model_copy(update={"ties": "average"})
    figures = numeric.published(figures, spec.digits)
    return grading.ranks_of(ranking, figures, found.at(spec.tree.id))[0]


def headline_ranks_of_rows(spec: IndexSpec, found: Scored, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """`headline_ranks` of every row of figures (draws × units)."""
    first = spec.tree.ranks[0] if spec.tree.ranks else Ranks(ties="average")
    if first.break_ties_by or first.universe is not None:
        return np.array([headline_ranks(spec, found, row) for row in rows])
    rule, shape = first.round, rows.shape
    figures = numeric.rounded(rows.ravel(), spec.digits, "half_up")
    figures = figures if rule is None else numeric.rounded(figures, rule.digits, rule.how)
    ordered = np.where(np.isfinite(figures), -figures if first.first == "highest" else figures, np.nan).reshape(shape)
    ordered[:, ~found.universe] = np.nan
    result = np.empty(shape)
    for _, units in found.at(spec.tree.id).strata(first.within):
        result[:, units] = numeric.average_ranks_of_rows(ordered[:, units])
    return result


def ranked_among(spec: IndexSpec, found: Scored) -> Vector:
    """How many units each is ranked with by the first ranking of the root."""
    within = spec.tree.ranks[0].within if spec.tree.ranks else []
    ranked = found.universe & np.isfinite(found.scores[spec.tree.id])
    result = np.zeros(found.sheet.height)
    for _, rows in found.at("").strata(within):
        result[rows] = ranked[rows].sum()
    return result


class Removal(NamedTuple):
    """Effect of leaving an indicator out: shifts of rank, correlation with the full ranking, units without score."""

    indicator: str
    mean_shift: float
    largest_shift: float
    kendall: float
    units_lost: int


class Shift(NamedTuple):
    """How ranks move: mean and most, and how many units have none any more."""

    mean_shift: float
    largest_shift: float
    units_lost: int


def removals(spec: IndexSpec, sheet: Sheet, found: Scored) -> list[Removal]:
    """The index without each indicator in turn, the others weighed up; weights as they are."""
    full = headline_ranks(spec, found, found.scores[spec.tree.id])
    result = []
    for name, ranks in ranks_without(spec, sheet, found).items():
        both, shift = np.isfinite(full) & np.isfinite(ranks), shifted(full, ranks)
        alike = kendall(full[both], ranks[both])
        result.append(Removal(name, shift.mean_shift, shift.largest_shift, alike, shift.units_lost))
    return result


def ranks_without(spec: IndexSpec, sheet: Sheet, found: Scored) -> dict[str, Vector]:
    """Indicator → ranks of the units without it."""
    own = {
        item.id: found.scores[item.id]
        for item in indicators_of(spec.tree)
        if not follows_parts(item, spec.steps_of(item))
    }
    result = {}
    for item in indicators_of(spec.tree):
        variation = Variation(weights=found.weights, without=_emptied(spec, item.id), known=own)
        without = scored(spec, sheet, variation, silent=True, plan=found.plan).scores[spec.tree.id]
        result[item.id] = headline_ranks(spec, found, without)
    return result


def shifted(full: Vector, ranks: Vector) -> Shift:
    """How far the ranks of these units move from `full`."""
    moved = np.abs(ranks - full)[np.isfinite(full) & np.isfinite(ranks)]
    lost = int((np.isfinite(full) & ~np.isfinite(ranks)).sum())
    mean, most = (numeric.mean(moved), float(moved.max())) if moved.size else (float("nan"), float("nan"))
    return Shift(mean, most, lost)


def _emptied(spec: IndexSpec, indicator: str) -> frozenset[str]:
    """The indicator and every part that is made of nothing else."""
    alone = {part.id for part in walk(spec.tree) if [item.id for item in indicators_of(part)] == [indicator]}
    return frozenset(alone - {spec.tree.id})


def kendall(one: Vector, other: Vector) -> float:
    """Kendall's tau-b; NaN where either side is constant."""
    from scipy.stats import kendalltau

    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    # Only the chance that scipy gives with tau depends on the method, and it cannot be had of two figures one way.
    return float(kendalltau(one, other, method="asymptotic" if one.size > 2 else "exact").statistic)

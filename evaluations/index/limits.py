"""How far a score may be off by the error of its figures, which figures say nothing of it, how much weight is known.

Put here: limits of scores from limits of figures, figures without, the share of weight present. Keep out: choices of
method (uncertainty).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.document import IndexSpec, indicators_of, walk
from data_contracts.index_spec.tree import Group, Indicator
from evaluations.index.numeric import Mask, Vector
from evaluations.index.sampling import CONFIDENCE, moved, standard_errors, stated, z_of
from evaluations.index.scoring import Scored, Variation, scored
from evaluations.index.sheet import Sheet
from evaluations.index.stacking import stacked, unit_by_unit
from evaluations.index.weighing import sum_of_parts

# Where scores depend on each other, limits are those of so many draws of all figures.
_DRAWS, _SEED = 200, 1
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


class Limits(NamedTuple):
    """Lower and upper limit of the score of a part, of CONFIDENCE; NaN where no figure behind it has limits."""

    lower: Vector
    upper: Vector


class _Ends(NamedTuple):
    """The limits of a figure (the figure itself where it has none), and where it has them."""

    low: Vector
    high: Vector
    stated: Mask


def limits(spec: IndexSpec, sheet: Sheet, found: Scored) -> dict[str, Limits]:
    """Limits of every group, from those of its figures as if their errors were independent.

    Each figure in turn is set to its lower and to its upper limit and the tree computed again; the squares of what
    that takes from a score, and adds to it, are summed over the figures (unequal limits stay unequal; a limit beyond a
    goalpost counts as far as the goalpost). A figure without limits counts as exact, so that limits of a score say
    nothing of it: `without_limits` names it. Where the score of a unit depends
    on other units, all figures are drawn by their errors instead: the limits hold 95 percent of the draws, and the
    score.
    """
    ends = _ends(spec, sheet, found)
    if not ends:
        return {}
    if not unit_by_unit(spec):
        return _by_draws(spec, sheet, found)
    names, height = list(ends), sheet.height
    copies = 2 * len(names)
    raw = {name: np.tile(own, copies) for name, own in found.raw.items()}
    for place, name in enumerate(names):
        start = 2 * place * height
        raw[name][start : start + height] = ends[name].low
        raw[name][start + height : start + 2 * height] = ends[name].high
    again = scored(spec, stacked(sheet, copies), Variation(raw=raw), silent=True, plan=found.plan)
    result = {}
    for part in walk(spec.tree):
        if isinstance(part, Group):
            ways = again.scores[part.id].reshape(len(names), 2, height)
            known = [item.id for item in indicators_of(part) if item.id in ends]
            stated = [ends[name].stated & np.isfinite(found.scores[name]) for name in known]
            result[part.id] = _limits(found.scores[part.id], ways, stated)
    return result


def _by_draws(spec: IndexSpec, sheet: Sheet, found: Scored) -> dict[str, Limits]:
    errors = standard_errors(spec, sheet, found)
    groups = [part.id for part in walk(spec.tree) if isinstance(part, Group)]
    drawn = {name: np.empty((_DRAWS, sheet.height)) for name in groups}
    for at in range(_DRAWS):
        luck = np.random.default_rng([_SEED, at]).standard_normal((len(errors), sheet.height))
        again = scored(spec, sheet, Variation(raw=moved(found.raw, errors, luck)), silent=True, plan=found.plan)
        for name in groups:
            drawn[name][at] = again.scores[name]
    return {name: _held(found.scores[name], scores) for name, scores in drawn.items()}


def _held(own: Vector, scores: NDArray[np.float64]) -> Limits:
    """Limits of the draws of one part; a draw without score counts as the score itself."""
    low, high = np.quantile(np.where(np.isfinite(scores), scores, own), _TAILS, axis=0)
    return Limits(np.minimum(low, own), np.maximum(high, own))


def _limits(own: Vector, ways: NDArray[np.float64], stated: list[Mask]) -> Limits:
    """Limits of one part; `ways`: its scores with each figure at its lower and at its upper limit."""
    below = np.maximum(own - ways.min(axis=1), 0.0)
    above = np.maximum(ways.max(axis=1) - own, 0.0)
    has = np.any(stated, axis=0) if stated else np.zeros(own.size, dtype=bool)
    return Limits(
        np.where(has, own - np.sqrt(sum_of_parts((below**2).T)), np.nan),
        np.where(has, own + np.sqrt(sum_of_parts((above**2).T)), np.nan),
    )


def _ends(spec: IndexSpec, sheet: Sheet, found: Scored) -> dict[str, _Ends]:
    errors, known = standard_errors(spec, sheet, found), stated(spec, sheet, found)
    result = {}
    for item in indicators_of(spec.tree):
        if item.sampling is None:
            continue
        own, z = found.raw[item.id], z_of(CONFIDENCE)
        error, least, most = errors[item.id]
        if item.sampling.lower is None or item.sampling.upper is None:
            low, high = (np.clip(own + way * z * error, least, most) for way in (-1, 1))
        else:
            low, high = sheet.numbers[item.sampling.lower], sheet.numbers[item.sampling.upper]
            if item.sampling.confidence != CONFIDENCE:
                scale = z / z_of(item.sampling.confidence)
                low, high = (np.clip(own + (end - own) * scale, least, most) for end in (low, high))
        there = known[item.id]
        result[item.id] = _Ends(np.where(there, low, own), np.where(there, high, own), there)
    return result


def without_limits(spec: IndexSpec, sheet: Sheet, found: Scored) -> dict[str, dict[str, Mask]]:
    """Group → indicator → units whose score counts a figure of it that comes with no error.

    A part that weighs nothing does not count, nor one without a score.
    """
    known = stated(spec, sheet, found)
    result: dict[str, dict[str, Mask]] = {}

    def within(part: Group | Indicator) -> dict[str, Mask]:
        there = np.isfinite(found.scores[part.id])
        if isinstance(part, Indicator):
            return {part.id: there & ~known[part.id] if part.id in known else there}
        weights = np.broadcast_to(found.weights[part.id], (sheet.height, len(part.parts)))
        result[part.id] = {
            name: there & own & (weight != 0)
            for weight, child in zip(weights.T, part.parts, strict=True)
            for name, own in within(child).items()
        }
        return result[part.id]

    within(spec.tree)
    return result


def presence(spec: IndexSpec, found: Scored) -> dict[str, Vector]:
    """Part → share of the stated weight below it that has a figure; of an indicator 1 or 0.

    A part that had too little for a score counts as nothing in what it belongs to.
    """
    result: dict[str, Vector] = {}
    for part in walk(spec.tree):
        if isinstance(part, Indicator):
            result[part.id] = np.isfinite(found.scores[part.id]).astype(float)
            continue
        weights = found.weights[part.id]
        scored_too = (np.isfinite(found.scores[child.id]) for child in part.parts)
        known = np.column_stack(
            [np.where(there, result[child.id], 0.0) for child, there in zip(part.parts, scored_too, strict=True)]
        )
        whole = sum_of_parts(weights)
        there = sum_of_parts(weights * known)
        result[part.id] = np.divide(there, whole, out=np.zeros_like(there), where=whole > 0)
    return result

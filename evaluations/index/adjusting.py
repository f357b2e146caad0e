"""Steps that act on any figure: straight lines, limits, rounding, vetoes and bonuses.

Put here: one function per step. Keep out: anything that learns from units.
"""

import numpy as np

from data_contracts.index_spec.steps import Adjust, Clip, Linear, Round
from evaluations.index import numeric
from evaluations.index.numeric import Vector
from evaluations.index.situation import Situation


def linear(step: Linear, figures: Vector, at: Situation) -> Vector:
    """Figure × times + plus."""
    return figures * at.quantity(step.times) + at.quantity(step.plus)


def clip(step: Clip, figures: Vector, at: Situation) -> Vector:
    """Between the limits; a unit that lacks its own limit is not limited by it."""
    result = figures
    if step.low is not None:
        result = np.where(np.isfinite(result), np.fmax(result, at.quantity(step.low)), result)
    if step.high is not None:
        result = np.where(np.isfinite(result), np.fmin(result, at.quantity(step.high)), result)
    with np.errstate(invalid="ignore"):
        at.flag("limited", (result != figures) & np.isfinite(figures))
    return result


def round_to(step: Round, figures: Vector, at: Situation) -> Vector:
    """Rounded as stated."""
    del at
    if step.to is not None:
        return numeric.rounded(figures / step.to, 0, step.how) * step.to
    return numeric.rounded(figures, step.digits or 0, step.how)


def adjust(step: Adjust, figures: Vector, at: Situation) -> Vector:
    """Changed where all conditions hold; flagged with the id of the adjustment.

    A unit that lacks a number of the adjustment (a blank bonus, say) is left as it is.
    """
    chosen, changed = at.holds(step.when), figures
    for given in (step.times, step.add, step.at_least, step.at_most):
        if given is not None:
            chosen = chosen & np.isfinite(at.quantity(given))
    if step.set == "missing":
        changed = np.full(figures.size, np.nan)
    elif step.set is not None:
        changed = at.reference(step.set, step, figures)
        chosen = chosen & np.isfinite(changed)
    if step.times is not None:
        changed = changed * at.quantity(step.times)
    if step.add is not None:
        changed = changed + at.quantity(step.add)
    if step.at_least is not None:
        changed = np.maximum(changed, at.quantity(step.at_least))
    if step.at_most is not None:
        changed = np.minimum(changed, at.quantity(step.at_most))
    result = np.where(chosen, changed, figures)
    at.flag(step.id, chosen & ~((result == figures) | (np.isnan(result) & np.isnan(figures))))
    return result

"""The sampling error of raw figures: how large it is, what it leaves to believe, and figures moved by it.

Put here: standard errors by the stated way, bounds, empirical Bayes, drawn figures. Keep out: what becomes of a score
(uncertainty, limits).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.document import IndexSpec, indicators_of
from data_contracts.index_spec.steps import Shrink
from data_contracts.index_spec.tree import Sampling
from evaluations.index import numeric
from evaluations.index.numeric import Mask, Vector
from evaluations.index.scoring import Scored
from evaluations.index.sheet import Sheet

_FEWEST = 3


# What limits of scores hold, and those of figures unless they say otherwise.
CONFIDENCE = 0.95


def z_of(confidence: float) -> float:
    """Standard errors on each side of a normal figure within which it lies with so much confidence."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


class Error(NamedTuple):
    """Standard error of each figure of an indicator (0 without), and the bounds within which figures are drawn."""

    error: Vector
    low: float
    high: float


def standard_errors(spec: IndexSpec, sheet: Sheet, nominal: Scored) -> dict[str, Error]:
    """The error of every indicator that states one.

    A proportion stays between none and all; other figures stay on the side of zero on which all of them are.
    """
    found = {}
    for item in indicators_of(spec.tree):
        if item.sampling is None:
            continue
        figures = nominal.raw[item.id]
        error = np.nan_to_num(_error(item.sampling, figures, sheet))
        known = figures[np.isfinite(figures)]
        low, high = -np.inf, np.inf
        if item.sampling.denominator is not None:
            low, high = 0.0, item.sampling.scale
        elif known.size and known.min() >= 0:
            low = float(known.min()) / 2
        found[item.id] = Error(error, low, high)
    return found


def stated(spec: IndexSpec, sheet: Sheet, nominal: Scored) -> dict[str, Mask]:
    """Where the figure of an indicator comes with an error; an error of 0 is one, a blank cell is none."""
    return {
        item.id: np.isfinite(nominal.raw[item.id]) & np.isfinite(_error(item.sampling, nominal.raw[item.id], sheet))
        for item in indicators_of(spec.tree)
        if item.sampling is not None
    }


def believed(spec: IndexSpec, found: Scored, errors: Mapping[str, Error]) -> tuple[dict[str, Vector], dict[str, Error]]:
    """Where the true figures are likely to lie: centres in place of the observed figures, and the error left of each.

    Observed figures spread by their errors as well as by the truth; drawn around them, ranks would look surer at the
    ends than they are. So each is drawn from its posterior among the units it is ranked with (empirical Bayes, normal;
    Goldstein and Spiegelhalter 1996). The variance between units is taken no lower than one standard error of its
    estimate, so that units which nothing tells apart keep open ranks. Fewer than three figures, and indicators that
    a step of their own shrinks, stay as they are.
    """
    raw, left = dict(found.raw), dict(errors)
    within = spec.tree.ranks[0].within if spec.tree.ranks else []
    strata = found.at("").strata(within)
    for item in indicators_of(spec.tree):
        if item.id not in errors or any(isinstance(step, Shrink) for step in spec.steps_of(item)):
            continue
        centre, (error, low, high) = raw[item.id].copy(), errors[item.id]
        error = error.copy()
        for _, rows in strata:
            centre[rows], error[rows] = _posterior(centre[rows], error[rows], found.universe[rows])
        raw[item.id], left[item.id] = centre, Error(error, low, high)
    return raw, left


def _posterior(figures: Vector, error: Vector, universe: Mask) -> tuple[Vector, Vector]:
    noise = error**2
    known = universe & np.isfinite(figures) & (noise > 0)
    if known.sum() < _FEWEST:
        return figures, error
    usual = numeric.mean(noise[known])
    spread = numeric.deviation(figures[known], 1) ** 2
    between = max(spread - usual, usual * (2 / (known.sum() - 1)) ** 0.5)
    centre = numeric.mean(figures[known], 1 / (between + noise[known]))
    own = between / (between + noise)
    return centre + own * (figures - centre), error * np.sqrt(own)


def moved(raw: Mapping[str, Vector], errors: Mapping[str, Error], luck: NDArray[np.float64]) -> dict[str, Vector]:
    """All raw figures, those with an error moved by `luck`: standard normal, indicators × units or copies of them."""
    height = next(iter(raw.values())).size
    copies = luck.shape[1] // height
    figures = {name: np.tile(own, copies) for name, own in raw.items() if name not in errors}
    for own_luck, (name, (error, low, high)) in zip(luck, errors.items(), strict=True):
        own = own_luck.reshape(copies, height) * error
        own += raw[name]
        figures[name] = np.clip(own, low, high, out=own).ravel()
    return figures


def _error(given: Sampling, figures: Vector, sheet: Sheet) -> Vector:
    """NaN where it is not known."""
    if given.standard_error is not None:
        return sheet.numbers[given.standard_error]
    z = z_of(given.confidence)
    if given.lower is not None and given.upper is not None:
        return (sheet.numbers[given.upper] - sheet.numbers[given.lower]) / (2 * z)
    n = sheet.numbers[str(given.denominator)]
    share = np.clip(figures / given.scale, 0, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = z * np.sqrt(z * z + 4 * n * share * (1 - share)) / (2 * (n + z * z))
    return np.where(n > 0, half / z * given.scale, np.nan)

"""Means, moments, quantiles, ranks and rounding of one column, the same on any machine and in any order of rows.

Put here: statistics of plain vectors without missing figures. Keep out: strata, universes, specs.
"""

from math import frexp, fsum, ldexp, sqrt

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.basics import QuantileRule, RoundingRule, Ties

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Table = NDArray[np.float64]

# Relative room for the error of a few binary operations, within which a figure counts as a half or as whole.
_FUZZ = 2.0**-46
# The same of sums of many figures, as a share of the largest of a column.
_APART = 2.0**-44
_EIGHTH = 0.125
# Below so many figures one sum is faster than several passes; above this size the passes could overflow.
_FEW, _HUGE = 64, 1e290
_BITS = 53
# Rules that interpolate: the place among n ordered figures (the first is 1) is n p + a + b p.
_PLACES = {
    "linear": (1.0, -1.0), "exclusive": (0.0, 1.0), "interpolated": (0.0, 0.0), "hazen": (0.5, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 1 / 4),
}  # fmt: skip


def total(values: Vector) -> float:
    """The exactly rounded sum.

    Heads of the figures that share one unit of the last place add up without error in any order (Rump, Ogita and Oishi
    2008, ExtractVector); what is left of the figures is taken apart again until nothing is left.
    """
    top = float(np.abs(values).max()) if values.size >= _FEW else 0.0
    if values.size < _FEW or not top < _HUGE:
        return fsum(values.tolist())
    if top == 0.0:
        return 0.0
    width = (values.size + 1).bit_length()
    power, left, sums = frexp(top)[1] + width, values, []
    while True:
        unit = ldexp(1.0, power)
        heads = (left + unit) - unit
        sums.append(float(heads.sum()))
        left = left - heads
        if not left.any():
            return fsum(sums)
        power += width - _BITS


def mean(values: Vector, weights: Vector | None = None) -> float:
    """Mean, weighted if weights are given; NaN of nothing."""
    if values.size == 0:
        return float("nan")
    if weights is None:
        return total(values) / values.size
    whole = total(weights)
    return total(weights * values) / whole if whole else float("nan")


def deviation(values: Vector, ddof: int, weights: Vector | None = None) -> float:
    """Standard deviation; NaN of fewer than ddof + 1 figures. A constant column has exactly 0."""
    if values.size <= ddof:
        return float("nan")
    if np.all(values == values[0]):
        return 0.0
    squares = (values - mean(values, weights)) ** 2
    return sqrt(mean(squares, weights) * values.size / (values.size - ddof))


def skewness_and_kurtosis(values: Vector) -> tuple[float, float]:
    """Bias-corrected skewness G1 and excess kurtosis G2 (as spreadsheets give them); NaN below 4 or constant."""
    n = values.size
    if n < 4 or np.all(values == values[0]):
        return float("nan"), float("nan")
    centred = values - mean(values)
    squares = centred * centred
    second, third, fourth = mean(squares), mean(squares * centred), mean(squares * squares)
    if second == 0.0:
        return float("nan"), float("nan")
    skewness = third / second**1.5 * sqrt(n * (n - 1)) / (n - 2)
    kurtosis = ((n + 1) * (fourth / second**2 - 3) + 6) * (n - 1) / ((n - 2) * (n - 3))
    return skewness, kurtosis


def quantile(values: Vector, share: float, rule: QuantileRule) -> float:
    """The quantile at `share` (0–1) by a stated rule; NaN of nothing.

    linear, exclusive, interpolated, hazen, median_unbiased, normal_unbiased: types 7, 6, 4, 5, 8, 9 of Hyndman and Fan
    (1996); inverted, averaged, nearest: their types 1, 2, 3; lower, higher, midpoint: of the neighbours of `linear`.
    """
    n = values.size
    if n == 0:
        return float("nan")
    ordered = np.sort(values)
    plus, times = _PLACES.get(rule, (1.0, -1.0) if rule in ("lower", "higher", "midpoint") else (0.0, 0.0))
    place = n * share + plus + times * share
    # A place this near to a whole number is one: 0.07 of 100 figures are 7, not 7.000000000000001.
    place = float(round(place)) if abs(place - round(place)) <= _FUZZ * n else place
    below = int(np.floor(place))
    over = place - below
    low, high = (float(ordered[min(max(at, 1), n) - 1]) for at in (below, below + 1))
    if rule in _PLACES:
        return low + (high - low) * over
    match rule:
        case "lower" | "midpoint" | "higher" if over == 0:
            return low
        case "lower":
            return low
        case "inverted" | "higher":
            return high if over > 0 else low
        case "nearest":
            return high if over > 0.5 or (over == 0.5 and below % 2 == 1) else low
        case "midpoint":
            return (low + high) / 2
        case _:
            return high if over > 0 else (low + high) / 2


def reaches(figures: Vector, edge: Vector | float) -> Mask:
    """Where figures are at or above an edge; one that misses it by the error of binary numbers alone is at it."""
    with np.errstate(invalid="ignore"):
        return np.asarray(figures >= edge - np.abs(edge) * _FUZZ)


def exceeds(figures: Vector, edge: Vector | float) -> Mask:
    """Where figures are above an edge by more than the error of binary numbers."""
    with np.errstate(invalid="ignore"):
        return np.asarray(figures > edge + np.abs(edge) * _FUZZ)


def rounded(values: Vector, digits: int, how: RoundingRule) -> Vector:
    """Rounded to `digits` decimals; what is a half, or whole, up to the error of binary numbers is one."""
    factor = 10.0 ** abs(digits)
    scaled = np.abs(values) * factor if digits >= 0 else np.abs(values) / factor
    fuzz = scaled * _FUZZ
    low = np.floor(scaled + fuzz)
    over = scaled - low
    is_half = np.abs(over - 0.5) <= fuzz
    is_whole = np.abs(over) <= fuzz
    negative = np.signbit(values)
    upwards = {
        "half_up": is_half | (over > 0.5),
        "half_down": ~is_half & (over > 0.5),
        "half_even": np.where(is_half, low % 2 == 1, over > 0.5),
        "down": np.zeros_like(is_half),
        "up": ~is_whole,
        "floor": negative & ~is_whole,
        "ceiling": ~negative & ~is_whole,
    }[how]
    whole = low + upwards
    result = np.copysign(whole / factor if digits >= 0 else whole * factor, values) + 0.0
    # Beyond the digits that a binary number holds there is nothing to round.
    return np.where(np.isfinite(values) & (fuzz < _EIGHTH), result, values)


def settled(values: Vector) -> Vector:
    """Figures that only the error of binary numbers tells apart made equal, so that a tie stays one."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size < 2:
        return values
    order = known[np.argsort(values[known], kind="stable")]
    ordered = values[order]
    apart = np.diff(ordered) > np.abs(ordered).max() * _APART
    first = np.maximum.accumulate(np.concatenate([[0], np.where(apart, np.arange(1, ordered.size), 0)]))
    result = values.copy()
    result[order] = ordered[first]
    return result


def published(values: Vector, digits: int) -> Vector:
    """Figures as readers see them, halves away from zero; equal ones stay equal."""
    return rounded(settled(values), digits, "half_up")


def ranks_among(values: Vector, universe: Vector, ties: Ties) -> Vector:
    """Rank of each figure among those of the universe, 1 for the lowest.

    `ordinal` ranks equal figures in the order of `values`, which must then be the universe itself.
    """
    if ties == "ordinal":
        places = np.empty(values.size)
        places[np.argsort(values, kind="stable")] = np.arange(1, values.size + 1)
        return places
    if ties != "dense" and values.size and np.array_equal(values, universe):
        return _ranks(values, ties)
    ordered = np.sort(universe)
    if ties == "dense":
        return np.asarray(np.searchsorted(np.unique(ordered), values, side="left") + 1.0)
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    if ties == "min":
        return np.asarray(below + 1.0)
    if ties == "max":
        return np.asarray(up_to, dtype=float)
    return np.asarray((below + 1 + up_to) / 2)


def ranks_in(figures: Vector, learn: Mask, ties: Ties) -> Vector:
    """Ranks among the figures to learn from; other figures by where they would stand; missing stays missing."""
    figures = settled(figures)
    result, others = np.full(figures.size, np.nan), np.isfinite(figures) & ~learn
    result[learn] = ranks_among(figures[learn], figures[learn], ties)
    if others.any():
        result[others] = ranks_among(figures[others], figures[learn], "min" if ties == "ordinal" else ties)
    return result


def _ranks(values: Vector, ties: Ties) -> Vector:
    """As `ranks_among` of the figures themselves, without a search for each."""
    order = np.argsort(values)
    ordered = values[order]
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    ends = np.append(starts[1:], values.size)
    run = {"min": starts + 1.0, "max": ends * 1.0, "average": (starts + 1 + ends) / 2}[ties]
    places = np.empty(values.size)
    places[order] = np.repeat(run, ends - starts)
    return places


def average_ranks_of_rows(table: Table) -> Table:
    """Rank of each figure within its row, 1 for the lowest, ties averaged; NaN stays NaN and is not counted."""
    height, width = table.shape
    order = np.argsort(table, axis=1)
    ordered = np.take_along_axis(table, order, axis=1)
    starts = np.ones((height, width), dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = np.broadcast_to(np.arange(width), (height, width))
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    ends = np.ones((height, width), dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, place, width)[:, ::-1], axis=1)[:, ::-1]
    result = np.empty((height, width))
    np.put_along_axis(result, order, (first + last) / 2 + 1, axis=1)
    return np.where(np.isnan(table), np.nan, result)


def correlation(left: Vector, right: Vector) -> float:
    """Pearson's correlation; NaN where either is constant."""
    spreads = deviation(left, 0) * deviation(right, 0) if left.size else 0.0
    if not spreads > 0:
        return float("nan")
    return max(-1.0, min(1.0, mean((left - mean(left)) * (right - mean(right))) / spreads))

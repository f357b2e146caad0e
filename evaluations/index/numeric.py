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
_FEW, _HUGE = 200, 1e290
_BITS, _LEAST = 53, -1074
# Plain moments serve up to a mean of ten thousand deviations (as the ratio of squares), and for such variances.
_FAR, _VAST = 1e8, 1e100
# Rules that interpolate: the place among n ordered figures (the first is 1) is n p + a + b p.
_PLACES = {
    "linear": (1.0, -1.0), "exclusive": (0.0, 1.0), "interpolated": (0.0, 0.0), "hazen": (0.5, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 1 / 4),
}  # fmt: skip


def total(values: Vector) -> float:
    """The exactly rounded sum.

    Heads of the figures that share one unit of the last place add up without error in any order (Rump, Ogita and Oishi
    2008, ExtractVector). What is left of each figure is at most half that unit, so a plain sum of it is off by no more
    than a known bound; where that leaves open how the whole is rounded, what is left is taken apart again.
    """
    count = values.size
    top = float(np.abs(values).max()) if count >= _FEW else 0.0
    if count < _FEW or not top < _HUGE:
        return fsum(values.tolist())
    if top == 0.0:
        return 0.0
    width = (count + 1).bit_length()
    power, left, sums = frexp(top)[1] + width, values, []
    while True:
        unit = ldexp(1.0, power)
        heads = (left + unit) - unit
        sums.append(float(heads.sum()))
        left = left - heads
        rest, bound = float(left.sum()), ldexp(count * count, max(power - 2 * _BITS, _LEAST))
        if fsum([*sums, rest, -bound]) == fsum([*sums, rest, bound]) or not left.any():
            return fsum([*sums, rest])
        power += width - _BITS


def mean(values: Vector, weights: Vector | None = None) -> float:
    """Mean, weighted if weights are given; NaN of nothing."""
    if values.size == 0:
        return float("nan")
    if weights is None:
        return total(values) / values.size
    whole = total(weights)
    return total(weights * values) / whole if whole else float("nan")


def deviation(values: Vector, ddof: int, weights: Vector | None = None, centre: float | None = None) -> float:
    """Standard deviation; NaN of fewer than ddof + 1 figures. A constant column has exactly 0.

    `centre`: the mean, where it is known already.
    """
    if values.size <= ddof:
        return float("nan")
    if np.all(values == values[0]):
        return 0.0
    squares = (values - (mean(values, weights) if centre is None else centre)) ** 2
    return sqrt(mean(squares, weights) * values.size / (values.size - ddof))


def skewness_and_kurtosis(values: Vector) -> tuple[float, float]:
    """Bias-corrected skewness G1 and excess kurtosis G2 (as spreadsheets give them); NaN below 4 or constant."""
    if values.size < 4 or np.all(values == values[0]):
        return float("nan"), float("nan")
    centred = values - mean(values)
    squares = centred * centred
    return _corrected(values.size, mean(squares), mean(squares * centred), mean(squares * squares))


def shape_roughly(values: Vector) -> tuple[float, float] | None:
    """`skewness_and_kurtosis` to nine digits from plain sums, in a third of the time; None where they do not hold."""
    n = values.size
    if n < 4:
        return None
    centre = float(values.mean())
    centred = values - centre
    squares = centred * centred
    second = float(squares.mean())
    # Where figures lie apart by little of their size, the error of a plain mean shows in the moments.
    if not (centre * centre < _FAR * second and 1 / _VAST < second < _VAST):
        return None
    return _corrected(n, second, float((squares * centred).mean()), float((squares * squares).mean()))


def _corrected(n: int, second: float, third: float, fourth: float) -> tuple[float, float]:
    """Skewness and kurtosis from the central moments of n figures."""
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
    match how:
        case "half_up":
            upwards = is_half | (over > 0.5)
        case "half_down":
            upwards = ~is_half & (over > 0.5)
        case "half_even":
            upwards = np.where(is_half, low % 2 == 1, over > 0.5)
        case "down":
            upwards = np.zeros_like(is_half)
        case _:
            upwards = np.abs(over) > fuzz
            if how != "up":
                upwards &= np.signbit(values) == (how == "floor")
    whole = low + upwards
    result = np.copysign(whole / factor if digits >= 0 else whole * factor, values) + 0.0
    # Beyond the digits that a binary number holds there is nothing to round.
    return np.where(np.isfinite(values) & (fuzz < _EIGHTH), result, values)


def settled(values: Vector) -> Vector:
    """Figures that only the error of binary numbers tells apart made equal, so that a tie stays one; no zero is −0."""
    # Adding zero makes −0 into 0: which of the two a tie took would hang on the order of the rows.
    known, result = np.flatnonzero(np.isfinite(values)), values + 0.0
    if known.size < 2:
        return result
    own = result[known]
    order, starts = _runs(own)
    result[known[order]] = np.repeat(own[order[starts]], np.diff(starts, append=own.size))
    return result


def _runs(values: Vector) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of figures, and where in it those start that more than the error of binary numbers tells apart."""
    order = np.argsort(values)
    ordered = values[order]
    apart = np.diff(ordered) > max(-ordered[0], ordered[-1]) * _APART
    return order, np.concatenate([[0], np.flatnonzero(apart) + 1])


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
    result, known = np.full(figures.size, np.nan), np.isfinite(figures)
    if ties in _SHARED and known.any() and np.array_equal(known, learn):
        own = figures[known]
        result[known] = _places(*_runs(own), ties)
        return result
    figures, others = settled(figures), known & ~learn
    result[learn] = ranks_among(figures[learn], figures[learn], ties)
    if others.any():
        result[others] = ranks_among(figures[others], figures[learn], "min" if ties == "ordinal" else ties)
    return result


def _ranks(values: Vector, ties: Ties) -> Vector:
    """As `ranks_among` of the figures themselves, without a search for each."""
    order = np.argsort(values)
    ordered = values[order]
    return _places(order, np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1]), ties)


_SHARED = ("min", "max", "average")


def _places(order: NDArray[np.int64], starts: NDArray[np.int64], ties: Ties) -> Vector:
    """The rank of each figure from the order of the figures and where in it equal ones start."""
    ends = np.append(starts[1:], order.size)
    run = starts + 1.0 if ties == "min" else ends * 1.0 if ties == "max" else (starts + 1 + ends) / 2
    places = np.empty(order.size)
    places[order] = run if run.size == order.size else np.repeat(run, ends - starts)
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

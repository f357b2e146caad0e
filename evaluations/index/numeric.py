"""Means, moments, quantiles, ranks and rounding of one column, the same on any machine and in any order of rows.

Put here: statistics of plain vectors without missing figures. Keep out: strata, universes, specs.
"""

from math import fsum, sqrt

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.basics import QuantileRule, RoundingRule, Ties

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Table = NDArray[np.float64]

# Relative room for the error of a few binary operations, within which a figure counts as a half or as whole.
_FUZZ = 2.0**-46
_EIGHTH = 0.125
_METHODS = {
    "exclusive": "weibull",
    "averaged": "averaged_inverted_cdf",
    "inverted": "inverted_cdf",
    "nearest": "closest_observation",
    "median_unbiased": "median_unbiased",
}


def total(values: Vector) -> float:
    """The exactly rounded sum."""
    return fsum(values.tolist())


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
    spread = deviation(values, 0) if n > 3 else 0.0
    if spread == 0.0:
        return float("nan"), float("nan")
    centred = values - mean(values)
    second, third, fourth = (mean(centred**power) for power in (2, 3, 4))
    skewness = third / second**1.5 * sqrt(n * (n - 1)) / (n - 2)
    kurtosis = ((n + 1) * (fourth / second**2 - 3) + 6) * (n - 1) / ((n - 2) * (n - 3))
    return skewness, kurtosis


def quantile(values: Vector, share: float, rule: QuantileRule) -> float:
    """The quantile at `share` (0–1) by a stated rule; NaN of nothing."""
    if values.size == 0:
        return float("nan")
    if rule != "linear":
        return float(np.quantile(values, share, method=_METHODS[rule]))  # type: ignore[call-overload]
    ordered, place = np.sort(values), share * (values.size - 1)
    below = min(int(place), values.size - 1)
    above = min(below + 1, values.size - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


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
    result, others = np.full(figures.size, np.nan), np.isfinite(figures) & ~learn
    result[learn] = ranks_among(figures[learn], figures[learn], ties)
    if others.any():
        result[others] = ranks_among(figures[others], figures[learn], "min" if ties == "ordinal" else ties)
    return result


def _ranks(values: Vector, ties: Ties) -> Vector:
    """As `ranks_among` of the figures themselves, without a search for each."""
    order = np.argsort(values, kind="stable")
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
    order = np.argsort(table, axis=1, kind="stable")
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

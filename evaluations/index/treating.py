"""Steps before figures of units are compared: cases, fixed functions, shrinkage, imputation, extreme figures.

Put here: one function per step; each gives the new figures. Keep out: normalising and points.
"""

from collections.abc import Callable

import numpy as np

from data_contracts.index_spec.steps import Impute, MinimumCases, Shrink, Transform, Winsorise
from evaluations.index import numeric
from evaluations.index.numeric import Mask, Vector
from evaluations.index.sheet import SheetError
from evaluations.index.situation import Situation

NAN = float("nan")
# So near to a limit, moments of plain sums do not tell on which side a column is.
_NEAR = 1e-6


def minimum_cases(step: MinimumCases, figures: Vector, at: Situation) -> Vector:
    """Missing where there are too few cases."""
    with np.errstate(invalid="ignore"):
        enough = at.sheet.numbers[step.column] >= step.at_least
    at.flag("few_cases", ~enough & np.isfinite(figures))
    return np.where(enough, figures, NAN)


def transform(step: Transform, figures: Vector, at: Situation) -> Vector:
    """A fixed function of each figure. Raises SheetError where it is not defined."""
    shifted = figures + step.add
    of = step.of or 0.0
    if step.how in ("log", "log10", "reciprocal", "sqrt"):
        lowest_open = step.how != "sqrt"
        bad = (shifted <= 0) if lowest_open else (shifted < 0)
        if bad.any():
            raise SheetError("index_not_positive", part=at.place, what=step.how, count=int(bad.sum()))
    return _FUNCTIONS[step.how](shifted, of)


_FUNCTIONS: dict[str, Callable[[Vector, float], Vector]] = {
    "log": lambda figures, _: np.log(figures),
    "log10": lambda figures, _: np.log10(figures),
    "sqrt": lambda figures, _: np.sqrt(figures),
    "exp": lambda figures, _: np.exp(figures),
    "logistic": lambda figures, _: 1 / (1 + np.exp(-figures)),
    "reciprocal": lambda figures, _: 1 / figures,
    "power": lambda figures, of: figures**of,
    "complement": lambda figures, of: of - figures,
    "distance": lambda figures, of: -np.abs(figures - of),
    "negate": lambda figures, _: -figures,
}


def turned(step: Transform, sign: int) -> int:
    """The direction after a transformation: 1 where higher is better."""
    if step.how == "distance":
        return 1
    return -sign if step.how in ("reciprocal", "complement", "negate") else sign


def shrink(step: Shrink, figures: Vector, at: Situation) -> Vector:
    """Drawn towards the mean of the stratum by the share of variance that is noise."""
    if step.how == "normal":
        return _shrunk(step, figures, at.sheet.numbers[str(step.standard_error)] ** 2, at)
    if step.how == "reliability":
        return _by_reliability(step, figures, at)
    people = at.sheet.numbers[str(step.denominator)]
    people = np.where(people > 0, people, NAN)
    shares = figures / step.scale
    with np.errstate(invalid="ignore"):
        outside = (shares < 0) | (shares > 1)
    if outside.any():
        raise SheetError("index_not_a_share", part=at.place, count=int(outside.sum()))
    if step.how == "beta_binomial":
        return _beta_binomial(step, shares, people, at) * step.scale
    cases = shares * people
    odds = _shrunk(step, _log_odds(cases, people), _error_of_odds(step, cases, people), at, (cases, people))
    return step.scale / (1 + np.exp(-odds))


def _log_odds(cases: Vector, people: Vector) -> Vector:
    return np.asarray(np.log((cases + 0.5) / (people - cases + 0.5)))


def _error_of_odds(step: Shrink, cases: Vector, people: Vector) -> Vector:
    if step.noise == "one":
        return (people + 1) * (people + 2) / (people * (cases + 1) * (people - cases + 1))
    return 1 / (cases + 0.5) + 1 / (people - cases + 0.5)


def _by_reliability(step: Shrink, figures: Vector, at: Situation) -> Vector:
    result, weight = np.full(figures.size, NAN), at.sheet.numbers[str(step.reliability)]
    for label, rows, own, learn in at.learn(step, figures + 0 * weight):
        centre = numeric.mean(own[learn])
        at.fact("centre", centre, label)
        result[rows] = centre + weight[rows] * (own - centre)
    return result


def _beta_binomial(step: Shrink, shares: Vector, people: Vector, at: Situation) -> Vector:
    result = np.full(shares.size, NAN)
    for label, rows, own, learn in at.learn(step, shares + 0 * people):
        share, n = own[learn], people[rows][learn]
        if n.size == 0:
            continue
        whole = numeric.total(n)
        centre = numeric.total(share * n) / whole
        binomial = centre * (1 - centre)
        excess = numeric.total(n * (share - centre) ** 2) - (n.size - 1) * binomial
        room = whole - numeric.total(n**2) / whole
        between = max(0.0, excess / room) if room > 0 else 0.0
        spread = between + binomial / people[rows]
        weight = np.divide(between, spread, out=np.ones_like(spread), where=spread > 0)
        result[rows] = centre + weight * (own - centre)
        _note_shrinkage(at, label, centre, between, weight)
    return result


def _shrunk(
    step: Shrink, figures: Vector, noise: Vector, at: Situation, counts: tuple[Vector, Vector] | None = None
) -> Vector:
    """Empirical Bayes with known variances; `counts`: cases and people behind log-odds."""
    result = np.full(figures.size, NAN)
    for label, rows, own, learn in at.learn(step, figures + 0 * noise):
        if not learn.any():
            continue
        # Figures without any error would outweigh all others; then each counts the same.
        errors = noise[rows][learn]
        by_precision = step.centre == "precision" and (errors > 0).all()
        centre = numeric.mean(own[learn], 1 / errors if by_precision else None)
        if step.centre == "pooled" and counts is not None:
            centre = float(_log_odds(*(np.array([numeric.total(part[rows][learn])]) for part in counts))[0])
        spread = numeric.deviation(own[learn], 1) if learn.sum() > 1 else 0.0
        between = max(0.0, spread**2 - numeric.mean(errors))
        if step.between == "whole":
            between = numeric.total((own[learn] - centre) ** 2) / max(int(learn.sum()) - 1, 1)
        whole = between + noise[rows]
        weight = np.divide(between, whole, out=np.ones_like(whole), where=whole > 0)
        result[rows] = centre + weight * (own - centre)
        _note_shrinkage(at, label, centre, between, weight)
    return result


def _note_shrinkage(at: Situation, label: str, centre: float, between: float, weight: Vector) -> None:
    at.fact("centre", centre, label)
    at.fact("variance_between", between, label)
    known = weight[np.isfinite(weight)]
    if known.size:
        at.fact("weight_of_own_least", float(known.min()), label)
        at.fact("weight_of_own_most", float(known.max()), label)


def impute(step: Impute, figures: Vector, at: Situation) -> Vector:
    """Missing figures filled; flagged `imputed`."""
    lacking = ~np.isfinite(figures)
    if at.notes.silent and not lacking.any():
        return figures
    result = figures.copy()
    if step.how == "value":
        result[lacking] = step.value
    elif step.how == "column":
        result[lacking] = at.sheet.numbers[str(step.column)][lacking]
    elif step.how == "regression":
        result[lacking] = _predicted(step, figures, at)[lacking]
    else:
        for label, rows, own, learn in at.learn(step, figures):
            if at.notes.silent and not lacking[rows].any():
                continue
            value = _typical(step.how, own[learn])
            at.fact(step.how, value, label)
            result[rows] = np.where(np.isfinite(own), own, value)
    if not at.notes.silent:
        at.flag("imputed", lacking & np.isfinite(result))
        at.fact("imputed_share", float(lacking.mean()))
    return result


def _typical(how: str, known: Vector) -> float:
    if known.size == 0:
        return NAN
    if how == "mean":
        return numeric.mean(known)
    if how == "median":
        return numeric.quantile(known, 0.5, "linear")
    return float(known.min() if how == "minimum" else known.max())


def _predicted(step: Impute, figures: Vector, at: Situation) -> Vector:
    """Least squares on other columns; units that lack one of them have no prediction."""
    others = np.column_stack([np.ones(figures.size), *(at.sheet.numbers[name] for name in step.on)])
    result = np.full(figures.size, NAN)
    for _, rows, own, learn in at.learn(step, figures):
        x = others[rows]
        usable = learn & np.isfinite(x).all(axis=1)
        if usable.sum() <= x.shape[1]:
            raise SheetError("index_too_few", part=at.place, what="regression", count=int(usable.sum()))
        result[rows] = x @ np.linalg.lstsq(x[usable], own[usable], rcond=None)[0]
    return result


def winsorise(step: Winsorise, figures: Vector, at: Situation) -> Vector:
    """Extreme figures drawn in or left out, or all figures turned into logarithms.

    Flagged `drawn_in`, `left_out` and `log_taken`.
    """
    result, logged = figures.copy(), np.zeros(figures.size, dtype=bool)
    for label, rows, own, learn in at.learn(step, figures):
        if step.how == "skewness":
            result[rows], logged[rows] = _by_skewness(step, own, learn, label, at)
            continue
        low, high = _bounds(step, own[learn])
        at.fact("low", low, label)
        at.fact("high", high, label)
        result[rows] = np.where(np.isfinite(own), np.minimum(np.maximum(own, low), high), own)
    if at.notes.silent and step.beyond == "limit":
        return result
    known = np.isfinite(figures)
    changed = known & ~logged & (result != figures)
    at.flag("log_taken", known & logged)
    at.flag("drawn_in" if step.beyond == "limit" else "left_out", changed)
    return result if step.beyond == "limit" else np.where(changed, NAN, result)


def _bounds(step: Winsorise, known: Vector) -> tuple[float, float]:
    low = -np.inf if step.low is None else step.low
    high = np.inf if step.high is None else step.high
    if step.how == "percentiles" and known.size:
        low = numeric.quantile(known, step.low, step.quantile) if step.low is not None else low
        high = numeric.quantile(known, step.high, step.quantile) if step.high is not None else high
    elif step.how == "fences" and known.size:
        low, high = (numeric.quantile(known, share, step.quantile) for share in (0.25, 0.75))
        low, high = low - step.times * (high - low), high + step.times * (high - low)
    elif step.how == "deviations" and known.size > step.ddof:
        centre, spread = numeric.mean(known), numeric.deviation(known, step.ddof)
        low, high = centre - step.times * spread, centre + step.times * spread
    return low, high


def _by_skewness(step: Winsorise, own: Vector, learn: Mask, label: str, at: Situation) -> tuple[Vector, bool]:
    """The figures of a stratum after treatment, and whether they are logarithms now."""
    known, drawn = own[learn], 0
    if not at.notes.silent:
        skewness, kurtosis = numeric.skewness_and_kurtosis(known)
        at.fact("skewness", skewness, label)
        at.fact("kurtosis", kurtosis, label)
    while (tail := _long_tail(step, known)) and drawn < step.most_points:
        edge = known.max() if tail > 0 else known.min()
        inner = known[known != edge]
        known = np.minimum(known, inner.max()) if tail > 0 else np.maximum(known, inner.min())
        drawn += 1
    if not tail:
        at.fact("points_drawn_in", drawn, label)
        return np.where(np.isfinite(own), np.clip(own, known.min(), known.max()), own) if drawn else own, False
    if step.then == "none":
        return own, False
    low, width = float(own[learn].min()), float(np.ptp(own[learn]))
    with np.errstate(invalid="ignore"):
        return np.log(np.maximum(own - low, 0) + 0.01 * width), True


def _long_tail(step: Winsorise, known: Vector) -> int:
    """1 where the upper tail is too long, −1 where the lower one is, 0 where neither is.

    A column that has no skewness (constant, or fewer than 4 figures) needs no treatment.
    """
    shape = numeric.shape_roughly(known)
    if shape is None or _too_near(abs(shape[0]), step.skewness, 0.0) or _too_near(shape[1], step.kurtosis):
        shape = numeric.skewness_and_kurtosis(known)
    skewness, kurtosis = shape
    if not (abs(skewness) >= step.skewness and kurtosis >= step.kurtosis):
        return 0
    return 1 if skewness >= 0 else -1


def _too_near(found: float, *limits: float) -> bool:
    return any(abs(found - limit) <= _NEAR * (1 + abs(limit)) for limit in limits)

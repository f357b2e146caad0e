"""Steps that put figures on a common scale; after each of them higher is better.

Put here: one function per step; `sign` is −1 where lower figures are better. Keep out: points.
"""

from typing import Any

import numpy as np

from data_contracts.index_spec.steps import (
    Borda,
    Compare,
    DistanceToTarget,
    Exponential,
    Goalposts,
    MinMax,
    NormalScores,
    PercentileRank,
    Rank,
    ZScore,
)
from evaluations.index import numeric
from evaluations.index.numeric import Vector
from evaluations.index.sheet import SheetError
from evaluations.index.situation import Situation

NAN = float("nan")


def min_max(step: MinMax, figures: Vector, sign: int, at: Situation) -> Vector:
    """Least to greatest of the stratum → low to high."""
    result, turned = np.full(figures.size, NAN), sign * figures
    for label, rows, own, learn in at.learn(step, turned):
        if not learn.any():
            continue
        least, width = float(own[learn].min()), float(np.ptp(own[learn]))
        at.fact("minimum", min(sign * least, sign * (least + width)), label)
        at.fact("maximum", max(sign * least, sign * (least + width)), label)
        if width > 0:
            result[rows] = (own - least) / width * (step.high - step.low) + step.low
        elif step.constant is not None:
            result[rows] = np.where(np.isfinite(own), step.constant, NAN)
    return result


def goalposts(step: Goalposts, figures: Vector, sign: int, at: Situation) -> Vector:
    """Between stated worst and best; units whose posts coincide have no points."""
    del sign
    worst, best = (at.reference(given, step, figures) for given in (step.worst, step.best))
    if step.scale == "log":
        figures, worst, best = (_logs(given, at) for given in (figures, worst, best))
    width = np.where(best == worst, NAN, best - worst)
    share = (figures - worst) / width
    if not at.notes.silent:
        with np.errstate(invalid="ignore"):
            at.flag("at_floor", share <= 0)
            at.flag("at_ceiling", share >= 1)
    share = np.clip(share, 0, 1) if step.clip else share
    return share * (step.high - step.low) + step.low


def _logs(figures: Vector, at: Situation) -> Vector:
    bad = figures <= 0
    if bad.any():
        raise SheetError("index_not_positive", part=at.place, what="log", count=int(bad.sum()))
    return np.log(figures)


def z_score(step: ZScore, figures: Vector, sign: int, at: Situation) -> Vector:
    """Standardised, capped, scaled."""
    result = np.full(figures.size, NAN)
    weights = at.sheet.numbers[step.weighted_by] if step.weighted_by is not None else None
    middles, spreads = (_stated(given, step, figures, at) for given in (step.centre, step.spread))
    middles = middles if step.centre_unit is None else None
    for label, rows, own, learn in at.learn(step, figures):
        weigh = None if weights is None else np.where(np.isfinite(weights), weights, 0.0)[rows][learn]
        centre = _centre(step, figures, own[learn], weigh, at) if middles is None else middles
        mean = centre if isinstance(centre, float) and step.centre == "mean" and step.centre_unit is None else None
        spread = _spread(step, own[learn], weigh, mean) if spreads is None else spreads
        if isinstance(centre, float) and isinstance(spread, float):
            at.fact("centre", centre, label)
            at.fact("spread", spread, label)
        bottom = np.broadcast_to(np.asarray(spread, dtype=float), figures.shape)[rows]
        middle = np.broadcast_to(np.asarray(centre, dtype=float), figures.shape)[rows]
        result[rows] = sign * np.divide(own - middle, bottom, out=np.full(own.size, NAN), where=bottom > 0)
        if step.constant is not None:
            result[rows] = np.where(np.isfinite(own) & (bottom == 0), step.constant, result[rows])
    return step.shift + step.scale * _capped(step, result, at)


def _stated(given: Any, step: ZScore, figures: Vector, at: Situation) -> float | Vector | None:
    """A centre or spread that is a number, a column or learnt elsewhere; None for one of the step's own words."""
    if isinstance(given, str):
        return None
    return given if isinstance(given, float) else at.reference(given, step, figures)


def _centre(step: ZScore, figures: Vector, known: Vector, weights: Vector | None, at: Situation) -> float:
    if step.centre_unit is not None:
        if step.centre_unit not in at.sheet.units:
            raise SheetError("index_unknown_unit", part=at.place)
        return float(figures[at.sheet.units.index(step.centre_unit)])
    return numeric.mean(known, weights) if step.centre == "mean" else numeric.quantile(known, 0.5, "linear")


def _spread(step: ZScore, known: Vector, weights: Vector | None, mean: float | None) -> float:
    if step.spread == "sd":
        return numeric.deviation(known, step.ddof, weights, mean)
    if step.spread == "mad":
        middle = numeric.quantile(known, 0.5, "linear")
        return 1.4826 * numeric.quantile(np.abs(known - middle), 0.5, "linear")
    return 1.0


def _capped(step: ZScore, scores: Vector, at: Situation) -> Vector:
    if step.caps:
        size, caps = at.sheet.numbers[str(step.size)], np.full(scores.size, np.inf)
        for item in reversed(step.caps):
            limit = np.inf if item.up_to is None else item.up_to
            caps[size <= limit] = np.inf if item.cap is None else item.cap
        caps[~np.isfinite(size)] = np.inf if step.caps[0].cap is None else step.caps[0].cap
    elif step.cap is not None:
        caps = np.full(scores.size, step.cap)
    else:
        return scores
    with np.errstate(invalid="ignore"):
        at.flag("capped", np.abs(scores) > caps)
    return np.where(np.isfinite(scores), np.clip(scores, -caps, caps), scores)


def percentile_rank(step: PercentileRank, figures: Vector, sign: int, at: Situation) -> Vector:
    """Rank as a share by the stated rule."""
    result, turned = np.full(figures.size, NAN), sign * figures
    for _, rows, own, learn in at.learn(step, turned):
        share = _share(step, numeric.ranks_in(own, learn, step.ties), int(learn.sum()))
        result[rows] = share * step.scale
    return result if step.round is None else numeric.rounded(result, step.round.digits, step.round.how)


def _share(step: PercentileRank, places: Vector, n: int) -> Vector:
    """Ranks among n as shares."""
    match step.rule:
        case "inc":
            return (places - 1) / (n - 1) if n > 1 else places * NAN
        case "exc":
            return places / (n + 1)
        case "mid":
            return (places - 0.5) / max(n, 1)
        case "of_n":
            return places / max(n, 1)
        case _:
            return (places - 1) / max(n, 1)


def rank(step: Rank, figures: Vector, sign: int, at: Situation) -> Vector:
    """1 for the worst of the stratum, or for the best."""
    result = np.full(figures.size, NAN)
    turned = sign * figures if step.first == "worst" else -sign * figures
    for _, rows, own, learn in at.learn(step, turned):
        result[rows] = numeric.ranks_in(own, learn, step.ties)
    return result


def borda(step: Borda, figures: Vector, sign: int, at: Situation) -> Vector:
    """Units beaten and half of the ties."""
    result, turned = np.full(figures.size, NAN), sign * figures
    for _, rows, own, learn in at.learn(step, turned):
        result[rows] = numeric.ranks_in(own, learn, "average") - 1
    return result


def exponential(step: Exponential, figures: Vector, sign: int, at: Situation) -> Vector:
    """The exponential transformation of rank shares that keeps high scores in one part from cancelling out."""
    result, turned = np.full(figures.size, NAN), sign * figures
    for _, rows, own, learn in at.learn(step, turned):
        places = own if step.of == "fraction" else numeric.ranks_in(own, learn, step.ties) / max(int(learn.sum()), 1)
        result[rows] = -step.constant * np.log1p(places * np.expm1(-100 / step.constant))
    return result


def normal_scores(step: NormalScores, figures: Vector, sign: int, at: Situation) -> Vector:
    """Standard normal quantiles of ranks."""
    from scipy.special import ndtri

    result, turned = np.full(figures.size, NAN), sign * figures
    for _, rows, own, learn in at.learn(step, turned):
        places, n = numeric.ranks_in(own, learn, step.ties), int(learn.sum())
        less, more = {"of_n1": (0.0, 1.0), "blom": (0.375, 0.25), "mid": (0.5, 0.0)}[step.rule]
        result[rows] = ndtri((places - less) / (n + more)) if n else NAN
    return result


def distance_to_target(step: DistanceToTarget, figures: Vector, sign: int, at: Situation) -> Vector:
    """Share of the way to the target."""
    target = at.reference(step.target, step, figures)
    result = np.full(figures.size, NAN)
    if step.start == "zero":
        top, bottom = (figures, target) if sign > 0 else (target, figures)
        result = np.divide(top, bottom, out=result, where=bottom != 0)
    else:
        for _, rows, own, learn in at.learn(step, sign * figures):
            if learn.any():
                worst = float(own[learn].min())
                way = sign * target[rows] - worst
                result[rows] = np.divide(own - worst, way, out=np.full(own.size, NAN), where=way > 0)
                result[rows] = np.where((way <= 0) & np.isfinite(own), 1.0, result[rows])
    if step.clip:
        result = np.where(result > 1, 1.0, result)
    return result * step.scale


def compare(step: Compare, figures: Vector, sign: int, at: Situation) -> Vector:
    """Against a baseline, a number or a statistic of the stratum."""
    result = np.full(figures.size, NAN)
    stated = None if isinstance(step.to, str) else at.reference(step.to, step, figures)
    for label, rows, own, learn in at.learn(step, figures):
        reference = _typical(str(step.to), own[learn], label, at) if stated is None else stated[rows]
        if step.how == "difference":
            result[rows] = sign * (own - reference)
            continue
        bottom = np.broadcast_to(np.asarray(reference, dtype=float), own.shape)
        if step.how == "relative":
            result[rows] = sign * _quotient(own - bottom, np.abs(bottom))
        else:
            result[rows] = _quotient(own, bottom) if sign > 0 else _quotient(bottom, own)
    return result * step.scale


def _typical(word: str, known: Vector, label: str, at: Situation) -> float:
    share = {"minimum": 0.0, "median": 0.5, "maximum": 1.0}.get(word)
    found = numeric.mean(known) if share is None else numeric.quantile(known, share, "linear")
    at.fact("reference", found, label)
    return found


def _quotient(top: Vector, bottom: Vector) -> Vector:
    usable = (bottom != 0) & np.isfinite(bottom)
    return np.asarray(np.divide(top, bottom, out=np.full(top.size, NAN), where=usable))

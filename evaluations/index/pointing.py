"""Steps that give points by a table or by a customary rule of appraisal.

Put here: bands, knots, achievement or improvement, appraisal algorithms. Keep out: normalising.
"""

import numpy as np

from data_contracts.index_spec.points import (
    AchievementOrImprovement,
    Appraise,
    PiecewisePoints,
    PointsRule,
    StepPoints,
)
from data_contracts.index_spec.ranking import GradePoints
from evaluations.index import grading, numeric
from evaluations.index.numeric import Vector
from evaluations.index.sheet import SheetError
from evaluations.index.situation import Situation

NAN = float("nan")


def step_points(step: StepPoints, figures: Vector, at: Situation) -> Vector:
    """Points of the band in which each figure lies."""
    result = np.full(figures.size, NAN)
    points = np.array([step.below, *(band.points for band in step.bands)])
    for label, rows, own, learn in at.learn(step, figures):
        edges = np.array([_edge(band.at, band.at_quantile, own[learn], step) for band in step.bands])
        for number, edge in enumerate(edges, 1):
            at.fact(f"edge_{number}", float(edge), label)
        if np.isnan(edges).any():
            continue
        band = np.searchsorted(edges, own, side="right" if step.edge == "included" else "left")
        result[rows] = np.where(np.isfinite(own), points[band], NAN)
    return result


def _edge(fixed: float | None, share: float | None, known: Vector, step: StepPoints) -> float:
    return fixed if fixed is not None else numeric.quantile(known, float(share or 0.0), step.quantile)


def piecewise_points(step: PiecewisePoints, figures: Vector, at: Situation) -> Vector:
    """Straight lines between knots; at a jump the later points."""
    x, y = (np.array(side) for side in zip(*step.knots, strict=True))
    place = np.clip(np.searchsorted(x, figures, side="right") - 1, 0, x.size - 2)
    width = x[place + 1] - x[place]
    share = np.divide(figures - x[place], width, out=np.ones(figures.size), where=width > 0)
    result = y[place] + np.clip(share, 0, 1) * (y[place + 1] - y[place])
    with np.errstate(invalid="ignore"):
        beyond = (figures < x[0]) | (figures > x[-1])
    at.flag("beyond_knots", beyond)
    if step.outside == "missing":
        result = np.where(beyond, NAN, result)
    result = np.where(np.isfinite(figures), result, NAN)
    return result if step.round is None else numeric.rounded(result, step.round.digits, step.round.how)


def achievement_or_improvement(step: AchievementOrImprovement, figures: Vector, at: Situation) -> Vector:
    """The better of achievement and improvement; a unit without baseline is judged by achievement alone."""
    shape = figures.shape
    threshold, benchmark = (
        np.broadcast_to(np.asarray(at.sheet.quantity(given), dtype=float), shape)
        for given in (step.threshold, step.benchmark)
    )
    sense = np.where(benchmark >= threshold, 1.0, -1.0)
    ahead = sense * (figures - benchmark)
    with np.errstate(invalid="ignore"):
        reached, started = ahead >= 0, sense * (figures - threshold) >= 0
        achieved = _points(step.achievement, figures - threshold, benchmark - threshold, step)
        achieved = np.where(reached, step.full, np.where(started, achieved, 0.0))
        if step.improvement is None or step.baseline is None:
            return np.where(np.isfinite(figures + threshold + benchmark), achieved, NAN)
        baseline = np.broadcast_to(np.asarray(at.sheet.quantity(step.baseline), dtype=float), shape)
        better = sense * (figures - baseline) > 0
        room = sense * (benchmark - baseline) > 0
        improved = _points(step.improvement, figures - baseline, benchmark - baseline, step)
        improved = np.where(np.isfinite(baseline) & better & room, improved, 0.0)
        at.flag("by_improvement", improved > achieved)
    return np.where(np.isfinite(figures + threshold + benchmark), np.maximum(achieved, improved), NAN)


def _points(rule: PointsRule, way: Vector, whole: Vector, step: AchievementOrImprovement) -> Vector:
    share = np.divide(way, whole, out=np.zeros(way.size), where=whole != 0)
    points = numeric.rounded(rule.times * share + rule.plus, step.round.digits, step.round.how)
    return np.clip(points, rule.least, rule.most)


def appraise(step: Appraise, figures: Vector, at: Situation) -> Vector:
    """Marks by a customary algorithm, from 0 to full marks."""
    baseline = NAN if step.baseline is None else at.sheet.quantity(step.baseline)
    match step.how:
        case "yes":
            share = np.where(figures != 0, 1.0, 0.0)
        case "no":
            share = np.where(figures == 0, 1.0, 0.0)
        case "at_least" | "attach":
            share = _part_of(figures, np.asarray(baseline, dtype=float))
        case "at_most":
            share = _up_to(figures, np.asarray(baseline, dtype=float), step)
        case "interval":
            floor = at.sheet.quantity(step.floor if step.floor is not None else 0.0)
            share = (figures - floor) / np.where(np.asarray(baseline) == floor, NAN, np.asarray(baseline) - floor)
        case "deduct":
            share = 1 - figures * float(step.per or 0.0) / step.full
        case _:
            above = figures > step.full
            if above.any():
                raise SheetError("index_above_full", part=at.place, count=int(above.sum()), full=f"{step.full:g}")
            share = figures / step.full
    share = np.where(np.isfinite(figures), share, NAN)
    return np.clip(share, 0, 1) * step.full


def _part_of(figures: Vector, baseline: Vector) -> Vector:
    """figure/baseline; a baseline of nothing is always met."""
    whole = np.broadcast_to(baseline, figures.shape)
    share = np.divide(figures, whole, out=np.full(figures.size, NAN), where=whole > 0)
    return np.where(whole <= 0, 1.0, share)


def _up_to(figures: Vector, baseline: Vector, step: Appraise) -> Vector:
    whole = np.broadcast_to(baseline, figures.shape)
    if step.loss == "reciprocal":
        loss = np.divide(whole, figures, out=np.ones(figures.size), where=figures > 0)
    else:
        loss = np.divide(whole - figures, whole, out=np.full(figures.size, -1.0), where=whole > 0) + 1
    return np.where(figures <= whole, 1.0, np.where(np.isfinite(whole), loss, NAN))


def grade_points(step: GradePoints, figures: Vector, at: Situation) -> Vector:
    """The points of the class of each figure."""
    classes = grading.classes_of(step.grades, figures, at)
    points = np.array([NAN, *step.points])
    return points[classes + 1]

"""Steps that give points by a table or by a customary rule of appraisal.

Put here: bands, knots, achievement or improvement, appraisal algorithms. Keep out: normalising.
"""

import numpy as np

from data_contracts.index_spec.basics import Learnt
from data_contracts.index_spec.points import (
    AchievementOrImprovement,
    Appraise,
    Band,
    PiecewisePoints,
    PointsRule,
    StepPoints,
)
from data_contracts.index_spec.ranking import GradePoints
from evaluations.index import grading, numeric
from evaluations.index.numeric import Table, Vector
from evaluations.index.sheet import SheetError
from evaluations.index.situation import Situation

NAN = float("nan")


def step_points(step: StepPoints, figures: Vector, at: Situation) -> Vector:
    """Points of the band in which each figure lies."""
    points = np.array([step.below, *(band.points for band in step.bands)])
    edges = np.column_stack([_edge(band, step, figures, at) for band in step.bands])
    _check_rising(edges, "bands", at)
    passes = numeric.reaches if step.edge == "included" else numeric.exceeds
    band = np.sum([passes(figures, edge) for edge in edges.T], axis=0)
    return np.where(np.isfinite(figures) & np.isfinite(edges).all(axis=1), points[band], NAN)


def _edge(band: Band, step: StepPoints, figures: Vector, at: Situation) -> Vector:
    if band.at is not None:
        return at.reference(band.at, step, figures)
    return at.reference(Learnt(learnt="quantile", at=band.at_quantile, quantile=step.quantile), step, figures)


def _check_rising(edges: Table, word: str, at: Situation) -> None:
    """Edges of a unit that fall would give points that nobody meant."""
    with np.errstate(invalid="ignore"):
        falling = (np.diff(edges, axis=1) < 0).any(axis=1)
    if falling.any():
        raise SheetError("index_edges_fall", part=at.place, what=word, count=int(falling.sum()))


def piecewise_points(step: PiecewisePoints, figures: Vector, at: Situation) -> Vector:
    """Straight lines between knots; at a jump the later points."""
    x = np.column_stack([at.reference(figure, step, figures) for figure, _ in step.knots])
    y, rows = np.array([points for _, points in step.knots]), np.arange(figures.size)
    _check_rising(x, "knots", at)
    with np.errstate(invalid="ignore"):
        place = np.clip((figures[:, None] >= x).sum(axis=1) - 1, 0, y.size - 2)
        beyond = (figures < x[:, 0]) | (figures > x[:, -1])
    start = x[rows, place]
    width = x[rows, place + 1] - start
    share = np.divide(figures - start, width, out=np.ones(figures.size), where=width > 0)
    result = y[place] + np.clip(share, 0, 1) * (y[place + 1] - y[place])
    at.flag("beyond_knots", beyond)
    if step.outside == "missing":
        result = np.where(beyond, NAN, result)
    result = np.where(np.isfinite(figures) & np.isfinite(x).all(axis=1), result, NAN)
    return result if step.round is None else numeric.rounded(result, step.round.digits, step.round.how)


def achievement_or_improvement(step: AchievementOrImprovement, figures: Vector, sign: int, at: Situation) -> Vector:
    """The better of achievement and improvement; a unit without baseline is judged by achievement alone."""
    benchmark = at.reference(step.benchmark, step, figures)
    sense, ways = np.full(figures.size, float(sign)), []
    if step.achievement is not None and step.threshold is not None:
        threshold = at.reference(step.threshold, step, figures)
        sense = np.where(benchmark >= threshold, 1.0, -1.0)
        points = _points(step.achievement, figures - threshold, benchmark - threshold, step)
        points = np.where(numeric.reaches(sense * figures, sense * threshold), points, 0.0)
        points = np.where(numeric.reaches(sense * figures, sense * benchmark), step.full, points)
        ways.append(np.where(np.isfinite(figures + threshold + benchmark), points, NAN))
        at.note(ways[0], "achievement")
    if step.improvement is not None and step.baseline is not None:
        baseline = np.broadcast_to(np.asarray(at.quantity(step.baseline), dtype=float), figures.shape)
        better = numeric.exceeds(sense * figures, sense * baseline)
        room = numeric.exceeds(sense * benchmark, sense * baseline)
        # Better than a baseline that was beyond the benchmark already: the whole way is made.
        way, whole = np.where(room, figures - baseline, 1.0), np.where(room, benchmark - baseline, 1.0)
        points = np.where(better, _points(step.improvement, way, whole, step), 0.0)
        ways.append(np.where(np.isfinite(figures + baseline + benchmark), points, NAN))
        at.note(ways[-1], "improvement")
    if len(ways) == 1:
        return ways[0]
    with np.errstate(invalid="ignore"):
        at.flag("by_improvement", ways[1] > ways[0])
    # Without achievement (a figure or a threshold lacks) there are no points at all.
    return np.where(np.isfinite(ways[0]), np.fmax(ways[0], ways[1]), NAN)


def _points(rule: PointsRule, way: Vector, whole: Vector, step: AchievementOrImprovement) -> Vector:
    share = np.divide(way, whole, out=np.zeros(way.size), where=whole != 0)
    points = rule.times * share + rule.plus
    if step.round is not None:
        points = numeric.rounded(points, step.round.digits, step.round.how)
    return np.clip(points, rule.least, rule.most)


def appraise(step: Appraise, figures: Vector, at: Situation) -> Vector:
    """Marks by a customary algorithm, from 0 to full marks."""
    baseline = NAN if step.baseline is None else at.quantity(step.baseline)
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
            floor = at.quantity(step.floor if step.floor is not None else 0.0)
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
    classes = grading.classes_of(step.grades, numeric.settled(figures), at)
    points = np.array([NAN, *step.points])
    return points[classes + 1]

"""The walk through the steps of one part, in their order, with the direction they are read in.

Put here: which function does which step. Keep out: the functions.
"""

from collections.abc import Callable, Sequence
from typing import Any

from data_contracts.index_spec import points, ranking, steps
from data_contracts.index_spec.tree import NORMALISING, Step
from evaluations.index import adjusting, normalising, pointing, treating
from evaluations.index.numeric import Vector
from evaluations.index.situation import Situation

_PLAIN: dict[type, Callable[[Any, Vector, Situation], Vector]] = {
    steps.MinimumCases: treating.minimum_cases,
    steps.Transform: treating.transform,
    steps.Shrink: treating.shrink,
    steps.Impute: treating.impute,
    steps.Winsorise: treating.winsorise,
    steps.Linear: adjusting.linear,
    steps.Clip: adjusting.clip,
    steps.Round: adjusting.round_to,
    steps.Adjust: adjusting.adjust,
    points.StepPoints: pointing.step_points,
    points.PiecewisePoints: pointing.piecewise_points,
    points.Appraise: pointing.appraise,
    ranking.GradePoints: pointing.grade_points,
}
_ORIENTING: dict[type, Callable[[Any, Vector, int, Situation], Vector]] = {
    steps.MinMax: normalising.min_max,
    steps.Goalposts: normalising.goalposts,
    steps.ZScore: normalising.z_score,
    steps.PercentileRank: normalising.percentile_rank,
    steps.Rank: normalising.rank,
    steps.Borda: normalising.borda,
    steps.Exponential: normalising.exponential,
    steps.NormalScores: normalising.normal_scores,
    steps.DistanceToTarget: normalising.distance_to_target,
    steps.Compare: normalising.compare,
    points.AchievementOrImprovement: pointing.achievement_or_improvement,
}


def walk_steps(todo: Sequence[Step], figures: Vector, sign: int, at: Situation) -> tuple[Vector, Vector]:
    """Figures after all steps, and as they were treated: before the first step that compares units or gives points.

    `sign` is −1 where lower is better, until a step has turned the figures: one that normalises or gives points, or a
    straight line that falls.
    """
    treated: Vector | None = None
    for number, step in enumerate(todo, 1):
        at.step = f"{number} {step.step}"
        if treated is None and (step.step in NORMALISING or type(step) not in _TREATING):
            treated = figures
        if type(step) in _ORIENTING:
            figures, sign = _ORIENTING[type(step)](step, figures, sign, at), 1
        else:
            figures = _PLAIN[type(step)](step, figures, at)
            sign = treating.turned(step, sign) if isinstance(step, steps.Transform) else sign
            if type(step) in _POINTS or (isinstance(step, steps.Linear) and _falls(step)):
                sign = 1
        at.note(figures)
    return figures + 0.0, figures if treated is None else treated


_POINTS = (points.StepPoints, points.PiecewisePoints, points.Appraise, ranking.GradePoints)


def _falls(step: steps.Linear) -> bool:
    return isinstance(step.times, float) and step.times < 0


_TREATING = (steps.MinimumCases, steps.Transform, steps.Shrink, steps.Impute, steps.Winsorise)

"""Full marks: the most that a part can be given by what the spec states, where it states that.

Put here: reading full marks off steps and sums. Keep out: figures of units.
"""

from data_contracts.index_spec import points, ranking, steps
from data_contracts.index_spec.document import IndexSpec
from data_contracts.index_spec.tree import Group, Indicator, Step


def full_marks(spec: IndexSpec, part: Group | Indicator) -> float | None:
    """The most a part can be given; None where that depends on the data."""
    if isinstance(part, Indicator):
        return _after(spec.steps_of(part), None)
    weighted = [(child.weight, full_marks(spec, child)) for child in part.parts]
    if part.combine.how != "sum" or any(not isinstance(weight, float) or most is None for weight, most in weighted):
        return _after(part.steps, None)
    return _after(part.steps, sum(weight * most for weight, most in weighted))  # type: ignore[operator,misc]


def _after(todo: list[Step], most: float | None) -> float | None:
    for step in todo:
        most = _given(step, most)
    return most


def _given(step: Step, most: float | None) -> float | None:
    match step:
        case points.Appraise() | points.AchievementOrImprovement():
            return step.full
        case points.PiecewisePoints():
            return max(knot[1] for knot in step.knots)
        case points.StepPoints():
            return max(step.below, *(band.points for band in step.bands))
        case ranking.GradePoints():
            return max(step.points)
        case steps.Goalposts() | steps.MinMax():
            return max(step.low, step.high)
        case steps.Linear() if isinstance(step.times, float) and isinstance(step.plus, float):
            return None if most is None or step.times < 0 else most * step.times + step.plus
        case steps.Clip() if isinstance(step.high, float):
            return step.high if most is None else min(most, step.high)
        case steps.Round() | steps.Impute() | steps.MinimumCases() | steps.Clip() | steps.Adjust():
            return most
    return None

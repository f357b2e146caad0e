"""What must agree within a spec: ids, weights, the order of computing, guards, directions.

Put here: checks of a whole spec, each refusing by name. Keep out: the words (document), whether the data have a column
(evaluations.index).
"""

from typing import Any

from data_contracts.index_spec.basics import ByWord, Fitted, FromPart, within_model
from data_contracts.index_spec.document import IndexSpec, all_parts, conditions_of, guards_hit
from data_contracts.index_spec.steps import Goalposts, Linear, Transform, Winsorise
from data_contracts.index_spec.tree import NORMALISING, Group, Indicator
from data_contracts.messages import did_you_mean, wrong


def check(spec: IndexSpec) -> None:
    """Raises DefinitionError for the first thing that does not agree."""
    _check_ids(spec)
    _check_weights(spec)
    _check_order(spec)
    _check_guards(spec)
    _check_directions(spec)
    _check_logs(spec)


def _check_ids(spec: IndexSpec) -> None:
    seen: set[str] = set()
    for part in all_parts(spec):
        if part.id in seen:
            raise wrong("index_id_twice", id=part.id)
        seen.add(part.id)


def _check_weights(spec: IndexSpec) -> None:
    for part in all_parts(spec):
        if not isinstance(part, Group):
            continue
        ids, rule = [child.id for child in part.parts], part.weights
        for named in [name for need in part.combine.require for name in need.of]:
            _known(part.id, named, ids)
        for weights in rule.by_class.values():
            for named in weights:
                _known(part.id, named, ids)
        sizes = {len(rule.comparison), *(len(row) for row in rule.comparison)}
        if rule.how == "ahp" and sizes != {len(ids)}:
            raise wrong("index_comparison_size", part=part.id, count=len(ids))
        if rule.how == "expert":
            _check_expert(spec, part)


def _check_expert(spec: IndexSpec, part: Group) -> None:
    by_class = part.weights.by_class
    if by_class:
        chosen = spec.policy_class or ""
        if chosen not in by_class:
            hint = did_you_mean(chosen, by_class)
            raise wrong("index_unknown_class", part=part.id, word=chosen, hint=hint)
        lacking = [child.id for child in part.parts if child.id not in by_class[chosen]]
    else:
        lacking = [child.id for child in part.parts if child.weight is None]
    if lacking:
        raise wrong("index_no_weight", part=part.id, lacking=", ".join(lacking))
    fixed = [child.weight for child in part.parts if isinstance(child.weight, float)]
    stated = list(by_class[spec.policy_class or ""].values()) if by_class else fixed
    if any(weight < 0 for weight in stated) or (len(stated) == len(part.parts) and sum(stated) == 0):
        raise wrong("index_weight_sign", part=part.id)


def _check_order(spec: IndexSpec) -> None:
    """A condition, a count or a number may look at parts that are computed before the part it belongs to.

    Ranks and grades may look at their own part too.
    """
    for place, conditions in (("rows", spec.rows), ("universe", spec.universe)):
        for condition in conditions:
            for named in (condition.part, condition.count, *(item.part for item in within_model(FromPart, condition))):
                if named is not None:
                    _known(place, named, [])
    before: list[str] = []
    for part in all_parts(spec):
        steps = spec.steps_of(part) if isinstance(part, Indicator) else part.steps
        if isinstance(part, Indicator) and part.part is not None:
            _known(part.id, part.part, before)
        weights = [] if isinstance(part, Indicator) else [child.weight for child in part.parts]
        _check_known(spec, part.id, [*steps, *weights], before)
        before.append(part.id)
        _check_known(spec, part.id, [*part.ranks, *part.grades], before)
        for named in [name for ranks in part.ranks for name in ranks.break_ties_by]:
            _known(part.id, named, before)
    _check_heads(spec, before)


def _check_heads(spec: IndexSpec, before: list[str]) -> None:
    """Counts, strata and summaries, which belong to no part."""
    for name, count in spec.counts.items():
        for part_id in count.of:
            _known(name, part_id, before)
    for name, stratum in spec.strata.items():
        _check_grade(spec, name, stratum.part, stratum.grade)
    for summary in spec.summaries:
        _known(summary.id, summary.part, before)
        if summary.grade is not None:
            _check_grade(spec, summary.id, summary.part, summary.grade)
    for name in [*spec.counts, *spec.strata]:
        if name in before or (name in spec.counts and name in spec.strata):
            raise wrong("index_id_twice", id=name)


def _check_known(spec: IndexSpec, place: str, steps: list[Any], before: list[str]) -> None:
    for step in steps:
        conditions = list(conditions_of(step))
        named = [item.part for item in conditions if item.part is not None]
        named += [item.part for item in within_model(FromPart, step)]
        for item in [item for item in conditions if item.grade is not None]:
            _check_grade(spec, place, str(item.part), str(item.grade))
        counts = [item.count for item in conditions if item.count is not None]
        for name in counts:
            _known(place, name, list(spec.counts))
        strata = [name for fitted in within_model(Fitted, step) for name in fitted.within]
        strata += [item.by for item in within_model(ByWord, step)]
        counts += [name for name in strata if name in spec.counts]
        named += [spec.strata[name].part for name in strata if name in spec.strata]
        for part_id in [*named, *(part_id for name in counts for part_id in spec.counts[name].of)]:
            _known(place, part_id, before)


def _check_grade(spec: IndexSpec, place: str, part_id: str, grade: str) -> None:
    part = next((part for part in all_parts(spec) if part.id == part_id), None)
    _known(place, grade, [] if part is None else [grades.id for grades in part.grades])


def _known(part: str, named: str, known: list[str]) -> None:
    if named not in known:
        raise wrong("index_unknown_part", part=part, named=named, hint=did_you_mean(named, known))


def _check_guards(spec: IndexSpec) -> None:
    """What pays may not raise need; what better detection raises may not count as worse. Unless somebody signs.

    In an index of need more of the index is worse health, so there it is the indicators that raise it.
    """
    indicators = [part for part in all_parts(spec) if isinstance(part, Indicator)]
    leaves = [item.id for item in indicators]
    for item in indicators:
        if item.detected_by is not None:
            _known(item.id, item.detected_by, [name for name in leaves if name != item.id])
    for item in indicators:
        if item.signed_reason is None:
            for sentence in guards_hit(spec, item):
                raise wrong(sentence, id=item.id)


_POINTS = ("step_points", "piecewise_points", "achievement_or_improvement", "appraise", "grade_points")
_TURNING = ("reciprocal", "complement", "distance", "negate")


def _check_directions(spec: IndexSpec) -> None:
    """Lower is better must be made to count so by some step, and goalposts must not say the opposite."""
    for item in [part for part in all_parts(spec) if isinstance(part, Indicator)]:
        falls = item.direction == "lower_is_better"
        for step in spec.steps_of(item):
            if isinstance(step, Goalposts) and isinstance(step.worst, float) and isinstance(step.best, float):
                if (step.best < step.worst) != falls:
                    raise wrong("index_goalposts_direction", id=item.id, direction=item.direction)
                break
            if _orients(step):
                break
        else:
            if falls:
                raise wrong("index_not_turned", id=item.id)


def _check_logs(spec: IndexSpec) -> None:
    """Where the log may be taken in one stratum and not in another, figures are compared within strata only."""
    varied = [] if spec.uncertainty is None else spec.uncertainty.normalise
    for item in [part for part in all_parts(spec) if isinstance(part, Indicator)]:
        steps = spec.steps_of(item)
        for place, step in enumerate(steps):
            if not isinstance(step, Winsorise) or step.how != "skewness" or step.then != "log" or not step.within:
                continue
            for following in (steps[place + 1 :], *varied):
                normal = next((own for own in following if own.step in NORMALISING), None)
                if not isinstance(normal, Fitted) or not set(step.within) <= set(normal.within):
                    raise wrong("index_log_within", part=item.id, columns=" · ".join(step.within))


def _orients(step: Any) -> bool:
    if isinstance(step, Transform):
        return step.how in _TURNING
    turned = isinstance(step, Linear) and isinstance(step.times, float) and step.times < 0
    return turned or step.step in (*NORMALISING, *_POINTS)

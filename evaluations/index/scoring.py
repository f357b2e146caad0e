"""The tree computed from its leaves to its root: raw, treated and final figures of every part, weights, shares.

Put here: one pass over the tree, as the spec says or as varied. Keep out: the steps and formulas themselves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.document import IndexSpec, Stratum, all_parts, conditions_of, walk
from data_contracts.index_spec.tree import Combine, Group, Indicator, Step
from evaluations.index import grading
from evaluations.index.combining import Combined, combined
from evaluations.index.numeric import Mask, Vector, published
from evaluations.index.sheet import Sheet, SheetError, coded
from evaluations.index.situation import Counting, Notes, Situation
from evaluations.index.stepping import walk_steps
from evaluations.index.weighing import weights_of

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Variation:
    """What is done otherwise than the spec says: figures, steps, weights, combining; parts that are left out.

    `known`: final figures of indicators that need not be computed again.
    """

    raw: Mapping[str, Vector] = field(default_factory=dict)
    steps: Mapping[str, list[Step]] = field(default_factory=dict)
    weights: Mapping[str, Table] = field(default_factory=dict)
    combine: Mapping[str, Combine] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    known: Mapping[str, Vector] = field(default_factory=dict)


class Plan(NamedTuple):
    """What every pass over a spec needs and none changes.

    `counts`: the counts of the spec. `asked`: grades that some condition looks at, or that are strata, as part and
    grade id.
    """

    counts: dict[str, Counting]
    asked: set[tuple[str, str]]


@dataclass(frozen=True)
class Scored:
    """Everything a pass found. `combined[group]`: its score before its own steps, and what each part gave to that."""

    plan: Plan
    sheet: Sheet
    universe: Mask
    raw: dict[str, Vector]
    treated: dict[str, Vector]
    scores: dict[str, Vector]
    combined: dict[str, Combined]
    weights: dict[str, Table]
    grades: dict[tuple[str, str], list[str]]
    notes: Notes
    strata: Mapping[str, Stratum] = field(default_factory=dict)

    def at(self, place: str, *, silent: bool = True) -> Situation:
        """What a step, a ranking or grades of the part `place` know."""
        notes = Notes(silent=True) if silent else self.notes
        counts = self.plan.counts
        return Situation(self.sheet, self.universe, self.scores, counts, notes, self.grades, self.strata, place)


AS_STATED = Variation()


def raw_figures(spec: IndexSpec, sheet: Sheet, given: Mapping[str, Vector]) -> dict[str, Vector]:
    """The figure of every indicator before its steps, where `given` has none; not of those that read a part's score."""
    return {
        item.id: given[item.id] if item.id in given else _raw(item, sheet)
        for item in all_parts(spec)
        if isinstance(item, Indicator) and item.part is None
    }


def _raw(item: Indicator, sheet: Sheet) -> Vector:
    if item.codes:
        return coded(sheet, item.source_column, item.codes)
    if item.ratio is None:
        return sheet.numbers[item.source_column]
    top, bottom = sheet.numbers[item.ratio.numerator], sheet.numbers[item.ratio.denominator]
    if item.ratio.minus is not None:
        bottom = bottom - sheet.numbers[item.ratio.minus]
    # Multiplied first: 57 of 100 are 57 percent, not 56.99999999999999.
    top = top * item.ratio.multiplier
    share = np.divide(top, bottom, out=np.full(top.size, np.nan), where=np.isfinite(bottom) & (bottom != 0))
    return np.asarray(share)


def universe_of(spec: IndexSpec, sheet: Sheet) -> Mask:
    """Units from which steps learn. Raises SheetError where there are none."""
    universe = sheet.holds(spec.universe, {})
    if not universe.any():
        raise SheetError("index_no_units")
    return universe


def scored(
    spec: IndexSpec,
    sheet: Sheet,
    variation: Variation = AS_STATED,
    *,
    silent: bool = False,
    plan: Plan | None = None,
) -> Scored:
    """The whole tree; `plan`: that of an earlier pass. Raises SheetError where the data do not allow a step."""
    plan = plan or Plan(_countings(spec), _asked_grades(spec))
    raw = raw_figures(spec, sheet, variation.raw)
    universe = universe_of(spec, sheet)
    notes = Notes(silent=silent, trace=[] if spec.trace and not silent else None)
    found = Scored(plan, sheet, universe, raw, {}, {}, {}, {}, {}, notes, spec.strata)
    at = found.at("", silent=False)
    dropped = _too_rare(spec, raw, universe, at)
    sparse = _too_little(spec, raw, dropped)
    for part, own in _to_compute(spec, variation):
        at.place = part.id
        if isinstance(part, Indicator) and part.part is not None:
            raw[part.id] = found.scores[part.part]
        if isinstance(part, Indicator):
            gone = part.id in dropped or part.id in own.without
            _score_indicator(spec, part, own, found, at, gone=gone)
        else:
            _score_group(spec, part, own, found, at)
            found.scores[part.id][sparse] = np.nan
        _grade(spec, part, plan.asked, found)
    return found


def _to_compute(spec: IndexSpec, variation: Variation) -> Iterator[tuple[Group | Indicator, Variation]]:
    """The parts in their order; only the tree is varied, and nothing in it needs what comes after."""
    for top in (*spec.beside, spec.tree, *(spec.after if variation is AS_STATED else ())):
        for part in walk(top):
            yield part, variation if top is spec.tree else AS_STATED


def _asked_grades(spec: IndexSpec) -> set[tuple[str, str]]:
    steps = [step for part in all_parts(spec) for step in _all_of(spec, part)]
    asked = {(str(item.part), item.grade) for step in steps for item in conditions_of(step) if item.grade is not None}
    return asked | {(item.part, item.grade) for item in spec.strata.values()}


def _all_of(spec: IndexSpec, part: Group | Indicator) -> list[Any]:
    steps = spec.steps_of(part) if isinstance(part, Indicator) else part.steps
    return [*steps, *part.ranks, *part.grades]


def _grade(spec: IndexSpec, part: Group | Indicator, asked: set[tuple[str, str]], found: Scored) -> None:
    """Classes by the score as published, as they are published."""
    for grades in part.grades:
        if (part.id, grades.id) in asked:
            shown = published(found.scores[part.id], spec.digits)
            classes = grading.classes_of(grades, shown, found.at(part.id))
            names = [item.id for item in grades.classes]
            found.grades[part.id, grades.id] = [names[at] if at >= 0 else "" for at in classes]


def _countings(spec: IndexSpec) -> dict[str, Counting]:
    groups = [part for part in all_parts(spec) if isinstance(part, Group)]
    children = {part.id: tuple(child.id for child in part.parts) for part in groups}
    return {
        name: Counting(
            tuple(
                ((part_id,), 1) if count.parts_at_least is None else (children.get(part_id, ()), count.parts_at_least)
                for part_id in count.of
            )
        )
        for name, count in spec.counts.items()
    }


def _too_rare(spec: IndexSpec, raw: dict[str, Vector], universe: Mask, at: Situation) -> set[str]:
    """Indicators known for too small a share of the universe."""
    rule = spec.coverage
    if at.notes.silent and not (rule.units_at_least or rule.minimum_units):
        return set()
    dropped, at.step = set(), "coverage"
    for name, figures in raw.items():
        known = np.isfinite(figures[universe])
        at.place = name
        at.fact("share_of_units", float(known.mean()))
        if known.mean() < rule.units_at_least or known.sum() < rule.minimum_units:
            dropped.add(name)
            at.fact("left_out", 1)
    return dropped


def _too_little(spec: IndexSpec, raw: dict[str, Vector], dropped: set[str]) -> Mask:
    """Units known by too small a share of the indicators that are left."""
    if not spec.coverage.indicators_at_least:
        return np.zeros(len(next(iter(raw.values()))), dtype=bool)
    kept = [np.isfinite(figures) for name, figures in raw.items() if name not in dropped]
    share = np.mean(kept, axis=0) if kept else np.zeros(len(next(iter(raw.values()))))
    return np.asarray(share < spec.coverage.indicators_at_least)


def _score_indicator(
    spec: IndexSpec, part: Indicator, variation: Variation, found: Scored, at: Situation, *, gone: bool
) -> None:
    figures = found.raw[part.id]
    if part.id in variation.known and not gone:
        found.scores[part.id] = variation.known[part.id]
        return
    if gone:
        found.treated[part.id] = found.scores[part.id] = np.full(figures.size, np.nan)
        return
    steps = variation.steps.get(part.id, spec.steps_of(part))
    sign = 1 if part.direction == "higher_is_better" else -1
    found.scores[part.id], found.treated[part.id] = walk_steps(steps, figures, sign, at)


def _score_group(spec: IndexSpec, part: Group, variation: Variation, found: Scored, at: Situation) -> None:
    ids = [child.id for child in part.parts]
    # Units × parts with each part in one piece: what follows goes part by part.
    table = np.array([found.scores[name] for name in ids]).T
    given = variation.weights.get(part.id)
    weights = weights_of(part, spec.policy_class, table, at) if given is None else given
    rule = variation.combine.get(part.id, part.combine)
    # A part that is left out weighs nothing, whatever the rule about missing parts says.
    if variation.without:
        weights = np.where(np.isin(ids, list(variation.without)), 0.0, weights)
    whole = combined(rule, ids, table, weights, at)
    at.note(whole.value)
    found.weights[part.id], found.combined[part.id] = weights, whole
    found.scores[part.id], _ = walk_steps(part.steps, whole.value, 1, at)

"""The whole spec of an index: who is judged, the tree, how sure it shall say it is; its checks and its JSON schema.

Put here: the document and what must agree within it. Keep out: whether the data have its columns (evaluations.index).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from data_contracts.closed import Bilingual, fingerprint, parse, read_yaml
from data_contracts.index_spec.basics import Condition, Measure, Word
from data_contracts.index_spec.steps import Goalposts, Impute, Linear, Transform
from data_contracts.index_spec.tree import NORMALISING, Combine, Group, Indicator, Step
from data_contracts.messages import did_you_mean, wrong

_BLANKS = ("", "-", "--", "—", "NA", "N/A", "null")


class LongForm(Word):
    """Data with a row per unit and item: every item becomes columns named item + ending, one for each of `values`.

    {item: "Measure ID", values: {"": Score, "_n": Denominator}} makes MORT_30_AMI and MORT_30_AMI_n.
    """

    item: str
    """Column with the name of the item."""
    values: dict[str, str] = Field(min_length=1)
    """Ending of the new columns → column of the data."""


class Coverage(Word):
    """Indicators known for too few units are left out; units with too few indicators have no score."""

    units_at_least: Measure = Field(default=0.0, ge=0, le=1)
    """Share of the universe for which an indicator must be known."""
    minimum_units: int = Field(default=0, ge=0)
    """Number of units of the universe for which it must be known."""
    indicators_at_least: Measure = Field(default=0.0, ge=0, le=1)
    """Share of the indicators (left out ones not counted) that a unit must have."""


class Count(Word):
    """How many of the parts `of` have a score; with `parts_at_least` only those count that so many own parts made."""

    of: list[str] = Field(min_length=1)
    parts_at_least: int | None = Field(default=None, ge=1)


class WeightDraws(Word):
    """Weights drawn anew: uniform within ± spread of each, or Dirichlet with this mean coefficient of variation."""

    how: Literal["uniform", "dirichlet"]
    spread: Measure = Field(default=0.25, gt=0, lt=1)


class Sobol(Word):
    """Which of the drawn choices moves ranks most: runs × (choices + 2) evaluations."""

    runs: int = Field(default=64, ge=8)
    bootstrap: int = Field(default=200, ge=20)


class Uncertainty(Word):
    """What is drawn: one alternative of each kind with equal probability, the spec's own choice being one of them."""

    seed: int = Field(ge=0)
    draws: int = Field(default=1000, ge=1)
    interval: Measure = Field(default=0.9, gt=0, lt=1)
    weights: WeightDraws | None = None
    normalise: list[list[Step]] = []
    """Each a list of steps that stands where the normalising steps of every indicator stand."""
    combine: list[Combine] = []
    """Each in the place of arithmetic, geometric, harmonic or power, with the missing rules of the spec."""
    impute: list[Impute] = []
    """Each in the place of the imputing steps."""
    sampling: bool = False
    """Raw figures drawn with the error that `sampling` of the indicator states."""
    top_share: Measure = Field(default=0.1, gt=0, lt=1)
    sobol: Sobol | None = None


class Defaults(Word):
    """Steps of every indicator that has none of its own."""

    steps: list[Step] = []


class IndexSpec(Word):
    """A composite index or an appraisal in full."""

    id: str = Field(pattern=r"^[A-Za-z0-9_\-]+$")
    titles: Bilingual
    reference: str
    """The document that orders or describes the index."""
    unit: str
    """Column with the id of the units."""
    name: str | None = None
    """Column with their names."""
    long: LongForm | None = None
    """For data with many rows per unit."""
    purpose: Literal["need", "performance", "description"] = "description"
    policy_class: str | None = None
    lock: str | None = None
    """Hash of the spec as it was fixed before data were read; a spec that says otherwise is refused."""
    missing_words: list[str] = list(_BLANKS)
    """Cells that mean there is no figure. A word that `codes` of an indicator list is read by them instead."""
    universe: list[Condition] = []
    """Units that set means, ranges and ranks; all if empty."""
    counts: dict[str, Count] = {}
    """Numbers of parts that units have: strata (`within`) and subjects of conditions."""
    coverage: Coverage = Coverage()
    defaults: Defaults = Defaults()
    digits: int = Field(default=6, ge=0, le=12)
    """Decimals of published scores, half away from zero."""
    tree: Group
    uncertainty: Uncertainty | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "IndexSpec":
        _check_ids(self)
        _check_weights(self)
        _check_order(self)
        _check_guards(self)
        _check_directions(self)
        if self.lock is not None and self.lock != spec_hash(self):
            raise wrong("index_locked", hash=spec_hash(self))
        return self

    def steps_of(self, indicator: Indicator) -> list[Step]:
        """The steps of an indicator, its own or the defaults."""
        return self.defaults.steps if indicator.steps is None else indicator.steps


def spec_hash(spec: IndexSpec) -> str:
    """Hash of all that a spec says, but for the lock itself."""
    return fingerprint(spec.model_dump(mode="json", exclude={"lock"}))


def walk(part: Group | Indicator) -> Iterator[Group | Indicator]:
    """All parts in the order in which they are computed: children before their parent."""
    if isinstance(part, Group):
        for child in part.parts:
            yield from walk(child)
    yield part


def indicators_of(part: Group | Indicator) -> list[Indicator]:
    """The leaves below a part in order."""
    return [item for item in walk(part) if isinstance(item, Indicator)]


def _check_ids(spec: IndexSpec) -> None:
    seen: set[str] = set()
    for part in walk(spec.tree):
        if part.id in seen:
            raise wrong("index_id_twice", id=part.id)
        seen.add(part.id)


def _check_weights(spec: IndexSpec) -> None:
    for part in walk(spec.tree):
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
    """A condition, or a count, may look at parts that are computed before the part it belongs to, or at that part."""
    before: list[str] = []
    for condition in spec.universe:
        for named in (condition.part, condition.count):
            if named is not None:
                _known("universe", named, [])
    for part in walk(spec.tree):
        steps = spec.steps_of(part) if isinstance(part, Indicator) else part.steps
        _check_known(spec, part.id, [*steps], before)
        before.append(part.id)
        _check_known(spec, part.id, [*part.ranks, *part.grades], before)
        for named in [name for ranks in part.ranks for name in ranks.break_ties_by]:
            _known(part.id, named, before)
    for name, count in spec.counts.items():
        if name in before:
            raise wrong("index_id_twice", id=name)
        for part_id in count.of:
            _known(name, part_id, before)


def _check_known(spec: IndexSpec, place: str, steps: list[Any], before: list[str]) -> None:
    for step in steps:
        conditions = list(conditions_of(step))
        named = [item.part for item in conditions if item.part is not None]
        for item in [item for item in conditions if item.grade is not None]:
            part = next((part for part in walk(spec.tree) if part.id == item.part), None)
            _known(place, str(item.grade), [] if part is None else [grades.id for grades in part.grades])
        counts = [item.count for item in conditions if item.count is not None]
        for name in counts:
            _known(place, name, list(spec.counts))
        counts += [name for name in getattr(step, "within", []) if name in spec.counts]
        for part_id in [*named, *(part_id for name in counts for part_id in spec.counts[name].of)]:
            _known(place, part_id, before)


def conditions_of(item: BaseModel) -> Iterator[Condition]:
    """All conditions within a step, a ranking or grades."""
    if isinstance(item, Condition):
        yield item
    for name in type(item).model_fields:
        value = getattr(item, name)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, BaseModel):
                yield from conditions_of(entry)


def _known(part: str, named: str, known: list[str]) -> None:
    if named not in known:
        raise wrong("index_unknown_part", part=part, named=named, hint=did_you_mean(named, known))


def _check_guards(spec: IndexSpec) -> None:
    """What pays may not raise need; what better detection raises may not count as worse. Unless somebody signs.

    In an index of need more of the index is worse health, so there it is the indicators that raise it.
    """
    leaves = [item.id for item in indicators_of(spec.tree)]
    for item in indicators_of(spec.tree):
        if item.detected_by is not None:
            _known(item.id, item.detected_by, [name for name in leaves if name != item.id])
    for item in indicators_of(spec.tree):
        if item.signed_reason is not None:
            continue
        if spec.purpose == "need" and item.pays:
            raise wrong("index_pays_and_needs", id=item.id)
        if not item.rises_with_case_finding:
            continue
        if spec.purpose == "performance" and item.direction == "lower_is_better" and item.detected_by is None:
            raise wrong("index_case_finding", id=item.id)
        if spec.purpose == "need" and item.direction == "higher_is_better" and item.detected_by is None:
            raise wrong("index_case_finding_need", id=item.id)


_POINTS = ("step_points", "piecewise_points", "achievement_or_improvement", "appraise", "grade_points")
_TURNING = ("reciprocal", "complement", "distance", "negate")


def _check_directions(spec: IndexSpec) -> None:
    """Lower is better must be made to count so by some step, and goalposts must not say the opposite."""
    for item in indicators_of(spec.tree):
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


def _orients(step: Any) -> bool:
    if isinstance(step, Transform):
        return step.how in _TURNING
    turned = isinstance(step, Linear) and isinstance(step.times, float) and step.times < 0
    return turned or step.step in (*NORMALISING, *_POINTS)


_NUMBERS = (
    "column", "numerator", "denominator", "minus", "standard_error", "reliability", "size", "weighted_by", "lower",
    "upper", "submitted",
)  # fmt: skip


def columns_used(spec: IndexSpec) -> dict[str, tuple[str, bool]]:
    """Columns of the data that the spec names → (place, whether figures are expected there)."""
    found: dict[str, tuple[str, bool]] = {spec.unit: ("unit", False)}
    if spec.name is not None:
        found.setdefault(spec.name, ("name", False))
    for condition in spec.universe:
        _add(found, condition, "universe")
    for part in walk(spec.tree):
        if isinstance(part, Indicator):
            if part.ratio is None:
                found.setdefault(part.source_column, (part.id, not part.codes))
            for step in spec.steps_of(part):
                _add(found, step, f"{part.id}: steps")
        _add(found, part, part.id)
    if spec.uncertainty is not None:
        _add(found, spec.uncertainty, "uncertainty")
    return {column: use for column, use in found.items() if column not in spec.counts}


def _add(found: dict[str, tuple[str, bool]], item: BaseModel, place: str) -> None:
    is_condition, coded = isinstance(item, Condition), isinstance(item, Indicator) and bool(item.codes)
    for name in type(item).model_fields:
        value = getattr(item, name)
        if isinstance(value, str) and name in _NUMBERS:
            # A word among others is compared as text; a figure tested by size must be one.
            numeric = not (coded and name == "column") and not (is_condition and _is_about_words(item))
            earlier = found.get(value)
            found[value] = (earlier[0] if earlier else place, numeric or (earlier is not None and earlier[1]))
        elif name in ("within", "on") and isinstance(value, list):
            for column in value:
                found.setdefault(column, (place, name == "on"))
        elif name != "parts":
            for entry in value if isinstance(value, list) else [value]:
                for model in entry if isinstance(entry, list) else [entry]:
                    if isinstance(model, BaseModel):
                        _add(found, model, place)


def _is_about_words(item: BaseModel) -> bool:
    tests = (getattr(item, name, None) for name in ("at_least", "above", "at_most", "below"))
    return all(test is None for test in tests)


def read_spec(path: Path) -> IndexSpec:
    """The spec in a YAML file. Raises DefinitionError that names the place and the nearest known word."""
    return parse(IndexSpec, read_yaml(path), path.name)


def spec_schema() -> dict[str, Any]:
    """JSON schema of a spec, with a description of every word."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **IndexSpec.model_json_schema()}

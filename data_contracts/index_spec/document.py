"""The whole spec of an index: who is judged, the tree, how sure it shall say it is; its checks and its JSON schema.

Put here: the document. Keep out: what must agree within it (checks), whether the data have its columns
(evaluations.index).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from data_contracts.closed import Bilingual, fingerprint, parse, read_yaml
from data_contracts.index_spec.basics import ByWord, Condition, FromPart, Measure, Word, within_model
from data_contracts.index_spec.reading import FigureForm, LongForm, TableForm
from data_contracts.index_spec.steps import Impute
from data_contracts.index_spec.summing import Summary
from data_contracts.index_spec.tree import Combine, Group, Indicator, Part, Step
from data_contracts.messages import wrong

_BLANKS = ("", "-", "--", "—", "NA", "N/A", "null")


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


class Stratum(Word):
    """Units by the class that a part computed before gives them: `within` and {by: …} may name it."""

    part: str
    grade: str = "grade"


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
    unit: str | list[str]
    """Column with the id of the units; several columns make one id together (`A · B`)."""
    name: str | None = None
    """Column with their names."""
    table: TableForm = TableForm()
    figures: FigureForm = FigureForm()
    rows: list[Condition] = []
    """Only rows for which these hold are read (a year, a kind of unit); others are as if they were not there."""
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
    strata: dict[str, Stratum] = {}
    """Classes of parts as strata."""
    beside: list[Part] = []
    """Parts computed before the tree, in this order, that count for nothing in it unless it names them. Draws of
    `uncertainty` do not vary them."""
    coverage: Coverage = Coverage()
    defaults: Defaults = Defaults()
    digits: int = Field(default=6, ge=0, le=12)
    """Decimals of published scores, half away from zero."""
    tree: Group
    after: list[Part] = []
    """Parts computed after the tree, from its score: a factor of payment, say. They count for nothing in it."""
    summaries: list[Summary] = []
    """Figures of larger areas."""
    trace: bool = False
    """The figure of every part after each of its steps, unrounded, in a table of its own."""
    uncertainty: Uncertainty | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "IndexSpec":
        # Imported here, since the checks know this model.
        from data_contracts.index_spec.checks import check

        check(self)
        if self.lock is not None and self.lock != spec_hash(self):
            raise wrong("index_locked", hash=spec_hash(self))
        return self

    def steps_of(self, indicator: Indicator) -> list[Step]:
        """The steps of an indicator, its own or the defaults."""
        return self.defaults.steps if indicator.steps is None else indicator.steps


def unit_columns(spec: IndexSpec) -> list[str]:
    """The columns that make the id of a unit."""
    return [spec.unit] if isinstance(spec.unit, str) else spec.unit


def spec_hash(spec: IndexSpec) -> str:
    """Hash of all that a spec says, but for the lock itself.

    Words left at their defaults are aside, so that a new word of the language changes no hash.
    """
    return fingerprint(spec.model_dump(mode="json", exclude={"lock"}, exclude_defaults=True))


def walk(part: Group | Indicator) -> Iterator[Group | Indicator]:
    """All parts in the order in which they are computed: children before their parent."""
    if isinstance(part, Group):
        for child in part.parts:
            yield from walk(child)
    yield part


def all_parts(spec: IndexSpec) -> Iterator[Group | Indicator]:
    """All parts beside the tree, of it and after it, in the order in which they are computed."""
    for part in [*spec.beside, spec.tree, *spec.after]:
        yield from walk(part)


def follows_parts(item: Indicator, steps: list[Step]) -> bool:
    """Whether the figure of an indicator after these steps follows the scores of other parts."""
    named = any(condition.part or condition.count for condition in conditions_of(steps))
    return named or item.part is not None or next(within_model(FromPart, steps), None) is not None


def indicators_of(part: Group | Indicator) -> list[Indicator]:
    """The leaves below a part in order."""
    return [item for item in walk(part) if isinstance(item, Indicator)]


def conditions_of(item: Any) -> Iterator[Condition]:
    """All conditions within a step, a ranking or grades."""
    yield from within_model(Condition, item)


def guards_hit(spec: IndexSpec, item: Indicator) -> list[str]:
    """Sentences of the guards that refuse an indicator unless a reason is given."""
    found = []
    if spec.purpose == "need" and item.pays:
        found.append("index_pays_and_needs")
    if item.rises_with_case_finding and item.detected_by is None:
        if spec.purpose == "performance" and item.direction == "lower_is_better":
            found.append("index_case_finding")
        if spec.purpose == "need" and item.direction == "higher_is_better":
            found.append("index_case_finding_need")
    return found


_NUMBERS = (
    "column", "numerator", "denominator", "minus", "standard_error", "reliability", "size", "weighted_by", "lower",
    "upper", "submitted",
)  # fmt: skip


def columns_used(spec: IndexSpec) -> dict[str, tuple[str, bool]]:
    """Columns of the data that the spec names → (place, whether figures are expected there)."""
    found: dict[str, tuple[str, bool]] = dict.fromkeys(unit_columns(spec), ("unit", False))
    if spec.name is not None:
        found.setdefault(spec.name, ("name", False))
    for condition in spec.universe:
        _add(found, condition, "universe")
    for part in all_parts(spec):
        if isinstance(part, Indicator):
            if part.ratio is None and part.part is None:
                found.setdefault(part.source_column, (part.id, not part.codes))
            for step in spec.steps_of(part):
                _add(found, step, f"{part.id}: steps")
        _add(found, part, part.id)
    for summary in spec.summaries:
        _add(found, summary, summary.id)
    if spec.uncertainty is not None:
        _add(found, spec.uncertainty, "uncertainty")
    return {column: use for column, use in found.items() if column not in spec.counts and column not in spec.strata}


def columns_of(items: Iterable[BaseModel], place: str) -> dict[str, tuple[str, bool]]:
    """The same of some conditions alone."""
    found: dict[str, tuple[str, bool]] = {}
    for item in items:
        _add(found, item, place)
    return found


def _add(found: dict[str, tuple[str, bool]], item: BaseModel, place: str) -> None:
    is_condition, coded = isinstance(item, Condition), isinstance(item, Indicator) and bool(item.codes)
    for name in type(item).model_fields:
        value = getattr(item, name)
        if isinstance(value, str) and name in _NUMBERS:
            # A word among others is compared as text; a figure tested by size must be one.
            numeric = not (coded and name == "column") and not (is_condition and _is_about_words(item))
            earlier = found.get(value)
            found[value] = (earlier[0] if earlier else place, numeric or (earlier is not None and earlier[1]))
        elif isinstance(value, str) and isinstance(item, ByWord) and name == "by":
            found.setdefault(value, (place, False))
        elif name in ("within", "on", "by") and isinstance(value, list):
            for column in value:
                found.setdefault(column, (place, name == "on"))
        elif name != "parts":
            for entry in value if isinstance(value, list) else [value]:
                for model in entry if isinstance(entry, (list, tuple)) else [entry]:
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

"""Indices of the road as index specs: those of settings/indices, the short form of risk.yaml, and policies.

Put here: from what settings say to specs over indicator values, and the columns such specs may name. Keep out: the
language of specs (data_contracts.index_spec) and the arithmetic (evaluations.index).
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from data_contracts.closed import parse
from data_contracts.index_spec.document import IndexSpec, columns_used, indicators_of
from data_contracts.index_spec.tree import Group
from data_contracts.index_spec.tree import Indicator as Leaf
from data_contracts.settings.counting import Indicator
from data_contracts.settings.policies import Policy, PolicyDocument
from data_contracts.settings.risk import ShortRisk

UNIT = "area_id"
# What every area brings besides the values of its indicators.
AREA_COLUMNS = (UNIT, "area_level", "rule_set", "is_rural")
# What every indicator brings: its value under its id, these under `<id>.<name>`.
FIGURES = ("numerator", "denominator", "lower", "upper")
TOTAL = "total"


def columns_of(indicators: list[str]) -> set[str]:
    """Columns that a spec on the road may name."""
    figures = (f"{indicator}.{name}" for indicator in indicators for name in FIGURES)
    return {*AREA_COLUMNS, *indicators, *figures}


def indicator_of(column: str) -> str:
    """The indicator that a column belongs to."""
    return column.partition(".")[0]


def short_index(own: ShortRisk) -> IndexSpec:
    """The index of a risk.yaml in its short form: a weighted mean of goalposts, higher is more risk."""
    parts = sorted(
        (_leaf(part.indicator, part.indicator, part.weight, part.low, part.high) | {"kind": part.kind}
         for part in own.components),
        key=lambda part: str(part["id"]),
    )  # fmt: skip
    tree = {
        "id": TOTAL,
        "titles": own.titles.model_dump(),
        "combine": {
            "how": "arithmetic",
            "missing": "reweigh",
            "minimum_weight_share": float(own.minimum_coverage),
        },
        "parts": parts,
    }
    head = {"id": "risk", "titles": own.titles.model_dump(), "reference": own.reference, "unit": UNIT}
    return parse(IndexSpec, {**head, "purpose": "need", "tree": tree, "uncertainty": _PLAIN_DRAWS}, "risk.yaml")


# What the draws of a short form vary: weights by a quarter, and figures by their sampling error.
_PLAIN_DRAWS: dict[str, Any] = {
    "seed": 1,
    "draws": 1000,
    "weights": {"how": "uniform", "spread": 0.25},
    "sampling": True,
    "sobol": {},
}


def policy_index(policy_id: str, policy: Policy, document: PolicyDocument, elapsed: Fraction) -> IndexSpec:
    """The three-dimensional score of a policy: goalposts, weighted within dimensions, dimensions by its class.

    Missing indicators of a dimension are weighed up as far as the policy allows; a dimension with a weight that has no
    score leaves the policy without a total. `elapsed`: share of the year; goalposts of figures that grow with the year
    are taken so far. Parts are called dimension, and dimension/indicator.
    """
    kind = document.classes[policy.policy_class]
    rule = {"how": "arithmetic", "missing": "reweigh", "minimum_weight_share": float(policy.minimum_coverage)}
    dimensions = []
    for dimension, items in sorted(policy.indicators.items()):
        if not items:
            continue
        leaves = []
        for item in items:
            share = elapsed if item.accrues else Fraction(1)
            low, high = (float(Fraction(post) * share) for post in (item.low, item.high))
            leaves.append(_leaf(f"{dimension}/{item.indicator}", item.indicator, item.weight, low, high))
        weight = float(kind.weights.get(dimension, 0))
        dimensions.append({"id": dimension, "weight": weight, "combine": rule, "parts": leaves})
    tree: dict[str, Any] = {
        "id": TOTAL,
        "combine": {"how": "arithmetic", "missing": "refuse"},
        "parts": dimensions,
        "grades": _grades(document),
    }
    head = {"id": policy_id, "titles": policy.titles.model_dump(), "reference": kind.reference, "unit": UNIT}
    found = parse(IndexSpec, {**head, "policy_class": policy.policy_class, "tree": tree}, f"policies.yaml: {policy_id}")
    return found.model_copy(update={"uncertainty": document.uncertainty})


def _grades(document: PolicyDocument) -> list[dict[str, Any]]:
    """The grades from the lowest up; a score below the lowest has none, which is the class without a name."""
    classes = [
        {"id": name, "at": float(grade.from_score)}
        for name, grade in sorted(document.grades.items(), key=lambda item: item[1].from_score)
    ]
    if not classes:
        return []
    nameless = [] if classes[0]["at"] == 0 and len(classes) > 1 else [{"id": ""}]
    return [{"how": "fixed", "classes": [*nameless, *classes]}]


def _leaf(part: str, indicator: str, weight: object, low: object, high: object) -> dict[str, Any]:
    worst, best = float(str(low)), float(str(high))
    return {
        "id": part,
        "column": indicator,
        "weight": float(str(weight)),
        "direction": "lower_is_better" if best < worst else "higher_is_better",
        "steps": [{"step": "goalposts", "worst": worst, "best": best}],
        "sampling": {"lower": f"{indicator}.lower", "upper": f"{indicator}.upper"},
    }


def confident(spec: IndexSpec, indicators: Mapping[str, Indicator]) -> IndexSpec:
    """The spec with limits of figures read with the confidence that the registry publishes them with."""
    found = _confident(spec.tree, indicators)
    return spec if found is spec.tree else spec.model_copy(update={"tree": found})


def _confident(part: Any, indicators: Mapping[str, Indicator]) -> Any:
    if isinstance(part, Group):
        parts = [_confident(child, indicators) for child in part.parts]
        same = all(new is old for new, old in zip(parts, part.parts, strict=True))
        return part if same else part.model_copy(update={"parts": parts})
    confidence = published_confidence(part, indicators)
    if part.sampling is None or confidence in (None, part.sampling.confidence):
        return part
    return part.model_copy(update={"sampling": part.sampling.model_copy(update={"confidence": confidence})})


def published_confidence(item: Leaf, indicators: Mapping[str, Indicator]) -> float | None:
    """That of the limits a leaf takes from the registry; None where it takes none."""
    column = None if item.sampling is None else item.sampling.lower
    known = None if column is None else indicators.get(indicator_of(column))
    return None if known is None else float(known.confidence)


def columns_read(spec: IndexSpec) -> Iterator[tuple[Leaf, set[str]]]:
    """Every leaf of a spec on the road with the columns of indicators that it reads."""
    for item in indicators_of(spec.tree):
        alone = spec.model_copy(update={"tree": spec.tree.model_copy(update={"parts": [item]}), "uncertainty": None})
        yield item, set(columns_used(alone)) - {*AREA_COLUMNS}

"""Stated weight against realised importance: does an indicator move the whole as much as its weight says?

Put here: overall weights and correlations of indicators with the root. Keep out: drawing anything anew.
"""

from typing import NamedTuple

import numpy as np

from data_contracts.index_spec.document import IndexSpec
from data_contracts.index_spec.tree import Group
from evaluations.index import numeric
from evaluations.index.marks import full_marks
from evaluations.index.numeric import Vector
from evaluations.index.scoring import Scored
from evaluations.index.weighing import scaled

_BINS = 10
_LOUD = 2.0


class Weight(NamedTuple):
    """A part's weight as stated, as a share of its parent and of the whole; means over the universe if units differ."""

    part: str
    parent: str
    stated: float
    share: float
    overall: float


class Importance(NamedTuple):
    """Importance of an indicator. `flag`: negative, over (more than twice its weight), under (less than half), none."""

    indicator: str
    weight: float
    correlation: float
    squared: float
    correlation_ratio: float
    importance: float
    flag: str


def weights_in_tree(spec: IndexSpec, found: Scored) -> list[Weight]:
    """All parts below the root, parents first. In a sum a part weighs what it can add: weight × full marks."""
    result: list[Weight] = []
    _descend(spec, spec.tree, 1.0, found, result)
    return result


def _descend(spec: IndexSpec, group: Group, above: float, found: Scored, result: list[Weight]) -> None:
    stated = found.weights[group.id]
    marks = [full_marks(spec, part) for part in group.parts]
    counted = group.combine.how == "sum" and all(most is not None and most > 0 for most in marks)
    shares = scaled(stated * np.array(marks, dtype=float) if counted else stated)
    if len(stated) > 1:
        stated, shares = stated[found.universe], shares[found.universe]
    for place, part in enumerate(group.parts):
        share = numeric.mean(shares[:, place])
        result.append(Weight(part.id, group.id, numeric.mean(stated[:, place]), share, above * share))
        if isinstance(part, Group):
            _descend(spec, part, above * share, found, result)


def importances(spec: IndexSpec, found: Scored) -> list[Importance]:
    """One entry per indicator; `importance` is its squared correlation with the root as a share of all of them."""
    leaves = {weight.part: weight.overall for weight in weights_in_tree(spec, found) if weight.part in found.raw}
    root = found.scores[spec.tree.id]
    rows = []
    for name, weight in leaves.items():
        own = found.scores[name]
        both = found.universe & np.isfinite(own) & np.isfinite(root)
        correlation = numeric.correlation(own[both], root[both])
        rows.append((name, weight, correlation, _correlation_ratio(own[both], root[both])))
    whole = numeric.total(np.array([np.nan_to_num(row[2]) ** 2 for row in rows]))
    return [
        Importance(name, weight, r, r**2, ratio, share, _flag(weight, r, share))
        for name, weight, r, ratio in rows
        for share in [np.nan_to_num(r) ** 2 / whole if whole else float("nan")]
    ]


def _correlation_ratio(own: Vector, root: Vector) -> float:
    """Share of the variance of the root between ten classes of equal size of the indicator (η²)."""
    if own.size < 2 * _BINS or numeric.deviation(root, 0) == 0:
        return float("nan")
    places = numeric.ranks_among(own, own, "average")
    classes = np.ceil(places * _BINS / own.size - 1e-9)
    centre = numeric.mean(root)
    between = numeric.total(
        np.array(
            [(classes == at).sum() * (numeric.mean(root[classes == at]) - centre) ** 2 for at in np.unique(classes)]
        )
    )
    return between / (root.size * numeric.deviation(root, 0) ** 2)


def _flag(weight: float, correlation: float, share: float) -> str:
    if np.isnan(correlation):
        return "constant"
    if correlation < 0:
        return "negative"
    if weight > 0 and share / weight > _LOUD:
        return "over"
    return "under" if weight > 0 and share / weight < 1 / _LOUD else ""

"""Weights of parts: stated, compared in pairs, or learnt from the scores.

Put here: one function per way, and the diagnostics of each. Keep out: what the weights are used for.
"""

from collections.abc import Callable
from math import fsum, log, sqrt

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.tree import Group, Weights
from data_contracts.messages import wrong
from evaluations.index import numeric
from evaluations.index.numeric import Vector
from evaluations.index.sheet import SheetError
from evaluations.index.situation import Situation

Table = NDArray[np.float64]

RANDOM_INDEX = {
    "saaty": (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49),
    "saaty_alternative": (0.0, 0.0, 0.52, 0.89, 1.12, 1.26, 1.36, 1.41, 1.46, 1.49),
}
_ROUNDS, _CLOSE = 1000, 1e-15


def weights_of(group: Group, policy_class: str | None, scores: Table, at: Situation) -> Table:
    """Weights of the parts of a group: one row for all units, or a row each; not yet scaled to the sum 1.

    `scores`: units × parts. Notes the diagnostics of the way they were found.
    """
    rule = group.weights
    at.step = f"weights {rule.how}"
    if rule.how == "equal":
        return np.ones((1, len(group.parts)))
    if rule.how == "expert":
        return _expert(group, policy_class, at)
    if rule.how == "ahp":
        return _compared(group, rule, at)[None, :]
    usable = at.universe & np.isfinite(scores).all(axis=1)
    if usable.sum() < 2:
        raise SheetError("index_too_few", part=group.id, what=rule.how, count=int(usable.sum()))
    found = _LEARNT[rule.how](scores[usable], rule, group, at)
    if not fsum(found.tolist()) > 0:
        raise SheetError("index_too_few", part=group.id, what=rule.how, count=int(usable.sum()))
    return found[None, :]


def scaled(weights: Table) -> Table:
    """Each row divided by its sum; a row without weight stays zero."""
    whole = sum_of_parts(weights)
    return np.asarray(weights / np.where(whole > 0, whole, 1.0)[:, None])


def sum_of_parts(table: Table) -> Vector:
    """Sum over the parts of every row, from the first to the last."""
    result = np.zeros(table.shape[0])
    for column in range(table.shape[1]):
        result += table[:, column]
    return result


def _expert(group: Group, policy_class: str | None, at: Situation) -> Table:
    if group.weights.by_class:
        chosen = group.weights.by_class[policy_class or ""]
        return np.array([[chosen[part.id] for part in group.parts]])
    given = [at.quantity(part.weight if part.weight is not None else 0.0) for part in group.parts]
    if all(isinstance(weight, float) for weight in given):
        return np.array([given])
    columns = [np.nan_to_num(np.broadcast_to(np.asarray(weight), at.sheet.height)) for weight in given]
    for part, column in zip(group.parts, columns, strict=True):
        if (column < 0).any():
            name = getattr(part.weight, "column", part.id)
            raise SheetError("index_negative_weight", column=name, count=int((column < 0).sum()))
    return np.column_stack(columns)


def _compared(group: Group, rule: Weights, at: Situation) -> Vector:
    """AHP. Refuses a comparison that is not reciprocal or too inconsistent."""
    table = np.array(rule.comparison)
    if (table <= 0).any() or not np.allclose(table * table.T, 1, rtol=0, atol=1e-6):
        raise wrong("index_comparison_form", part=group.id)
    weights, largest = principal(table) if rule.vector == "eigenvector" else row_means(table)
    index, ratio = consistency(largest, len(weights), rule.random_index)
    at.fact("largest_eigenvalue", largest)
    at.fact("consistency_index", index)
    at.fact("consistency_ratio", ratio)
    if ratio >= rule.consistency_below:
        raise wrong("index_inconsistent", part=group.id, ratio=f"{ratio:.4f}", limit=f"{rule.consistency_below:g}")
    return weights


def _times(table: Table, vector: Vector) -> Vector:
    return np.array([fsum((row * vector).tolist()) for row in table])


def principal(table: Table) -> tuple[Vector, float]:
    """Principal eigenvector of a positive table, sum 1, and its eigenvalue; by power iteration in fixed order."""
    vector = np.full(len(table), 1 / len(table))
    for _ in range(_ROUNDS):
        product = _times(table, vector)
        following = product / fsum(product.tolist())
        moved, vector = float(np.abs(following - vector).max()), following
        if moved < _CLOSE:
            break
    return vector, fsum(_times(table, vector).tolist())


def row_means(table: Table) -> tuple[Vector, float]:
    """Geometric means of the rows, sum 1, and the eigenvalue they imply."""
    logs = np.array([fsum(log(cell) for cell in row) / len(row) for row in table.tolist()])
    vector = np.exp(logs)
    vector = vector / fsum(vector.tolist())
    return vector, fsum((_times(table, vector) / vector).tolist()) / len(vector)


def consistency(largest: float, size: int, random_index: str | float) -> tuple[float, float]:
    """Consistency index and ratio; both 0 for two parts, where any comparison is consistent."""
    if size < 3:
        return 0.0, 0.0
    index = max(0.0, (largest - size) / (size - 1))
    table = RANDOM_INDEX.get(str(random_index))
    random = table[min(size, 10) - 1] if table is not None else float(random_index)
    return index, index / random


def _prepared(scores: Table, rule: Weights) -> Table:
    """Scores as they are or at 0–1; a constant column is 0."""
    if rule.scale == "none":
        return scores
    least, width = scores.min(axis=0), np.ptp(scores, axis=0)
    return np.asarray(np.divide(scores - least, width, out=np.zeros_like(scores), where=width > 0))


def _entropy(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    ready = _prepared(scores, rule) + rule.shift
    if (ready < 0).any():
        raise SheetError("index_not_positive", part=group.id, what="entropy", count=int((ready < 0).sum()))
    found = []
    for part, column in zip(group.parts, ready.T, strict=True):
        whole = numeric.total(column)
        if whole == 0 or np.all(column == column[0]):
            entropy = 1.0
        else:
            shares = column[column > 0] / whole
            entropy = -numeric.total(shares * np.log(shares)) / log(len(column))
        at.fact("entropy", entropy, part.id)
        found.append(1 - entropy)
    return np.array(found)


def _critic(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    ready = _prepared(scores, rule)
    found = []
    for part, own in zip(group.parts, ready.T, strict=True):
        conflict = fsum(1 - _or_zero(numeric.correlation(own, other)) for other in ready.T if other is not own)
        spread = numeric.deviation(own, rule.ddof)
        at.fact("conflict", conflict, part.id)
        found.append(spread * conflict)
    return np.array(found)


def _or_zero(value: float) -> float:
    return 0.0 if np.isnan(value) else value


def _deviation(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    del group, at
    return np.array([numeric.deviation(own, rule.ddof) for own in _prepared(scores, rule).T])


def _variance(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    return np.asarray(_deviation(scores, rule, group, at) ** 2)


def _merec(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    """Effect of removing each part on the mean log score (Keshavarz-Ghorabaee 2021); scores must be positive."""
    del rule, at
    if (scores <= 0).any():
        raise SheetError("index_not_positive", part=group.id, what="merec", count=int((scores <= 0).sum()))
    logs = np.abs(np.log(scores.min(axis=0) / scores))
    count = logs.shape[1]
    whole = sum_of_parts(logs)
    overall = np.log1p(whole / count)
    return np.array([numeric.total(np.abs(np.log1p((whole - logs[:, at]) / count) - overall)) for at in range(count)])


def _correlations(scores: Table) -> Table:
    columns = list(scores.T)
    return np.array([[_or_zero(numeric.correlation(one, other)) for other in columns] for one in columns])


def _pca(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    """First principal component of the correlations; a negative loading is noted and weighs nothing."""
    table = _correlations(scores)
    size = len(table)
    # Shifted so that all eigenvalues are positive and the largest one wins the iteration.
    lifted = table + np.eye(size) * size
    vector = np.full(size, 1 / sqrt(size))
    for _ in range(_ROUNDS * 20):
        product = _times(lifted, vector)
        following = product / sqrt(fsum((product**2).tolist()))
        moved, vector = float(np.abs(following - vector).max()), following
        if moved < _CLOSE:
            break
    share = fsum((vector * _times(table, vector)).tolist()) / size
    vector = vector if fsum(vector.tolist()) >= 0 else -vector
    at.fact("variance_explained", share)
    for part, loading in zip(group.parts, vector, strict=True):
        at.fact("loading", float(loading), part.id)
    return vector**2 if rule.loadings == "squared" else np.maximum(vector, 0.0)


def _equal_influence(scores: Table, rule: Weights, group: Group, at: Situation) -> Vector:
    """Weights with which every part has the same correlation with the weighted mean, as far as that can be had."""
    del rule
    spreads = np.array([numeric.deviation(own, 1) for own in scores.T])
    covariance = _correlations(scores) * np.outer(spreads, spreads)
    weights = np.full(len(spreads), 1 / len(spreads))
    met = np.zeros(len(spreads))
    for _ in range(_ROUNDS):
        product = _times(covariance, weights)
        whole = sqrt(max(fsum((weights * product).tolist()), 0.0))
        if whole == 0 or (spreads == 0).any():
            break
        met = product / (whole * spreads)
        weights = weights * np.sqrt(np.clip(met.mean() / np.maximum(met, 0.01), 0.25, 4.0))
        weights = weights / fsum(weights.tolist())
    for part, value in zip(group.parts, met, strict=True):
        at.fact("correlation_with_whole", float(value), part.id)
    return weights


_LEARNT: dict[str, Callable[[Table, Weights, Group, Situation], Vector]] = {
    "entropy": _entropy,
    "critic": _critic,
    "deviation": _deviation,
    "variance": _variance,
    "merec": _merec,
    "pca": _pca,
    "equal_influence": _equal_influence,
}

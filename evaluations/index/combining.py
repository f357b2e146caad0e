"""From the scores of parts to one: means, sums, TOPSIS, rank-sum ratio, Copeland and others; and what each part gave.

Put here: rules about missing parts, the formulas, additive shares. Keep out: where weights come from.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.tree import Combine
from evaluations.index import numeric
from evaluations.index.numeric import Mask, Vector
from evaluations.index.sheet import SheetError
from evaluations.index.situation import Situation
from evaluations.index.weighing import scaled, sum_of_parts

Table = NDArray[np.float64]
NAN = float("nan")


class Combined(NamedTuple):
    """A score for every unit; what each part gave to it (the shares of a row sum to it); its weights there."""

    value: Vector
    shares: Table
    weights: Table
    how: str

    @property
    def applied(self) -> Table:
        """The weights as applied: as they are in a sum or a product, else as shares of the whole."""
        return self.weights if self.how in ("sum", "product") else scaled(self.weights)


LINEAR = ("arithmetic", "sum")


def combined(rule: Combine, ids: list[str], scores: Table, weights: Table, at: Situation) -> Combined:
    """The scores of parts put together.

    `scores`: units × parts, higher is better; `weights`: one row, or a row for each unit.
    """
    weights = np.broadcast_to(weights, scores.shape)
    allowed = _allowed(rule, ids, scores, weights)
    present = np.isfinite(scores)
    if rule.missing == "substitute":
        scores = np.where(present, scores, float(rule.substitute or 0.0))
    else:
        weights = _reweighed(weights, present, keep_sum=rule.how == "sum" and rule.best is None)
    if rule.best is not None:
        weights = np.where(_best(scores, rule.best), weights, 0.0)
    at.step = f"combine {rule.how}"
    used = allowed & (sum_of_parts(weights) > 0)
    value, shares = _WAYS[rule.how](rule, scores, weights, used, at)
    return Combined(np.where(used, value, NAN), np.where(used[:, None], shares, NAN), weights, rule.how)


def _allowed(rule: Combine, ids: list[str], scores: Table, weights: Table) -> Mask:
    """Units that have the parts which the rule demands."""
    present = np.isfinite(scores)
    result = present.sum(axis=1) >= min(rule.minimum_parts, len(ids))
    if rule.minimum_weight_share:
        there = sum_of_parts(np.where(present, weights, 0.0))
        result &= there >= rule.minimum_weight_share * sum_of_parts(weights) * (1 - 1e-12)
    if rule.missing == "refuse":
        result &= ~(~present & (weights > 0)).any(axis=1)
    for need in rule.require:
        result &= present[:, [ids.index(name) for name in need.of]].sum(axis=1) >= need.at_least
    return np.asarray(result)


def _reweighed(weights: Table, present: Mask, *, keep_sum: bool) -> Table:
    there = np.where(present, weights, 0.0)
    if not keep_sum:
        return there
    whole, left = sum_of_parts(weights), sum_of_parts(there)
    scale = np.divide(whole, left, out=np.zeros_like(whole), where=left > 0)
    return there * np.where(left == whole, 1.0, scale)[:, None]


def _best(scores: Table, count: int) -> Mask:
    """The parts of each unit with its highest scores, of equal ones the first."""
    order = np.argsort(np.where(np.isfinite(scores), -scores, np.inf), axis=1, kind="stable")
    result = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(result, order[:, :count], values=True, axis=1)
    return result


def _known(scores: Table) -> Table:
    return np.where(np.isfinite(scores), scores, 0.0)


def _arithmetic(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    del rule, used, at
    whole, given = sum_of_parts(weights), weights * _known(scores)
    # Divided last: three parts of 3 have the mean 3, whatever thirds are in binary.
    there = np.where(whole > 0, whole, 1.0)
    return sum_of_parts(given) / there, given / there[:, None]


def _product(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Π score ^ weight; not a sum of parts, so all shares by weight."""
    del rule
    weighs = (weights > 0) & used[:, None] & np.isfinite(scores)
    bases = np.where(weighs, scores, 1.0)
    bad = (bases < 0) & (weights != np.round(weights))
    if bad.any():
        raise SheetError("index_not_positive", part=at.place, what="product", count=int(bad.sum()))
    value = np.prod(bases ** np.where(weighs, weights, 0.0), axis=1)
    return value, value[:, None] * scaled(weights)


def _apart(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Weighted variance or standard deviation of the parts of a unit; shares by squared distance from their mean."""
    del used, at
    share = scaled(weights)
    count = ((weights > 0) & np.isfinite(scores)).sum(axis=1)
    middle = sum_of_parts(share * _known(scores))
    free = count - (rule.ddof or 0)
    scale = np.divide(count, free, out=np.full(len(count), NAN), where=free > 0)
    shares = scale[:, None] * share * np.where(weights > 0, (_known(scores) - middle[:, None]) ** 2, 0.0)
    value = sum_of_parts(shares)
    if rule.how == "variance":
        return value, shares
    root = np.sqrt(value)
    return root, np.divide(shares, root[:, None], out=np.zeros_like(shares), where=root[:, None] > 0)


def _sum(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    del rule, used, at
    shares = weights * _known(scores)
    return sum_of_parts(shares), shares


def _power(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Means of power p: 1 arithmetic, 0 geometric, −1 harmonic. Shares: w xᵖ, or w ln x, as parts of the mean."""
    power = {"geometric": 0.0, "harmonic": -1.0}.get(rule.how, rule.power or 1.0)
    share = scaled(weights)
    weighs = (share > 0) & used[:, None] & np.isfinite(scores)
    lifted = np.where(weighs, scores if rule.floor is None else np.maximum(scores, rule.floor), 1.0)
    bad = (lifted < 0) | ((lifted == 0) & (power <= 0) & (rule.floor != 0))
    if bad.any():
        raise SheetError("index_not_positive", part=at.place, what=rule.how, count=int(bad.sum()))
    with np.errstate(divide="ignore"):
        parts = np.where(weighs, share * (np.log(lifted) if power == 0 else lifted**power), 0.0)
    # Without any part to weigh there is no mean; any number keeps the arithmetic quiet.
    whole = np.where(weighs.any(axis=1), sum_of_parts(parts), 1.0)
    value = np.exp(whole) if power == 0 else whole ** (1 / power)
    usable = (whole != 0) & np.isfinite(whole)
    given = np.where(usable[:, None], parts, 0.0) * value[:, None]
    return value, np.divide(given, whole[:, None], out=share * value[:, None], where=usable[:, None])


def _middle(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Median, minimum or maximum; the part that decides gives all of it (two halves for an even median)."""
    del at
    there = np.isfinite(scores) & (weights > 0) & used[:, None]
    count = there.sum(axis=1)
    order = np.argsort(np.where(there, scores, np.inf), axis=1, kind="stable")
    places = {"minimum": (0 * count, 0 * count), "maximum": (count - 1, count - 1)}.get(
        rule.how, ((count - 1) // 2, count // 2)
    )
    shares, rows = np.zeros_like(scores), np.flatnonzero(count)
    for place in places:
        at_part = order[rows, place[rows]]
        shares[rows, at_part] += scores[rows, at_part] / 2
    return sum_of_parts(shares), shares


def _ideal_ready(rule: Combine, scores: Table, used: Mask, at: Situation) -> tuple[Table, Mask]:
    """Comparable scores and the units that set the ideal; units that miss a part have no distance to it."""
    complete = used & np.isfinite(scores).all(axis=1)
    learn = complete & at.universe
    if not learn.any():
        return np.full_like(scores, NAN), learn
    ready = np.full_like(scores, NAN)
    for part, own in enumerate(scores.T):
        known = own[learn]
        if rule.normalise == "vector":
            least, width = 0.0, numeric.total(known**2) ** 0.5
        elif rule.normalise == "min_max":
            least, width = float(known.min()), float(np.ptp(known))
        else:
            least, width = 0.0, 1.0
        ready[:, part] = (own - least) / width if width > 0 else 0.0 * own
    return ready, learn


def _topsis(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Closeness: distance from the worst over the sum of both distances; shares by squared distance from the worst."""
    ready, learn = _ideal_ready(rule, scores, used, at)
    table = ready * scaled(weights)
    if not learn.any():
        return np.full(len(scores), NAN), table
    best, worst = table[learn].max(axis=0), table[learn].min(axis=0)
    from_worst = (table - worst) ** 2
    to_best, to_worst = np.sqrt(sum_of_parts((table - best) ** 2)), np.sqrt(sum_of_parts(from_worst))
    value = np.divide(to_worst, to_best + to_worst, out=np.full(len(scores), NAN), where=to_best + to_worst > 0)
    whole = sum_of_parts(from_worst)[:, None]
    return value, np.divide(from_worst * value[:, None], whole, out=np.zeros_like(table), where=whole > 0)


def _rank_sum(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Rank-sum ratio: weighted mean of rank / n of every part, ranked among the universe."""
    table = np.full_like(scores, NAN)
    for part, own in enumerate(scores.T):
        learn = used & at.universe & np.isfinite(own)
        known = own[learn]
        if rule.ranks == "integer":
            table[:, part] = numeric.ranks_in(own, learn, "average") / max(known.size, 1)
        elif known.size and np.ptp(known) > 0:
            table[:, part] = (1 + (known.size - 1) * (own - known.min()) / np.ptp(known)) / known.size
    shares = scaled(np.where(np.isfinite(table), weights, 0.0)) * _known(table)
    return sum_of_parts(shares), shares


def _copeland(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Units beaten less units lost to; one beats another by the weight of the parts in which it is better.

    A part's share is its balance of better and worse, scaled so that the shares sum to the score.
    """
    del rule
    height, rivals = len(scores), np.flatnonzero(used & at.universe)
    value, balances = np.zeros(height), np.zeros_like(scores)
    with np.errstate(invalid="ignore"):
        for unit in np.flatnonzero(used):
            others = scores[rivals]
            better = np.sign(np.nan_to_num(scores[unit] - others)) * weights[unit]
            value[unit] = np.sign(np.round(sum_of_parts(better), 12)).sum()
            balances[unit] = better.sum(axis=0)
    whole = sum_of_parts(balances)[:, None]
    even = value[:, None] * scaled(weights)
    return value, np.divide(balances * value[:, None], whole, out=even, where=np.abs(whole) > 1e-9)


def _vikor(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """1 − Q of VIKOR, so that higher is better; not a sum of parts, so all shares by weight."""
    ready, learn = _ideal_ready(rule.model_copy(update={"normalise": "min_max"}), scores, used, at)
    losses = (1 - ready) * scaled(weights)
    utility, regret = sum_of_parts(losses), losses.max(axis=1)
    value = 1 - rule.compromise * _within(utility, learn) - (1 - rule.compromise) * _within(regret, learn)
    return value, value[:, None] * scaled(weights)


def _within(figures: Vector, learn: Mask) -> Vector:
    known = figures[learn]
    width = np.ptp(known) if known.size else 0.0
    return (figures - known.min()) / width if width > 0 else 0.0 * figures


def _edas(rule: Combine, scores: Table, weights: Table, used: Mask, at: Situation) -> tuple[Vector, Table]:
    """Evaluation by distance from the average solution; a negative score marks a part of which less is better."""
    del rule
    learn, share = used & np.isfinite(scores).all(axis=1) & at.universe, scaled(weights)
    if not learn.any():
        return np.full(len(scores), NAN), share
    average = np.array([numeric.mean(own[learn]) for own in scores.T])
    if (average == 0).any():
        raise SheetError("index_not_positive", part=at.place, what="edas", count=int((average == 0).sum()))
    way = (scores - average) / np.abs(average)
    above, below = sum_of_parts(share * np.maximum(way, 0)), sum_of_parts(share * np.maximum(-way, 0))
    value = (_of_most(above, learn) + 1 - _of_most(below, learn)) / 2
    return value, value[:, None] * share


def _of_most(figures: Vector, learn: Mask) -> Vector:
    most = figures[learn].max()
    return figures / most if most > 0 else 0 * figures


_WAYS: dict[str, Callable[[Combine, Table, Table, Mask, Situation], tuple[Vector, Table]]] = {
    "arithmetic": _arithmetic,
    "sum": _sum,
    "product": _product,
    **dict.fromkeys(("variance", "deviation"), _apart),
    **dict.fromkeys(("geometric", "harmonic", "power"), _power),
    **dict.fromkeys(("median", "minimum", "maximum"), _middle),
    "topsis": _topsis,
    "rank_sum_ratio": _rank_sum,
    "copeland": _copeland,
    "vikor": _vikor,
    "edas": _edas,
}

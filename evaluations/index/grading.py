"""Classes and ranks of a score: fixed edges, percentiles, equal classes, clusters, RSR classes.

Put here: from figures to class numbers (0 lowest, −1 none) and to ranks. Keep out: the names of classes.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.ranking import Grades, Ranks
from evaluations.index import numeric
from evaluations.index.numeric import Mask, Vector
from evaluations.index.situation import Situation

Classes = NDArray[np.int64]


class Edges(NamedTuple):
    """Least figures of the classes of a stratum (all but the lowest class); on which side the edge itself lies."""

    rows: Any
    figures: Vector
    side: Literal["left", "right"]


def classes_of(grades: Grades, figures: Vector, at: Situation) -> Classes:
    """The class of every unit that has a figure; units outside the universe are classed by what it taught."""
    if grades.how != "quantiles":
        result = classes_by(edges_of(grades, figures, at), figures)
    else:
        result = np.full(figures.size, -1, dtype=np.int64)
        weights = None if grades.weighted_by is None else np.nan_to_num(at.sheet.numbers[grades.weighted_by])
        for _, rows, own, learn in at.learn(grades, figures):
            if learn.any():
                equal = _equal(grades, own, learn) if weights is None else _weighed(grades, own, learn, weights[rows])
                result[rows] = equal
    if grades.without_score is not None:
        result[~np.isfinite(figures)] = [item.id for item in grades.classes].index(grades.without_score)
    return np.where(at.holds(grades.only), result, -1)


def edges_of(grades: Grades, figures: Vector, at: Situation) -> list[Edges]:
    """The edges between classes in every stratum that has figures to learn from."""
    result: list[Edges] = []
    at.step = f"grades {grades.id}"
    # The edges of clusters and of RSR classes are members of the class above.
    side: Literal["left", "right"] = "left"
    if grades.how in ("clusters", "probit") or grades.edge == "included":
        side = "right"
    for label, rows, own, learn in at.learn(grades, figures):
        if not learn.any() and grades.how != "fixed":
            continue
        edges = np.array(_edges(grades, own[learn]))
        for number, edge in enumerate(edges, 1):
            at.fact(f"edge_{number}", float(edge), label)
        result.append(Edges(rows, edges, side))
    return result


def classes_by(edges: list[Edges], figures: Vector) -> Classes:
    """The class of every unit (the last axis of `figures`) by edges that are known."""
    result = np.full(figures.shape, -1, dtype=np.int64)
    for rows, limits, side in edges:
        own = figures[..., rows]
        result[..., rows] = np.where(np.isfinite(own), np.searchsorted(limits, own, side=side), -1)
    return result


def _edges(grades: Grades, known: Vector) -> list[float]:
    if grades.how == "fixed":
        return [float(item.at or 0.0) for item in grades.classes[1:]]
    if grades.how == "percentiles":
        shares = [float(item.at_percentile or 0.0) / 100 for item in grades.classes[1:]]
        return [numeric.quantile(known, share, grades.quantile) for share in shares]
    if grades.how == "probit":
        return probit_edges(known, grades.probits)
    found = clusters(known, len(grades.classes), grades)
    # The least member of each class but the first; nothing of the universe lies between it and the class below.
    return [float(known[found == number].min()) if (found == number).any() else np.inf for number in
            range(1, len(grades.classes))]  # fmt: skip


def _equal(grades: Grades, own: Vector, learn: Mask) -> Classes:
    """Classes of equal size from ranks; −1 without a figure."""
    n, k = int(learn.sum()), len(grades.classes)
    places = np.clip(np.nan_to_num(numeric.ranks_in(own, learn, grades.ties)), 1, n)
    match grades.rule:
        case "rank_up":
            found = np.ceil(places * k / n - 1e-9)
        case "rank_down":
            found = np.floor((places - 1) * k / n + 1e-9) + 1
        case "sas":
            found = np.floor(places * k / (n + 1) + 1e-9) + 1
        case _:
            large, size = n % k, n // k
            inside = places <= large * (size + 1)
            found = np.where(
                inside, np.ceil(places / (size + 1)), np.ceil((places - large * (size + 1)) / max(size, 1)) + large
            )
    return np.where(np.isfinite(own), np.clip(found.astype(np.int64), 1, k) - 1, -1)


def _weighed(grades: Grades, own: Vector, learn: Mask, weights: Vector) -> Classes:
    """Classes of equal weight; −1 without a figure, or where there is no weight at all."""
    distinct, place = np.unique(own[learn], return_inverse=True)
    mass = np.bincount(place.reshape(-1), weights[learn]).astype(float)
    whole = numeric.total(mass)
    if not whole > 0:
        return np.full(own.size, -1, dtype=np.int64)
    share = (np.cumsum(mass) - (mass / 2 if grades.weight_at == "middle" else 0.0)) / whole
    at = np.clip(np.searchsorted(distinct, own, side="right") - 1, 0, distinct.size - 1)
    found = np.ceil(share[at] * len(grades.classes) - 1e-9).astype(np.int64)
    return np.where(np.isfinite(own), np.clip(found, 1, len(grades.classes)) - 1, -1)


def clusters(known: Vector, count: int, grades: Grades) -> Classes:
    """Class of each figure by one-dimensional k-means; fewer classes where there are fewer distinct figures."""
    distinct = np.unique(known)
    if distinct.size <= count:
        return np.searchsorted(distinct, known)
    if grades.search in ("lloyd", "transfers"):
        return _lloyd(known, count, grades)
    edges = optimal_partition(known, count) if grades.search == "optimal" else ward_partition(known, count)
    return np.searchsorted(edges, known, side="right")


def optimal_partition(known: Vector, count: int) -> Vector:
    """Least members of the classes but the first of the partition with the least sum of squared distances.

    Exact by dynamic programming over the sorted distinct figures (Fisher 1958); of equal partitions the one with the
    lowest edges. The best last edge never falls as figures are added, so each layer halves its search as it goes.
    """
    figures, weights = np.unique(known, return_counts=True)
    centred = figures - numeric.mean(figures)
    mass, first, second = (
        np.concatenate([[0.0], np.cumsum(weights * power)]) for power in (np.ones(figures.size), centred, centred**2)
    )

    def cost(start: NDArray[np.int64], end: int) -> Vector:
        """Squared distances within figures[start:end]."""
        weight, linear = mass[end] - mass[start], first[end] - first[start]
        return np.asarray(np.maximum(second[end] - second[start] - linear**2 / weight, 0.0))

    n = figures.size
    best = np.concatenate([[0.0], [float(cost(np.zeros(1, dtype=np.int64), end)[0]) for end in range(1, n + 1)]])
    cuts = np.zeros((count, n + 1), dtype=np.int64)
    for classes in range(1, count):
        following = np.full(n + 1, np.inf)
        open_ranges = [(classes + 1, n, classes, n - 1)]
        while open_ranges:
            low, high, least, most = open_ranges.pop()
            if low > high:
                continue
            end = (low + high) // 2
            starts = np.arange(least, min(most, end - 1) + 1)
            sums = best[starts] + cost(starts, end)
            at = int(np.argmin(sums))
            following[end], cuts[classes, end] = sums[at], starts[at]
            open_ranges += [(low, end - 1, least, int(starts[at])), (end + 1, high, int(starts[at]), most)]
        best = following
    edges, end = [], n
    for classes in range(count - 1, 0, -1):
        end = int(cuts[classes, end])
        edges.append(end)
    return np.asarray(figures[edges[::-1]])


def ward_partition(known: Vector, count: int) -> Vector:
    """Least members of the classes but the first when neighbours are merged where it costs least (Ward 1963).

    On a line no two classes with another between them ever cost less than neighbours.
    """
    starts, counts = np.unique(known, return_counts=True)
    centres, sizes = starts.copy(), counts.astype(float)
    costs = _merging(centres, sizes)
    while centres.size > count:
        at = int(np.argmin(costs))
        whole = sizes[at] + sizes[at + 1]
        centres[at] = (sizes[at] * centres[at] + sizes[at + 1] * centres[at + 1]) / whole
        sizes[at] = whole
        centres, sizes, starts = np.delete(centres, at + 1), np.delete(sizes, at + 1), np.delete(starts, at + 1)
        costs = np.delete(costs, at)
        for place in range(max(at - 1, 0), min(at + 1, costs.size)):
            costs[place] = _merging(centres[place : place + 2], sizes[place : place + 2])[0]
    return starts[1:]


def _merging(centres: Vector, sizes: Vector) -> Vector:
    """What it adds to the squared distances to merge each class with the next."""
    return np.asarray(sizes[:-1] * sizes[1:] / (sizes[:-1] + sizes[1:]) * np.diff(centres) ** 2)


def _lloyd(known: Vector, count: int, grades: Grades) -> Classes:
    """Nearest centres until nothing moves; a figure half-way between two centres belongs to the lower one."""
    cuts = [numeric.quantile(known, number / count, grades.quantile) for number in range(1, count)]
    start = np.searchsorted(cuts, known, side="left")
    medians = [numeric.quantile(known[start == at], 0.5, "linear") for at in range(count)]
    centres = np.sort(np.nan_to_num(np.array(medians), nan=numeric.mean(known)))
    found = np.full(known.size, -1)
    while True:
        nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, known, side="left")
        if (nearest == found).all():
            return nearest if grades.search == "lloyd" else _transferred(known, nearest, count)
        found = nearest
        centres = _centres(known, found, centres)


def _centres(known: Vector, found: Classes, otherwise: Vector) -> Vector:
    """Mean of each class; a class without members keeps its centre."""
    return np.sort(
        [numeric.mean(known[found == at]) if (found == at).any() else centre for at, centre in enumerate(otherwise)]
    )


def _transferred(known: Vector, found: Classes, count: int) -> Classes:
    """Border figures moved to the neighbouring class, the most useful first, while squared distances fall."""
    found = found.copy()
    while True:
        sizes = np.array([(found == at).sum() for at in range(count)], dtype=float)
        centres = np.array([numeric.mean(known[found == at]) for at in range(count)])
        best, move = 1e-12, None
        for lower in range(count - 1):
            for here, there, edge in ((lower, lower + 1, np.max), (lower + 1, lower, np.min)):
                if sizes[here] < 2 or sizes[there] == 0:
                    continue
                figure = edge(known[found == here])
                gain = (sizes[here] / (sizes[here] - 1)) * (figure - centres[here]) ** 2
                gain -= (sizes[there] / (sizes[there] + 1)) * (figure - centres[there]) ** 2
                if gain > best:
                    best, move = gain, (here, there, figure)
        if move is None:
            return found
        here, there, figure = move
        found[np.flatnonzero((found == here) & (known == figure))[0]] = there


def rank_distribution(known: Vector) -> tuple[Vector, Vector, Vector]:
    """Distinct figures, cumulative shares p (mean rank / n, last 1 − 1/(4n)), probits (normal quantile of p + 5)."""
    from scipy.special import ndtri

    distinct, counts = np.unique(known, return_counts=True)
    last = np.cumsum(counts)
    share = (last - (counts - 1) / 2) / known.size
    share[-1] = 1 - 1 / (4 * known.size)
    return distinct, share, ndtri(share) + 5


def probit_line(known: Vector) -> tuple[float, float]:
    """Intercept and slope of the figures regressed on their probits."""
    distinct, _, probit = rank_distribution(known)
    centred = probit - numeric.mean(probit)
    slope = numeric.total(centred * (distinct - numeric.mean(distinct))) / numeric.total(centred**2)
    return numeric.mean(distinct) - slope * numeric.mean(probit), slope


def probit_edges(known: Vector, probits: list[float]) -> list[float]:
    """Least figure of each class but the first: those whose probit reaches the cut."""
    distinct, _, probit = rank_distribution(known)
    return [float(distinct[probit >= cut][0]) if (probit >= cut).any() else float("inf") for cut in probits]


def ranks_of(ranks: Ranks, figures: Vector, at: Situation) -> tuple[Vector, Vector]:
    """Rank of every unit of the universe that has a figure (else NaN), and the number ranked with it."""
    result, among = np.full(figures.size, np.nan), np.full(figures.size, np.nan)
    if ranks.round is not None:
        figures = numeric.rounded(figures, ranks.round.digits, ranks.round.how)
    turned = -figures if ranks.first == "highest" else figures
    for name in ranks.break_ties_by:
        turned = _finer(turned, -at.scores[name])
    for _, rows, own, learn in at.learn(ranks, turned):
        places = np.full(own.size, np.nan)
        places[learn] = numeric.ranks_among(own[learn], own[learn], ranks.ties)
        result[rows], among[rows] = places, np.where(learn, float(learn.sum()), np.nan)
    return result, among


def _finer(order: Vector, then: Vector) -> Vector:
    """An order that keeps `order` and tells equal figures apart by `then`; missing stays missing, or comes last."""
    known = np.isfinite(order)
    pairs = np.column_stack([order[known], np.nan_to_num(then[known], nan=np.inf)])
    result = np.full(order.size, np.nan)
    result[known] = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
    return result

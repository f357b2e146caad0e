"""How sure a rank is: the whole tree computed again with choices and figures drawn anew.

Put here: drawing variations, rank intervals, chances of classes, Sobol effects of the choices. Keep out: the tree
itself (scoring) and estimators (sensitivity). Every draw has its own seed, so a draw does not depend on the others.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_contracts.index_spec.document import IndexSpec, Uncertainty, follows_parts, indicators_of, walk
from data_contracts.index_spec.tree import NORMALISING, Combine, Group, Step
from evaluations.index import grading, sensitivity
from evaluations.index.explaining import headline_ranks, headline_ranks_of_rows, kendall
from evaluations.index.numeric import Mask, Vector
from evaluations.index.sampling import believed, moved, standard_errors
from evaluations.index.scoring import Scored, Variation, scored
from evaluations.index.sheet import Sheet
from evaluations.index.stacking import combined_alone, copies_at_once, stacked, steps_alone, unit_by_unit
from evaluations.index.weighing import scaled

Table = NDArray[np.float64]
FACTORS = ("normalise", "combine", "impute", "weights", "sampling")
_SEEDS = 2**32
_MEANS = ("arithmetic", "geometric", "harmonic", "power")


class Choices(NamedTuple):
    """One draw: which alternative of each kind (0: the spec's own), and the seeds of weights and figures."""

    normalise: int
    combine: int
    impute: int
    weights: int
    sampling: int


@dataclass(frozen=True)
class Draws:
    """Scores and ranks (draws × units, NaN without), and chances of the classes (units × classes)."""

    scores: Table
    ranks: NDArray[np.float32]
    chances: Table | None
    nominal: Vector

    @cached_property
    def kendall(self) -> Vector:
        """Rank correlation of each draw with the nominal ranks."""
        found = np.empty(len(self.ranks))
        for at, ranks in enumerate(self.ranks.astype(float)):
            both = np.isfinite(ranks) & np.isfinite(self.nominal)
            found[at] = kendall(ranks[both], self.nominal[both])
        return found

    @cached_property
    def _ordered(self) -> NDArray[np.float32]:
        """The ranks of each unit from the best to the worst: units × draws."""
        return np.sort(self.ranks.T, axis=1)

    def quantile(self, share: float) -> Vector:
        """Quantile of the ranks of each unit, a rank that did occur; NaN where a unit never had one."""
        counts = np.isfinite(self._ordered).sum(axis=1)
        at = np.maximum(np.ceil(share * counts - 1e-9).astype(int), 1) - 1
        found = self._ordered[np.arange(counts.size), np.minimum(at, self._ordered.shape[1] - 1)]
        return np.where(counts > 0, found.astype(float), np.nan)

    def interval(self, share: float, ranks: Vector) -> tuple[Vector, Vector]:
        """Ranks between which that share of the draws lies, widened to hold the published `ranks`."""
        tail = (1 - share) / 2
        return np.fmin(self.quantile(tail), ranks), np.fmax(self.quantile(1 - tail), ranks)

    def share_within(self, limits: Vector) -> Vector:
        """Share of the draws in which the rank of a unit is at most its limit."""
        known = np.isfinite(self.ranks)
        with np.errstate(invalid="ignore"):
            within = (self.ranks <= limits[None, :]).sum(axis=0)
        count = known.sum(axis=0)
        return np.asarray(np.divide(within, count, out=np.full(len(count), np.nan), where=count > 0))


def active_factors(wanted: Uncertainty) -> list[str]:
    """The kinds of choices that are drawn at all."""
    stated = (wanted.normalise, wanted.combine, wanted.impute, wanted.weights, wanted.sampling)
    return [name for name, given in zip(FACTORS, stated, strict=True) if given]


def drawn(spec: IndexSpec, sheet: Sheet, nominal: Scored, wanted: Uncertainty) -> Draws:
    """Scores, ranks and classes of `wanted.draws` variations."""
    engine = _Engine(spec, sheet, nominal, wanted)
    master = np.random.default_rng(wanted.seed)
    scores = engine.roots(_choices(master.random((wanted.draws, len(FACTORS))), wanted))
    return Draws(scores, engine.ranked(scores), engine.chances(scores), engine.ranks)


def sobol_effects(spec: IndexSpec, sheet: Sheet, nominal: Scored, wanted: Uncertainty) -> dict[str, sensitivity.Effect]:
    """Effect of each kind of choice on the mean shift of ranks against the spec's own; nothing where none is wanted."""
    return next(iter(sobol_effects_within(spec, sheet, nominal, wanted, [np.ones(sheet.height, dtype=bool)])), {})


def sobol_effects_within(
    spec: IndexSpec, sheet: Sheet, nominal: Scored, wanted: Uncertainty, worlds: Sequence[Mask]
) -> list[dict[str, sensitivity.Effect]]:
    """The same for each set of units, by the shift of their ranks; all sets from the same evaluations."""
    factors, asked = active_factors(wanted), wanted.sobol
    if asked is None or not factors:
        return []
    plan = sensitivity.plan(len(factors), asked.runs, wanted.seed)
    rows = np.zeros((len(plan), len(FACTORS)))
    rows[:, [FACTORS.index(name) for name in factors]] = plan
    shifts = _Engine(spec, sheet, nominal, wanted).shifts(_choices(rows, wanted), worlds)
    return [
        dict(zip(factors, sensitivity.estimates(own, len(factors), wanted.seed, asked.bootstrap), strict=True))
        for own in shifts
    ]


def _choices(rows: Table, wanted: Uncertainty) -> list[Choices]:
    """From rows of numbers in [0, 1): an alternative of equal chance, or a seed."""
    options = [len(wanted.normalise) + 1, len(wanted.combine) + 1, len(wanted.impute) + 1, _SEEDS, _SEEDS]
    return [Choices(*row) for row in (rows * options).astype(np.int64).tolist()]


class _Engine:
    """The index computed for given choices."""

    def __init__(self, spec: IndexSpec, sheet: Sheet, nominal: Scored, wanted: Uncertainty) -> None:
        self._spec, self._sheet, self._nominal, self._wanted = spec, sheet, nominal, wanted
        self.ranks = headline_ranks(spec, nominal, nominal.scores[spec.tree.id])
        errors = standard_errors(spec, sheet, nominal) if wanted.sampling else {}
        self._raw, self._errors = believed(spec, nominal, errors)
        self._steps = {
            (normalise, impute): _varied_steps(spec, wanted, normalise, impute)
            for normalise in range(len(wanted.normalise) + 1)
            for impute in range(len(wanted.impute) + 1)
        }
        # Indicators whose figures follow from these steps and the raw figures alone.
        self._steady = {key: _steady(spec, steps) for key, steps in self._steps.items()}
        self._known: dict[tuple[int, int], dict[str, Vector]] = {}
        self._shares = {name: scaled(weights).mean(axis=0) for name, weights in nominal.weights.items()}
        self._combine = [_varied_combine(spec, wanted, at) for at in range(len(wanted.combine) + 1)]
        self._grades = spec.tree.grades[0] if spec.tree.grades else None
        self._at = nominal.at(spec.tree.id)
        # Clusters found anew in every draw would be other classes each time; theirs stay as the spec's own run set.
        # Fixed edges are the same in every draw.
        self._edges = None
        if self._grades is not None and self._grades.how in ("clusters", "probit", "fixed"):
            self._edges = grading.edges_of(self._grades, nominal.scores[spec.tree.id], self._at)

    def roots(self, drawn_choices: Sequence[Choices]) -> Table:
        """The score of the root in every draw: draws × units; many draws in one pass where the tree allows it."""
        if not _stackable(self._spec, self._wanted):
            return self._one_by_one(drawn_choices)
        scores = np.empty((len(drawn_choices), self._sheet.height))
        alike: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for at, choices in enumerate(drawn_choices):
            alike[choices.normalise, choices.combine, choices.impute].append(at)
        most = copies_at_once(self._sheet)
        for places in alike.values():
            for start in range(0, len(places), most):
                batch = places[start : start + most]
                scores[batch] = self._pass([drawn_choices[at] for at in batch])
        return scores

    def _one_by_one(self, drawn_choices: Sequence[Choices]) -> Table:
        """Draw after draw; those that share the choices of figures compute them once."""
        scores = np.empty((len(drawn_choices), self._sheet.height))
        alike: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for at, choices in enumerate(drawn_choices):
            alike[choices.normalise, choices.impute, choices.sampling].append(at)
        for (normalise, impute, sampling), places in alike.items():
            steps, steady = self._steps[normalise, impute], self._steady[normalise, impute]
            raw, known = self._drawn_figures(sampling), self._unmoved(normalise, impute)
            for at in places:
                choices = drawn_choices[at]
                weights, combine = self._drawn_weights(choices.weights), self._combine[choices.combine]
                found = self._scored(self._sheet, Variation(raw, steps, weights, combine, known=known))
                known = {name: found.scores[name] for name in steady}
                scores[at] = self._root(found)
        return scores

    def _pass(self, batch: list[Choices]) -> Table:
        """Draws that share all choices but seeds, computed on as many copies of the units."""
        copies, first = len(batch), batch[0]
        luck = [self._luck(choices.sampling) for choices in batch] if self._errors else []
        height = self._sheet.height
        variation = Variation(
            raw=self._moved(np.concatenate(luck, axis=1)) if luck else {},
            steps=self._steps[first.normalise, first.impute],
            weights={
                name: _copied(self._nominal.weights[name], factors, height)
                for name, factors in self._factors([choices.weights for choices in batch]).items()
            },
            combine=self._combine[first.combine],
            known={name: np.tile(own, copies) for name, own in self._unmoved(first.normalise, first.impute).items()},
        )
        sheet = stacked(self._sheet, copies)
        return self._root(self._scored(sheet, variation)).reshape(copies, height)

    def _scored(self, sheet: Sheet, variation: Variation) -> Scored:
        return scored(self._spec, sheet, variation, silent=True, plan=self._nominal.plan)

    def _root(self, found: Scored) -> Vector:
        return found.scores[self._spec.tree.id]

    def ranked(self, scores: Table) -> NDArray[np.float32]:
        """Ranks of draws × units, some draws at a time so that memory stays bounded."""
        ranks, most = np.empty(scores.shape, dtype=np.float32), copies_at_once(self._sheet)
        for start in range(0, len(scores), most):
            rows = slice(start, start + most)
            ranks[rows] = headline_ranks_of_rows(self._spec, self._nominal, scores[rows])
        return ranks

    def shifts(self, drawn_choices: Sequence[Choices], worlds: Sequence[Mask]) -> Table:
        """Mean absolute shift of the ranks of each set of units against the spec's own: sets × draws."""
        shift = np.abs(self.ranked(self.roots(drawn_choices)) - self.ranks)
        known = np.isfinite(shift)
        shift = np.where(known, shift, 0.0)
        means = [shift[:, own].sum(axis=1) / np.maximum(known[:, own].sum(axis=1), 1) for own in worlds]
        return np.array(means).reshape(len(means), len(shift))

    def chances(self, scores: Table) -> Table | None:
        """Share of the draws in which each unit has each class, of those in which it has one; None without grades."""
        if self._grades is None:
            return None
        if self._edges is not None:
            classes = grading.classes_by(self._edges, scores)
        else:
            classes = np.array([grading.classes_of(self._grades, row, self._at) for row in scores])
        counts = np.column_stack([(classes == at).sum(axis=0) for at in range(len(self._grades.classes))])
        return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))

    def _unmoved(self, normalise: int, impute: int) -> dict[str, Vector]:
        """Figures of the indicators that depend on the choice of steps alone, computed once for each."""
        key = (normalise, impute)
        if key not in self._known:
            names = [name for name in self._steady[key] if name not in self._errors]
            scores = self._scored(self._sheet, Variation(self._nominal.raw, self._steps[key])).scores if names else {}
            self._known[key] = {name: scores[name] for name in names}
        return self._known[key]

    def _drawn_figures(self, seed: int) -> dict[str, Vector]:
        return self._moved(self._luck(seed)) if self._errors else self._raw

    def _luck(self, seed: int) -> Table:
        """Standard normal numbers of one draw: indicators with an error × units."""
        draws = np.random.default_rng([self._wanted.seed, 1, seed])
        return draws.standard_normal((len(self._errors), self._sheet.height))

    def _moved(self, luck: Table) -> dict[str, Vector]:
        return moved(self._raw, self._errors, luck)

    def _drawn_weights(self, seed: int) -> dict[str, Table]:
        return {name: self._nominal.weights[name] * factors for name, factors in self._factors([seed]).items()}

    def _factors(self, seeds: Sequence[int]) -> dict[str, Table]:
        """What the weights of each group are multiplied with: draws × parts."""
        shares, how = self._shares, self._wanted.weights
        if how is None:
            return {name: np.ones((len(seeds), own.size)) for name, own in shares.items()}
        draws = [np.random.default_rng([self._wanted.seed, 2, seed]) for seed in seeds]
        if how.how == "dirichlet":
            # Each generator serves the groups in their order, as it would alone.
            return {name: np.array([_dirichlet(own, how.spread, one) for one in draws]) for name, own in shares.items()}
        ends = np.cumsum([own.size for own in shares.values()])
        luck = np.array([one.uniform(1 - how.spread, 1 + how.spread, ends[-1]) for one in draws])
        parts = np.split(luck, ends[:-1], axis=1)
        return {name: _keeping_sum(own, part) for (name, own), part in zip(shares.items(), parts, strict=True)}


def _steady(spec: IndexSpec, steps: dict[str, list[Step]]) -> list[str]:
    return [item.id for item in indicators_of(spec.tree) if not follows_parts(item, steps[item.id])]


def _copied(weights: Table, factors: Table, height: int) -> Table:
    """Weights (one row or a row for each unit) times factors (copies × parts): copies of units × parts."""
    parts, copies = factors.shape[1], len(factors)
    table = weights.T[:, None, :] * factors.T[:, :, None]
    # Each part in one piece, as scores are.
    return np.broadcast_to(table, (parts, copies, height)).reshape(parts, copies * height).T


def _stackable(spec: IndexSpec, wanted: Uncertainty) -> bool:
    """Whether neither the tree nor any alternative lets one unit bear on another."""
    return (
        unit_by_unit(spec)
        and all(steps_alone(steps) for steps in wanted.normalise)
        and steps_alone(list(wanted.impute))
        and all(combined_alone(rule) for rule in wanted.combine)
    )


def _dirichlet(shares: Vector, spread: float, draws: np.random.Generator) -> Vector:
    """Factors of one group by a Dirichlet draw; a part without weight is left alone."""
    there, factors = shares > 0, np.ones(shares.size)
    if there.sum() > 1:
        known = shares[there]
        concentration = max(float(np.mean((1 - known) / known)) / spread**2 - 1, 1e-3)
        factors[there] = draws.dirichlet(concentration * known) / known
    return np.asarray(_keeping_sum(shares, factors[None, :])[0])


def _keeping_sum(shares: Vector, factors: Table) -> Table:
    """Factors by which the sum of the weights stays as it is (of the mean unit, where units differ)."""
    whole = (shares * factors).sum(axis=1, keepdims=True)
    scale = np.divide(float(shares.sum()), whole, out=np.ones_like(whole), where=whole > 0)
    return np.where(whole > 0, factors * scale, 1.0)


def _varied_steps(spec: IndexSpec, wanted: Uncertainty, normalise: int, impute: int) -> dict[str, list[Step]]:
    return {
        item.id: list(_replaced(spec.steps_of(item), wanted, normalise, impute)) for item in indicators_of(spec.tree)
    }


def _replaced(steps: list[Step], wanted: Uncertainty, normalise: int, impute: int) -> Iterator[Step]:
    """Steps with the normalising ones as a whole, and the first imputing one, in the drawn form."""
    normalised = imputed = False
    for step in steps:
        if step.step in NORMALISING and normalise:
            yield from [] if normalised else wanted.normalise[normalise - 1]
            normalised = True
        elif step.step == "impute" and impute and not imputed:
            yield wanted.impute[impute - 1]
            imputed = True
        else:
            yield step


def _varied_combine(spec: IndexSpec, wanted: Uncertainty, choice: int) -> dict[str, Combine]:
    if not choice:
        return {}
    drawn_rule = wanted.combine[choice - 1]
    change = {"how": drawn_rule.how, "power": drawn_rule.power, "floor": drawn_rule.floor}
    groups = [part for part in walk(spec.tree) if isinstance(part, Group) and part.combine.how in _MEANS]
    return {group.id: group.combine.model_copy(update=change) for group in groups}

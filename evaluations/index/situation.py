"""What a step knows besides its figures: the sheet, the universe, scores so far, and where to note what it did.

Put here: strata to learn from, conditions, counts of parts, notes. Keep out: the steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_contracts.index_spec.basics import ByWord, Condition, Fitted, FromColumn, FromPart, Learnt
from data_contracts.index_spec.document import Stratum
from evaluations.index import numeric
from evaluations.index.numeric import Mask, Vector
from evaluations.index.sheet import Sheet, by_words, split


@dataclass
class Notes:
    """Diagnostics: facts (part, step, stratum, measure, value) and flags (part, flag, units). Silent ones keep none."""

    silent: bool = False
    facts: list[tuple[str, str, str, str, float]] = field(default_factory=list)
    flags: list[tuple[str, str, Mask]] = field(default_factory=list)
    trace: list[tuple[str, str, Vector]] | None = None
    """Part, step and the figures after it; None: not wanted."""


@dataclass(frozen=True)
class Counting:
    """A count of the spec: for each part that may count, the scores that must be there and how many of them."""

    parts: tuple[tuple[tuple[str, ...], int], ...]

    def of(self, scores: Mapping[str, Vector]) -> Vector:
        """The number of parts that count, for every unit."""
        height = len(next(iter(scores.values())))
        result = np.zeros(height)
        for names, least in self.parts:
            present = np.sum([np.isfinite(scores[name]) for name in names], axis=0) if names else np.zeros(height)
            result += present >= least
        return result


def statistic(given: Learnt, known: Vector, weights: Vector | None) -> float:
    """The statistic of the figures; NaN of nothing."""
    if known.size == 0:
        return float("nan")
    match given.learnt:
        case "mean":
            return numeric.mean(known, weights)
        case "sd":
            return numeric.deviation(known, given.ddof or 0, weights)
        case "median":
            return numeric.quantile(known, 0.5, "linear")
        case "minimum":
            return float(known.min())
        case "maximum":
            return float(known.max())
        case "quantile":
            return numeric.quantile(known, given.at or 0.0, given.quantile)
        case way:
            return _end(given, known if way == "mean_of_highest" else -known) * (1 if way == "mean_of_highest" else -1)


def _end(given: Learnt, known: Vector) -> float:
    """Mean of the highest figures."""
    if given.units is not None:
        return numeric.mean(np.sort(known)[-given.units :])
    return numeric.mean(known[known >= numeric.quantile(known, 1 - (given.share or 0.0), given.quantile)])


@dataclass
class Situation:
    """The surroundings of the steps of one part; `place` names the part and `step` the step under way."""

    sheet: Sheet
    universe: Mask
    scores: dict[str, Vector]
    counts: Mapping[str, Counting]
    notes: Notes
    grades: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    classed: Mapping[str, Stratum] = field(default_factory=dict)
    place: str = ""
    step: str = ""

    def learn(self, step: Fitted, figures: Vector) -> Iterator[tuple[str, Any, Vector, Mask]]:
        """For each stratum: label, its rows, its figures, and which of them are there to learn from."""
        allowed = self.universe if step.universe is None else self.holds(step.universe)
        known = allowed & np.isfinite(figures)
        for label, rows in self.strata(step.within):
            yield label, rows, figures[rows], known[rows]

    def strata(self, within: Sequence[str]) -> list[tuple[str, Any]]:
        """Label and row numbers of each combination of the values of columns, counts and classes of parts."""
        if not any(name in self.counts or name in self.classed for name in within):
            return self.sheet.strata(within)
        return split([self._words(name) for name in within])

    def _words(self, name: str) -> list[str]:
        if name in self.counts:
            return [f"{value:.0f}" for value in self.counts[name].of(self.scores)]
        if name in self.classed:
            return self.grades[self.classed[name].part, self.classed[name].grade]
        return self.sheet.words[name]

    def quantity(self, given: float | FromColumn | FromPart | ByWord) -> Vector | float:
        """A number for all units, or a figure of each."""
        if isinstance(given, FromPart):
            return self.scores[given.part]
        if isinstance(given, ByWord) and given.by in self.classed:
            return by_words(given, self._words(given.by), frozenset([""]))
        return self.sheet.quantity(given)

    def reference(self, given: float | Learnt | FromColumn | FromPart | ByWord, step: Fitted, own: Vector) -> Vector:
        """A quantity, or what is learnt from the figures `own` (or a column), for every unit."""
        if not isinstance(given, Learnt):
            return np.broadcast_to(np.asarray(self.quantity(given), dtype=float), own.shape)
        source = own if given.column is None else self.sheet.numbers[given.column]
        weights = None if given.weighted_by is None else np.nan_to_num(self.sheet.numbers[given.weighted_by])
        result = np.full(own.size, np.nan)
        for label, rows, known, learn in self.learn(step, source):
            value = statistic(given, known[learn], None if weights is None else weights[rows][learn])
            self.fact(given.learnt, value, label)
            result[rows] = value
        return result

    def holds(self, conditions: Sequence[Condition]) -> Mask:
        """For which units all conditions hold."""
        counted = {item.count: self.counts[item.count].of(self.scores) for item in conditions if item.count}
        figures = [item for item in conditions if item.grade is None]
        result = self.sheet.holds(figures, {**self.scores, **counted}, self.quantity)
        for item in conditions:
            if item.grade is not None:
                classes = self.grades[str(item.part), item.grade]
                result &= np.array([name in (item.among or []) for name in classes])
        return result

    def fact(self, measure: str, value: float, stratum: str = "") -> None:
        """Note a number that the step learnt or did."""
        if not self.notes.silent:
            self.notes.facts.append((self.place, self.step, stratum, measure, float(value)))

    def note(self, figures: Vector, name: str = "") -> None:
        """Keep the figures after the step (or those called `name` on the way) where that is wanted."""
        if self.notes.trace is not None:
            self.notes.trace.append((self.place, f"{self.step} {name}".strip(), figures))

    def flag(self, name: str, units: Mask) -> None:
        """Note units that the step touched."""
        if not self.notes.silent and units.any():
            self.notes.flags.append((self.place, name, units.copy()))
            self.fact(f"{name}_units", int(units.sum()))

"""What a step knows besides its figures: the sheet, the universe, scores so far, and where to note what it did.

Put here: strata to learn from, conditions, counts of parts, notes. Keep out: the steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_contracts.index_spec.basics import Condition, Fitted
from evaluations.index.numeric import Mask, Vector
from evaluations.index.sheet import Sheet, split


@dataclass
class Notes:
    """Diagnostics: facts (part, step, stratum, measure, value) and flags (part, flag, units). Silent ones keep none."""

    silent: bool = False
    facts: list[tuple[str, str, str, str, float]] = field(default_factory=list)
    flags: list[tuple[str, str, Mask]] = field(default_factory=list)


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


@dataclass
class Situation:
    """The surroundings of the steps of one part; `place` names the part and `step` the step under way."""

    sheet: Sheet
    universe: Mask
    scores: dict[str, Vector]
    counts: Mapping[str, Counting]
    notes: Notes
    grades: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    place: str = ""
    step: str = ""

    def learn(self, step: Fitted, figures: Vector) -> Iterator[tuple[str, Any, Vector, Mask]]:
        """For each stratum: label, its rows, its figures, and which of them are there to learn from."""
        allowed = self.universe if step.universe is None else self.holds(step.universe)
        known = allowed & np.isfinite(figures)
        for label, rows in self.strata(step.within):
            yield label, rows, figures[rows], known[rows]

    def strata(self, within: Sequence[str]) -> list[tuple[str, Any]]:
        """Label and row numbers of each combination of the values of columns and counts."""
        if not any(name in self.counts for name in within):
            return self.sheet.strata(within)
        columns = [
            [f"{value:.0f}" for value in self.counts[name].of(self.scores)]
            if name in self.counts
            else self.sheet.words[name]
            for name in within
        ]
        return split(columns)

    def holds(self, conditions: Sequence[Condition]) -> Mask:
        """For which units all conditions hold."""
        counted = {item.count: self.counts[item.count].of(self.scores) for item in conditions if item.count}
        figures = [item for item in conditions if item.grade is None]
        result = self.sheet.holds(figures, {**self.scores, **counted})
        for item in conditions:
            if item.grade is not None:
                classes = self.grades[str(item.part), item.grade]
                result &= np.array([name in (item.among or []) for name in classes])
        return result

    def fact(self, measure: str, value: float, stratum: str = "") -> None:
        """Note a number that the step learnt or did."""
        if not self.notes.silent:
            self.notes.facts.append((self.place, self.step, stratum, measure, float(value)))

    def flag(self, name: str, units: Mask) -> None:
        """Note units that the step touched."""
        if not self.notes.silent and units.any():
            self.notes.flags.append((self.place, name, units.copy()))
            self.fact(f"{name}_units", int(units.sum()))

"""Scores of an indicator: of one payee as a row, of all as columns.

Put here: their shape. Keep out: how they come about (scoring.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from evaluations.allocation.ratios import ONE, UNKNOWN, Column, Ratio, Ratios, at, column

FILLED_IN = ("carried", "p25")
"""Ways of late scores that another one stands in for."""


class Score(NamedTuple):
    """How a payee did in an indicator.

    `way`: achievement, improvement, given, gaps (quarters without a figure), stratum (too few cases), carried or p25
    (late, for advances only), missing, no_baseline, too_few (and nobody else has enough). The last three have score 0.
    `value`: the figure; `used`: after reliability; `known`: part of the quarters that have a figure, which `score`
    is already lowered by.
    """

    score: Ratio
    way: str
    value: Ratio | None = None
    cases: Ratio | None = None
    reliability: Ratio | None = None
    used: Ratio | None = None
    baseline: Ratio | None = None
    threshold: Ratio | None = None
    benchmark: Ratio | None = None
    achievement: Ratio | None = None
    improvement: Ratio | None = None
    known: Ratio = ONE


_RATIOS = tuple(name for name in Score._fields if name != "way")


@dataclass(frozen=True, eq=False)
class Scores(Sequence[Score]):
    """The scores of all payees: a column for each field of Score; a row on demand."""

    score: Ratios
    way: Column
    value: Ratios
    cases: Ratios
    reliability: Ratios
    used: Ratios
    baseline: Ratios
    threshold: Ratios
    benchmark: Ratios
    achievement: Ratios
    improvement: Ratios
    known: Ratios

    def __len__(self) -> int:
        return len(self.way)

    @overload
    def __getitem__(self, place: int) -> Score: ...
    @overload
    def __getitem__(self, place: slice) -> list[Score]: ...
    def __getitem__(self, place: int | slice) -> Score | list[Score]:
        if isinstance(place, slice):
            return [self[own] for own in range(len(self))[place]]
        fields: dict[str, Any] = {name: at(getattr(self, name), place) for name in _RATIOS}
        return Score(**fields, way=self.way[place])

    def with_rows(self, rows: Mapping[int, Score]) -> "Scores":
        """The same with other scores of some payees."""
        found = self._copied()
        for place, row in rows.items():
            found.way[place] = row.way
            for name in _RATIOS:
                tops, bottoms = getattr(found, name)
                tops[place], bottoms[place] = getattr(row, name) or UNKNOWN
        return found

    def _copied(self) -> "Scores":
        columns: dict[str, Any] = {name: tuple(map(np.copy, getattr(self, name))) for name in _RATIOS}
        return Scores(**columns, way=self.way.copy())


def scores_with(way: Column, **columns: Ratios) -> Scores:
    """Scores of which only these columns are known."""
    size = len(way)
    nothing, one = column([None] * size), column([ONE] * size)
    return Scores(**{name: columns.get(name, nothing) for name in Score._fields if name not in ("way", "known")},
                  way=way, known=one)  # fmt: skip

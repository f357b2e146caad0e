"""What is reported of indicators: cells of the data by indicator, payee and quarter.

Put here: reading and checking them, columns of figures. Keep out: scores (scoring.py).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from decimal import Decimal
from math import lcm
from typing import NamedTuple

import numpy as np

from data_contracts.allocation_spec.pay import Performance
from data_contracts.messages import did_you_mean, wrong
from evaluations.allocation.ratios import (
    ONE,
    UNKNOWN,
    Column,
    Mask,
    Ratio,
    Ratios,
    column,
    ratio,
    times,
    whole_column,
)
from evaluations.allocation.snapshot import DataError, Rows, Snapshot, repeated

WHOLE_YEAR = 0
"""The quarter of figures that have none."""


class Reported(NamedTuple):
    """One cell of the data: score given, or a figure as numerator over cases (cases 1 where none are stated)."""

    score: Ratio | None = None
    numerator: Ratio | None = None
    cases: Ratio | None = None
    baseline: Decimal | None = None

    @property
    def known(self) -> bool:
        """Whether it says how good the payee is."""
        return self.score is not None or (self.numerator is not None and self.cases is not None)


_NOTHING = Reported()
# quarter → cell
History = dict[int, Reported]
# indicator → payee → history
Data = dict[str, dict[int, History]]


def read_data(stream: Performance, snapshot: Snapshot) -> Data:
    """Indicator → payee → quarter → cell. Rows of indicators that are not paid for are left aside.

    Raises DataError for cells that say no and for the same payee, indicator and quarter twice, DefinitionError for an
    indicator without any row.
    """
    words = stream.data
    columns = {name: column for name, column in words.model_dump(exclude={"table"}).items() if column is not None}
    rows = snapshot.rows(words.table, columns, f"streams.{stream.id}.data")
    payees, names = snapshot.places(rows, words.payee), rows.cells[words.indicator]
    quarters = [WHOLE_YEAR] * len(names)
    if words.quarter is not None:
        quarters = rows.known(words.quarter, rows.quarters(words.quarter))
    _check_rows(rows, words.payee, list(zip(payees, names, quarters, strict=True)), [words.indicator, words.quarter])
    cells = cells_of(stream, rows)
    data: Data = {item.id: defaultdict(dict) for item in stream.indicators}
    for payee, name, quarter, cell in zip(payees, names, quarters, cells, strict=True):
        if name in data:
            data[name][payee][quarter] = cell
    for name, found in data.items():
        if not found:
            raise wrong("allocate_indicator_absent", table=words.table, column=words.indicator, word=name,
                        hint=did_you_mean(name, set(names)))  # fmt: skip
    return data


def _check_rows(rows: Rows, column: str, keys: Sequence[Hashable], others: Sequence[str | None]) -> None:
    columns = "、".join([column, *(name for name in others if name is not None)])
    if len(set(keys)) < len(keys):
        rows.refuse(repeated(keys), "allocate_row_again", column, columns=columns)


def cells_of(stream: Performance, rows: Rows) -> list[Reported]:
    """What each row reports. Raises DataError for cells that say no."""
    words, nothing = stream.data, [None] * len(rows.numbers)

    def figures(column: str | None, high: int | None = None, low: int | None = 0) -> Sequence[Decimal | None]:
        if column is None:
            return nothing
        found = rows.figures(column)
        rows.between(column, found, low, high)
        return found

    def ratios(column: str | None, found: Sequence[Decimal | None]) -> Sequence[Ratio | None]:
        if column is None:
            return nothing
        each = {word: figure if figure is None else ratio(figure) for word, figure in rows.distinct(column, found)}
        return [each[word] for word in rows.cells[column]]

    tops, cases = figures(words.numerator), figures(words.denominator)
    if words.numerator is not None and (stream.counts == "parts" or stream.reliability != "none"):
        over = [top is not None and own is not None and top > own for top, own in zip(tops, cases, strict=True)]
        rows.refuse(over, "allocate_over_cases", words.numerator, other=words.denominator)
    numerators, counts = ratios(words.numerator, tops), ratios(words.denominator, cases)
    if words.value is not None:
        values = ratios(words.value, figures(words.value, low=None))
        counts = [ONE] * len(values) if words.denominator is None else counts
        numerators = [
            None if value is None or own is None else times(value, own)
            for value, own in zip(values, counts, strict=True)
        ]
    scores, baselines = ratios(words.score, figures(words.score, 1)), figures(words.baseline, low=None)
    return list(map(Reported, scores, numerators, counts, baselines))


class Figures:
    """What is reported of one indicator, by quarter a column of payees. Numerators and cases in whole `unit`ths."""

    def __init__(self, data: Mapping[int, History], size: int) -> None:
        self.size = size
        self.quarters = {quarter for history in data.values() for quarter in history}
        histories = [data.get(at, {}) for at in range(size)]
        cells = {
            quarter: list(zip(*(history.get(quarter, _NOTHING) for history in histories), strict=True))
            for quarter in self.quarters
        }
        bottoms = {figure[1] for own in cells.values() for figure in (*own[1], *own[2]) if figure is not None}
        self.unit = lcm(*bottoms)
        self._known: dict[int, Mask] = {}
        self._scores: dict[int, Ratios] = {}
        self._counts: dict[int, tuple[Column, Column]] = {}
        for quarter, (scores, tops, cases, _) in cells.items():
            there = [top is not None and own is not None for top, own in zip(tops, cases, strict=True)]
            self._known[quarter] = np.array(there) | np.array([own is not None for own in scores])
            self._scores[quarter] = column(scores)
            self._counts[quarter] = (self._whole(tops, there), self._whole(cases, there))

    def _whole(self, figures: Sequence[Ratio | None], there: Sequence[bool]) -> Column:
        """Figures in `unit`ths, 0 where they do not count."""
        return whole_column([
            own[0] * (self.unit // own[1]) if own is not None and counts else 0
            for own, counts in zip(figures, there, strict=True)
        ])  # fmt: skip

    def with_histories(self, moved: Mapping[int, History]) -> "Figures":
        """The same with other figures of some payees in quarters that are there."""
        cells = [(at, quarter, cell) for at, history in moved.items() for quarter, cell in history.items()]
        bottoms = {figure[1] for _, _, cell in cells for figure in (cell.numerator, cell.cases) if figure is not None}
        unit = lcm(self.unit, *bottoms)
        known = {quarter: own.copy() for quarter, own in self._known.items()}
        scores = {quarter: (tops.copy(), bottoms.copy()) for quarter, (tops, bottoms) in self._scores.items()}
        more = unit // self.unit
        counts = {quarter: (tops * more, cases * more) for quarter, (tops, cases) in self._counts.items()}
        for at, quarter, cell in cells:
            known[quarter][at] = cell.known
            scores[quarter][0][at], scores[quarter][1][at] = cell.score or UNKNOWN
            counted = cell.numerator is not None and cell.cases is not None
            for own, figure in zip(counts[quarter], (cell.numerator, cell.cases), strict=True):
                own[at] = figure[0] * (unit // figure[1]) if counted and figure is not None else 0
        found = copy(self)
        found.__dict__.update(unit=unit, _known=known, _scores=scores, _counts=counts)
        return found

    def known(self, quarter: int) -> Mask:
        """Who has a figure in the quarter."""
        return self._known.get(quarter, np.zeros(self.size, dtype=bool))

    def scores(self, quarter: int) -> Ratios:
        """Scores as they are given."""
        return self._scores.get(quarter, column([None] * self.size))

    def pooled(self, quarters: Iterable[int]) -> tuple[Column, Column]:
        """Numerators and cases of several quarters together."""
        tops, cases = whole_column([0] * self.size), whole_column([0] * self.size)
        for quarter in quarters:
            if quarter in self._counts:
                tops, cases = tops + self._counts[quarter][0], cases + self._counts[quarter][1]
        return tops, cases


def baselines_of(data: Mapping[int, History], indicator: str) -> dict[int, Decimal]:
    """Payee → frozen figure of the base year. Raises DataError where rows of one payee state several."""
    found, differs = {}, 0
    for payee, history in data.items():
        stated = {cell.baseline for cell in history.values() if cell.baseline is not None}
        differs += len(stated) > 1
        if stated:
            found[payee] = max(stated)
    if differs:
        raise DataError("allocate_baseline_differs", indicator=indicator, count=differs)
    return found


def strata_of(stream: Performance, snapshot: Snapshot) -> list[list[int]]:
    """Places of each combination of the words of the strata columns. Raises DataError for a blank one."""
    keys: list[list[str]] = [[] for _ in snapshot.ids]
    for name in stream.strata:
        place = f"streams.{stream.id}.strata"
        words = snapshot.column(name, place)
        if any(word is None for word in words):
            raise DataError("allocate_stratum_blank", column=name, count=sum(word is None for word in words))
        for key, word in zip(keys, words, strict=True):
            key.append(word or "")
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, key in enumerate(keys):
        places[tuple(key)].append(at)
    return [places[key] for key in sorted(places)]

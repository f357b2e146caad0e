"""What results earn when cells of a performance stream change: only who learns from the changed payee is scored again.

Exactly what the division gives (performance.py). Put here: which scores, parts and amounts are taken over. Keep out:
scores (scoring.py), parts (earning.py), the screen in floating point (screen_pay.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from data_contracts.allocation_spec.pay import Performance
from data_contracts.allocation_spec.reached import figures_of
from evaluations.allocation.column_levers import Edit
from evaluations.allocation.earning import (
    QUARTERS,
    Earning,
    bonus_of,
    bonus_shares,
    carries,
    parts_of,
    potential_of,
    quarters_of,
)
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.performance import elapsed_in, rest_of
from evaluations.allocation.ratios import QUANTUM, Ratios, quantised
from evaluations.allocation.reported import WHOLE_YEAR, Figures, History, baselines_of, cells_of, read_data, strata_of
from evaluations.allocation.scoring import Scorer, Standard, late_filled, standard_of
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot

Column = tuple[str, str]
"""Table and column."""
Cells = dict[int, History]
"""Payee → quarter → cell."""


class EarningAgain:
    """One performance stream of a settlement as it is divided, and with other cells."""

    def __init__(self, stream: Performance, setting: Setting) -> None:
        snapshot, words = setting.snapshot, stream.data
        self._stream, self._snapshot, self._pool = stream, snapshot, setting.pools[stream.id]
        self._potential = potential_of(stream, snapshot, self._pool)
        strata = strata_of(stream, snapshot)
        self._strata = [np.array(places, dtype=np.intp) for places in strata]
        self._stratum = {int(at): (number, place) for number, places in enumerate(self._strata)
                         for place, at in enumerate(places)}  # fmt: skip
        data = read_data(stream, snapshot)
        scorers = []
        for item in stream.indicators:
            whole = standard_of(item, baselines_of(data[item.id], item.id), strata, len(snapshot.ids))
            scorers.append([
                Scorer(stream, item, {place: data[item.id][at] for place, at in enumerate(own) if at in data[item.id]},
                       _alone(whole, own.tolist()), own.size)
                for own in self._strata
            ])  # fmt: skip
        self._scorers: list[list[Scorer]] = scorers
        everybody = [Figures(data[item.id], len(snapshot.ids)) for item in stream.indicators]
        quarters = quarters_of(stream, setting.spec.year, everybody)
        # Earlier quarters matter where the last one is filled in from them.
        self._quarters = quarters if carries(stream, quarters[-1]) else quarters[-1:]
        elapsed = elapsed_in(quarters[-1])
        self._settled, self._due = elapsed == QUARTERS, [own * elapsed // QUARTERS for own in self._potential.fen]
        self._figure = words.score or words.value or words.numerator or ""
        self._beside = _beside(stream, self._figure, snapshot.spec.payees.table)
        self._rows = snapshot.rows(words.table, {"payee": words.payee}, f"streams.{stream.id}.data")
        self._places = snapshot.places(self._rows, words.payee)
        self._quarter_of: Sequence[int | None] = (
            self._rows.quarters(words.quarter) if words.quarter else [WHOLE_YEAR] * len(self._places)
        )
        self._scores = [[self._scored(own) for own in row] for row in scorers]
        columns = [self._joined(row) for row in self._scores]
        self._parts = parts_of(self._potential.weights, columns)
        self._cut: list[int] = quantised(self._parts).tolist()
        self._shares = bonus_shares(stream, snapshot)
        self._most = dict(zip(snapshot.ids, self._potential.fen, strict=True))
        self.result = self._divided(self._parts, self._cut, self._shares)

    def takes(self, columns: frozenset[Column]) -> bool:
        """Whether of these columns the stream reads none but those of its figures and of the equity bonus."""
        return not columns & self._beside

    def divided(self, edits: Iterable[Edit], snapshot: Snapshot) -> StreamResult:
        """The stream with these cells, which `snapshot` has. Raises DataError as the engine does for them."""
        cells = {own.row: own for own in edits if own.table == self._stream.data.table and own.column == self._figure}
        shares = bonus_shares(self._stream, snapshot)
        changed: dict[int, dict[int, Ratios]] = defaultdict(dict)
        for (number, stratum), moved in self._moved(list(cells.values())).items():
            scores = self._scored(self._scorers[number][stratum].with_histories(moved))
            if not _alike(scores, self._scores[number][stratum]):
                changed[stratum][number] = scores
        if not changed:
            return self.result if shares == self._shares else self._divided(self._parts, self._cut, shares)
        parts, cut = (self._parts[0].copy(), self._parts[1].copy()), list(self._cut)
        for stratum, new in changed.items():
            places = self._strata[stratum]
            columns = [new.get(number, row[stratum]) for number, row in enumerate(self._scores)]
            own = parts_of([self._potential.weights[at] for at in places], columns)
            parts[0][places], parts[1][places] = own
            for at, figure in zip(places.tolist(), quantised(own).tolist(), strict=True):
                cut[at] = figure
        return self._divided(parts, cut, shares)

    def _moved(self, edits: Sequence[Edit]) -> dict[tuple[int, int], Cells]:
        """Number of the indicator and of the stratum → cells that differ, by place in the stratum."""
        found: dict[tuple[int, int], Cells] = defaultdict(lambda: defaultdict(dict))
        numbers = {item.id: number for number, item in enumerate(self._stream.indicators)}
        names = self._rows.cells[self._stream.data.indicator]
        rows = self._rows.with_only([own.row for own in edits]).with_cells(
            self._figure, [own.figure if isinstance(own.figure, str) else f"{own.figure:f}" for own in edits]
        )
        for own, cell in zip(edits, cells_of(self._stream, rows), strict=True):
            number, quarter = numbers.get(names[own.row]), self._quarter_of[own.row]
            stratum, place = self._stratum[self._places[own.row]]
            if number is not None and quarter is not None:
                found[number, stratum][place][quarter] = cell
        return found

    def _scored(self, scorer: Scorer) -> Ratios:
        """Scores of one stratum at the end of the last quarter."""
        first, strata, found = self._quarters[0], [range(scorer.figures.size)], None
        if carries(self._stream, first):
            found = scorer.at(first - 1, late=True)
        for quarter in self._quarters:
            late = carries(self._stream, quarter)
            scores = scorer.at(quarter, late=late)
            found = late_filled(scores, found, strata) if late else scores
        if found is None:
            raise ValueError("no quarter is paid")
        return found.score

    def _joined(self, by_stratum: Sequence[Ratios]) -> Ratios:
        tops, bottoms = (np.empty(len(self._snapshot.ids), dtype=object) for _ in range(2))
        for places, own in zip(self._strata, by_stratum, strict=True):
            tops[places], bottoms[places] = own
        return tops, bottoms

    def _divided(self, parts: Ratios, cut: Sequence[int], shares: Sequence[int] | None) -> StreamResult:
        stream, snapshot, potential = self._stream, self._snapshot, self._potential.fen
        bonus = [0] * len(cut) if shares is None else bonus_of(cut, potential, shares)
        earned = _earned(parts, cut, bonus, self._due)
        rest = rest_of(stream, snapshot, earned, self._pool - sum(earned), settled=self._settled)
        paid = {snapshot.kind: dict(zip(snapshot.ids, earned, strict=True))}
        return StreamResult(stream.id, self._pool, rest, potential=self._most, settled=self._settled, amounts=paid)


def _earned(parts: Ratios, cut: Sequence[int], bonus: Sequence[int], due: Sequence[int]) -> list[int]:
    """Fen as Earning.earned, exactly where two bounds of the part, 10⁻¹² apart, do not lead to the same fen."""
    found = []
    for at, (own, more, money) in enumerate(zip(cut, bonus, due, strict=True)):
        least = money * (own + more) // QUANTUM
        if least != money * (own + more + 1) // QUANTUM:
            (least,) = Earning([], (parts[0][at : at + 1], parts[1][at : at + 1]), [more]).earned([money])
        found.append(min(money, least))
    return found


def _alone(whole: Standard, places: Sequence[int]) -> Standard:
    """What the figures of one stratum are set against, by place in it."""
    baselines = {place: whole.baselines[at] for place, at in enumerate(places) if at in whole.baselines}
    thresholds, benchmarks = ([own[at] for at in places] for own in (whole.thresholds, whole.benchmarks))
    return Standard(thresholds, benchmarks, baselines, [range(len(places))])


def _alike(left: Ratios, right: Ratios) -> bool:
    """Whether all are the same figures."""
    return bool((left[0] * right[1] == right[0] * left[1]).all())


def _beside(stream: Performance, figure: str, payees: str) -> set[Column]:
    """Columns that the stream reads beside that of its figures, if it is nothing else, and that of the equity bonus."""
    words = list(stream.data.model_dump(exclude={"table"}, exclude_none=True).values())
    found = {(stream.data.table, column) for column in words if column != figure or words.count(column) > 1}
    known = figures_of(stream.model_copy(update={"equity": None}))
    return found | {(own.table or payees, own.column) for own in known} | {(payees, own) for own in stream.strata}

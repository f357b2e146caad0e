"""What results earn when one payee gets better, for many payees at once: the screen before exact replay.

The figures that change, and scores of the payee itself, are those of the engine; scores of others, which only move
where strata learn from each other, are floats. Put here: changed earnings of all payees, a row for each improved payee.
Keep out: exact earnings (earning.py), scores (scoring.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.column_levers import Edit
from evaluations.allocation.earning import QUARTERS, Earning, carries, earnings_of, potential_of
from evaluations.allocation.ratios import ONE, Ratio, ratio
from evaluations.allocation.reported import WHOLE_YEAR, History, baselines_of, read_data, strata_of
from evaluations.allocation.scores import FILLED_IN, Score
from evaluations.allocation.scoring import Standard, scores_of, standard_of
from evaluations.allocation.setting import Setting

Floats = NDArray[np.float64]
_NOBODY = ("missing", "stratum", "too_few")
"""Ways of scores that no other score is learnt from."""


class PayScreen:
    """One performance stream with its earnings as they are."""

    def __init__(self, stream: Performance, setting: Setting) -> None:
        snapshot = setting.snapshot
        potential = potential_of(stream, snapshot, setting.pools[stream.id])
        earnings = earnings_of(stream, setting, potential)
        self.stream, self.quarter = stream, max(earnings)
        self.base, self.data = earnings[self.quarter], read_data(stream, snapshot)
        elapsed = QUARTERS if self.quarter == WHOLE_YEAR else self.quarter % QUARTERS + 1
        self.due = np.array([own * elapsed // QUARTERS for own in potential.fen], dtype=float)
        self.settled, self.late = elapsed == QUARTERS, carries(stream, self.quarter)
        weights = np.array([[float(own) for own in row] for row in potential.weights])
        whole = weights.sum(axis=1, keepdims=True)
        self.weights = np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)
        self.parts = np.array([top / bottom for top, bottom in zip(*self.base.parts, strict=True)])
        self.bonus: Floats | None = None
        if stream.equity is not None:
            found = snapshot.figures(stream.equity.share, f"streams.{stream.id}.equity.share", high=1)
            self.bonus = np.array([float(own * stream.equity.strength) for own in found])
        self.potential = np.array([float(own) for own in potential.fen])
        self._now = self._earned(self.parts[None, :])
        self._stratum = np.zeros(len(snapshot.ids), dtype=int)
        places = strata_of(stream, snapshot)
        self.strata = [np.array(own, dtype=int) for own in places]
        for number, own in enumerate(self.strata):
            self._stratum[own] = number
        self._standards = {
            item.id: standard_of(item, baselines_of(self.data[item.id], item.id), places, len(snapshot.ids))
            for item in stream.indicators
        }
        self._before = {item.id: self._last(number, earnings, item) for number, item in enumerate(stream.indicators)}
        rows = snapshot.rows(stream.data.table, {"payee": stream.data.payee}, f"streams.{stream.id}.data")
        self._quarters: Sequence[int | None] = (
            rows.quarters(stream.data.quarter) if stream.data.quarter else [WHOLE_YEAR] * len(rows.numbers)
        )

    def _last(self, number: int, earnings: Mapping[int, Earning], item: PaidIndicator) -> Sequence[Score]:
        """Scores of the quarter before, from which late ones are filled in."""
        if not self.late or not any(own.way in FILLED_IN for own in self.base.scores[number]):
            return []
        if self.quarter - 1 in earnings:
            return earnings[self.quarter - 1].scores[number]
        return scores_of(self.stream, item, self.data[item.id], self._standards[item.id], self.quarter - 1,
                         len(self.due), late=True)  # fmt: skip

    def change(
        self, item: PaidIndicator, rows: Sequence[int], edits: Sequence[Sequence[Edit]], *, first: bool
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Fen by which everybody's earnings change when the payee of each row alone has these new cells.

        And in which rows anything changes that the payee's own earnings depend on. `first`: in the first year, when
        figures of earlier years are as they were. NaN in rows that only the engine can tell.
        """
        number = [own.id for own in self.stream.indicators].index(item.id)
        scores = self.base.scores[number]
        moved = np.zeros((len(rows), len(scores)))
        by_stratum: dict[int, list[int]] = {}
        for place, at in enumerate(rows):
            by_stratum.setdefault(int(self._stratum[at]), []).append(place)
        for stratum, places in by_stratum.items():
            new = [
                self._score(item, rows[place], self._history(item, rows[place], edits[place], first=first))
                for place in places
            ]
            own = _Stratum(self.stream, item, scores, self.strata[stratum], self._before[item.id])
            moved[places] = own.moved([rows[place] for place in places], new, moved.shape[1])
        more = self.weights[:, number] * moved
        counting = more * self.due != 0
        shared = self.bonus is not None or self.stream.unearned_to == "earners"
        changed = counting.any(axis=1) if shared else counting[np.arange(len(rows)), list(rows)]
        return self._earned(self.parts + more) - self._now, changed

    def _history(self, item: PaidIndicator, at: int, edits: Sequence[Edit], *, first: bool) -> History:
        """What is reported of the payee with its new cells."""
        history: History = dict(self.data[item.id].get(at, {}))
        for own in edits:
            quarter = self._quarters[own.row]
            if quarter not in history or (first and not own.first) or isinstance(own.figure, str):
                continue
            cell, figure = history[quarter], ratio(own.figure)
            if self.stream.score == "given":
                history[quarter] = cell._replace(score=figure)
            elif self.stream.data.value is not None:
                cases = cell.cases or ONE
                history[quarter] = cell._replace(numerator=(figure[0] * cases[0], figure[1] * cases[1]))
            else:
                history[quarter] = cell._replace(numerator=figure)
        return history

    def _score(self, item: PaidIndicator, at: int, history: History) -> Score:
        """The payee's score by the engine as if nobody else were there."""
        own = self._standards[item.id]
        known = {0: own.baselines[at]} if at in own.baselines else {}
        alone = Standard([own.thresholds[at]], [own.benchmarks[at]], known, [[0]])
        quarter, late = self.quarter, self.late
        number = [one.id for one in self.stream.indicators].index(item.id)
        if self.base.scores[number][at].way == "carried":
            # Of the last quarter of the year before, what is late counts as such.
            quarter = self.quarter - 1
            late = self.quarter % QUARTERS == 0 or carries(self.stream, quarter)
        return scores_of(self.stream, item, {0: history}, alone, quarter, 1, late=late)[0]

    def _earned(self, parts: Floats) -> Floats:
        """Fen of everybody for rows of parts, with bonus and what earners share."""
        whole = parts
        if self.bonus is not None:
            whole = self._with_bonus(parts)
        # Rounded down as the engine does, because earners share in proportion to whole fen.
        earned = np.floor(np.minimum(whole, 1.0) * self.due + 1e-6)
        if self.stream.unearned_to == "earners" and self.settled:
            total = earned.sum(axis=1, keepdims=True)
            left = self.potential.sum() - total
            earned = earned + np.where(total > 0, earned / np.where(total > 0, total, 1.0), 0.0) * left
        return np.asarray(earned)

    def _with_bonus(self, parts: Floats) -> Floats:
        counting = np.sort(parts[:, self.potential > 0], axis=1)
        size = counting.shape[1]
        if not size or self.bonus is None:
            return parts
        middle = counting[:, (size - 1) // 2] + counting[:, size // 2]
        raised = np.where(2 * parts >= middle[:, None] - 1e-11, parts * (1 + self.bonus), parts)
        before, after = (np.nan_to_num(own) @ self.potential for own in (parts, raised))
        ratio_of = np.divide(before, after, out=np.ones_like(before), where=after > 0)
        # With a score that nobody knows, nobody's bonus is known.
        ratio_of[np.isnan(counting).any(axis=1)] = np.nan
        return np.asarray(np.minimum(1.0, raised * ratio_of[:, None]))


class _Stratum:
    """Scores of one indicator among payees that learn from each other; `before`: of the quarter before."""

    def __init__(
        self, stream: Performance, item: PaidIndicator, scores: Sequence[Score], places: NDArray[np.int_],
        before: Sequence[Score],
    ) -> None:  # fmt: skip
        self.stream, self.item, self.scores, self.places, self._before = stream, item, scores, places, before
        self.kept = [int(at) for at in places if scores[at].way not in (*_NOBODY, *FILLED_IN)]
        self.few = [int(at) for at in places if scores[at].way == "stratum"]

    def moved(self, rows: Sequence[int], new: Sequence[Score], size: int) -> Floats:
        """By how much everybody's score changes, a row for each improved payee with its new score."""
        found, whole = np.zeros((2, len(rows), size))
        learns = self.stream.reliability == "empirical_bayes"
        for place, (at, score) in enumerate(zip(rows, new, strict=True)):
            own = self.scores[at]
            if own.way == "p25" or (own.way == "carried" and learns):
                found[place] = np.nan
            elif own.way not in (*_NOBODY, "no_baseline") and not learns:
                found[place, at] = _float(score.score) - _float(own.score)
                whole[place, at] = _ungapped(score) - _ungapped(own)
        if learns:
            self._learnt(whole, rows, new)
            found += whole * np.array([_float(own.known) for own in self.scores])
        if self.few and self.kept:
            known = np.array([_float(self.scores[at].known) for at in self.few])
            found[:, self.few] = whole[:, self.kept].sum(axis=1, keepdims=True) / len(self.kept) * known
        late = [int(at) for at in self.places if self.scores[at].way in FILLED_IN]
        low = [at for at in late if self.scores[at].way == "p25"]
        if low:
            found[:, low] = self._late(found, low)
        # What is carried over from a quarter in which it was learnt from others, only the engine tells.
        found[:, [at for at in late if learns or self._before[at].way == "stratum"]] = np.nan
        return found

    def _late(self, found: Floats, late: Sequence[int]) -> Floats:
        """Change of scores that are the lower of the last one and the 25th percentile of those who reported.

        NaN where the last one decides and was itself learnt from others: it then rises with the improved payee, too.
        """
        reported = [int(at) for at in self.places if self.scores[at].way not in (*FILLED_IN, "missing", "no_baseline",
                                                                                 "too_few")]  # fmt: skip
        now = np.array([_float(self.scores[at].score) for at in reported])
        low = np.quantile(now + found[:, reported], 0.25, axis=1, keepdims=True) if reported else 0.0
        last = np.array([_float(self._before[at].score) for at in late])
        learnt = np.array([self._before[at].way == "p25" or self.item.minimum_cases > 0 for at in late])
        changed = np.minimum(low, last) - np.array([_float(self.scores[at].score) for at in late])
        return np.where(learnt & (low > last), np.nan, changed)

    def _learnt(self, found: Floats, rows: Sequence[int], new: Sequence[Score]) -> None:
        """Everybody's figure is drawn to a mean, by a reliability, that the improved payee moves."""
        kept = np.array(self.kept, dtype=int)
        number = {at: place for place, at in enumerate(self.kept)}
        cases = np.array([_float(self.scores[at].cases) for at in self.kept])
        values = np.array([_float(self.scores[at].value) for at in self.kept])
        chosen = [
            (place, number[at], score)
            for place, (at, score) in enumerate(zip(rows, new, strict=True))
            if score.value is not None and at in number
        ]
        if not chosen:
            return
        before = self._scores(_drawn(values[None, :], cases), kept)
        now = np.repeat(values[None, :], len(chosen), axis=0)
        for line, (_, column, score) in enumerate(chosen):
            now[line, column] = _float(score.value)
        after = self._scores(_drawn(now, cases), kept)
        found[np.ix_(np.array([place for place, _, _ in chosen], dtype=int), kept)] = after - before

    def _scores(self, used: Floats, kept: NDArray[np.int_]) -> Floats:
        columns = [self.scores[at] for at in kept]
        turn = -1.0 if self.item.direction == "lower_is_better" else 1.0
        start, end, base = (
            np.array([np.nan if figure is None else _float(figure) for figure in column])
            for column in zip(*((own.threshold, own.benchmark, own.baseline) for own in columns), strict=True)
        )
        result = _way(used, start, end, turn)
        if self.stream.score == "best_of_achievement_and_improvement":
            better = np.where((end - base) * turn > 0, _way(used, base, end, turn), 0.0)
            result = np.fmax(result, float(self.stream.improvement_factor) * better)
        unknown = np.array([own.way == "no_baseline" for own in columns])
        return np.where(unknown, 0.0, np.nan_to_num(result))


def _way(used: Floats, start: Floats, end: Floats, turn: float) -> Floats:
    whole = (end - start) * turn
    safe = np.where(whole == 0, 1.0, whole)
    return np.where((end - used) * turn <= 0, 1.0, np.clip((used - start) * turn / safe, 0.0, 1.0))


def _drawn(values: Floats, cases: Floats) -> Floats:
    """Figures between own and mean, as reliable as they are, for rows of figures."""
    whole = cases.sum()
    mean = (values * cases).sum(axis=1, keepdims=True) / whole
    spread = (cases * (values - mean) ** 2).sum(axis=1, keepdims=True)
    effective = whole - (cases**2).sum() / whole
    between = np.zeros_like(mean)
    if cases.size > 1 and effective > 0:
        between = np.maximum(0.0, (spread - (cases.size - 1) * mean * (1 - mean)) / effective)
    noise = mean * (1 - mean) / cases
    total = between + noise
    share = np.divide(between, total, out=np.ones(np.broadcast_shapes(total.shape)), where=total > 0)
    return np.asarray(share * values + (1 - share) * mean)


def _float(own: Ratio | None) -> float:
    return 0.0 if own is None else own[0] / own[1]


def _ungapped(own: Score) -> float:
    """The score of the quarters that have a figure."""
    return _float(own.score) / _float(own.known) if own.known[0] else 0.0

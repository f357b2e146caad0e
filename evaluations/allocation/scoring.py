"""From figures of indicators to scores between 0 and 1, quarter by quarter, exactly.

A figure may be pooled over quarters, drawn to the mean of its stratum, set against threshold, benchmark and the payee's
own baseline. What is missing has no score here. Means and percentiles of scores are cut to twelve decimals, all else is
exact. Put here: figures and scores. Keep out: reading them (reported.py), money (performance.py).
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import gcd
from typing import NamedTuple

import numpy as np

from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.ratios import (
    ONE,
    QUANTUM,
    UNKNOWN,
    ZERO,
    Column,
    Mask,
    Ratio,
    Ratios,
    added,
    chosen,
    column,
    divided,
    less,
    quantised,
    ratio,
    times,
    whole_column,
)
from evaluations.allocation.reported import Figures, History
from evaluations.allocation.scores import FILLED_IN, Score, Scores, scores_with
from evaluations.allocation.snapshot import DataError

FINE, _CUT = 10**40, 10**28
"""Reliability is reckoned in these parts of one, and cut to twelve decimals."""
_UNKNOWN = ("missing", "no_baseline", "too_few")


class Standard(NamedTuple):
    """What figures of an indicator are set against, per payee: threshold, benchmark (None: nothing to learn them from).

    `baselines`: payee → own figure of the base year. `strata`: places that learn from each other.
    """

    thresholds: list[Ratio | None]
    benchmarks: list[Ratio | None]
    baselines: Mapping[int, Ratio]
    strata: Sequence[Sequence[int]]


def standard_of(
    item: PaidIndicator, baselines: Mapping[int, Decimal], strata: Sequence[Sequence[int]], size: int
) -> Standard:
    """Threshold and benchmark as stated, or percentiles of the baselines in each stratum, weakest first.

    Raises DataError where a benchmark is not better than its threshold: a score would jump from 0 to 1 there.
    """
    edges = [_edges(item, edge, baselines, strata, size) for edge in (item.threshold, item.benchmark)]
    turn = -1 if item.direction == "lower_is_better" else 1
    met = [
        start is not None and end is not None and (end[0] * start[1] - start[0] * end[1]) * turn <= 0
        for start, end in zip(*edges, strict=True)
    ]
    if any(met):
        raise DataError("allocate_edges_meet", indicator=item.id, count=sum(met))
    return Standard(edges[0], edges[1], {at: ratio(own) for at, own in baselines.items()}, strata)


def _edges(
    item: PaidIndicator, edge: str | Decimal | None, baselines: Mapping[int, Decimal],
    strata: Sequence[Sequence[int]], size: int,
) -> list[Ratio | None]:  # fmt: skip
    if not isinstance(edge, str):
        return [None if edge is None else ratio(edge)] * size
    learnt: list[Ratio | None] = [None] * size
    for places in strata:
        known = sorted((baselines[at] for at in places if at in baselines), reverse=item.direction == "lower_is_better")
        if known:
            found = quantile(known, Fraction(edge[1:]) / 100)
            for at in places:
                learnt[at] = (found.numerator, found.denominator)
    return learnt


def quantile(ordered: Sequence[Decimal] | Sequence[int], share: Fraction) -> Fraction:
    """The figure at a share of the way through ordered ones, on the straight line between neighbours."""
    place = share * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    start, end = Fraction(ordered[below]), Fraction(ordered[above])
    return start + (end - start) * (place - below)


def scores_of(
    stream: Performance, item: PaidIndicator, data: Mapping[int, History], standard: Standard, quarter: int, size: int,
    *, late: bool,
) -> Scores:  # fmt: skip
    """Score of every payee at the end of one quarter (Scorer.at)."""
    return Scorer(stream, item, data, standard, size).at(quarter, late=late)


class Scorer:
    """One indicator ready to be scored, quarter by quarter."""

    def __init__(
        self, stream: Performance, item: PaidIndicator, data: Mapping[int, History], standard: Standard, size: int
    ) -> None:
        """`data`: payee → what is reported of it; `size`: number of payees."""
        self._stream, self._item, self.figures = stream, item, Figures(data, size)
        self._strata = [np.array(places, dtype=np.intp) for places in standard.strata]
        self._threshold, self._benchmark = column(standard.thresholds), column(standard.benchmarks)
        self._baseline = column([standard.baselines.get(place) for place in range(size)])

    def with_histories(self, moved: Mapping[int, History]) -> "Scorer":
        """The same with other figures of some payees; `moved`: payee → the cells that differ."""
        found = copy(self)
        found.figures = self.figures.with_histories(moved)
        return found

    def at(self, quarter: int, *, late: bool) -> Scores:
        """Score of every payee at the end of a quarter; `missing` where nothing is reported.

        `late`: also where earlier quarters are reported but not this one, which is then filled in (late_filled).
        """
        scores = self._given(quarter, late=late) if self._stream.score == "given" else self._judged(quarter, late=late)
        if self._stream.figures != "quarter":
            return scores
        known = [self.figures.known(number).astype(object) for number in passed(self._stream, quarter)]
        return _with_gaps(scores, (np.sum(known, axis=0), whole_column([quarter % 4 + 1] * len(scores))))

    def _given(self, quarter: int, *, late: bool) -> Scores:
        """Scores as they stand, or the mean of those of the year so far."""
        size = self.figures.size
        whole: Ratios = (whole_column([0] * size), whole_column([1] * size))
        count = whole_column([0] * size)
        for number in passed(self._stream, quarter):
            own, known = self.figures.scores(number), self.figures.known(number)
            whole, count = chosen(known, added(whole, own), whole), count + known.astype(object)
        there = (count > 0) & (self.figures.known(quarter) | (not late))
        mean = chosen(there, divided(whole, (count, whole_column([1] * size))), UNKNOWN)
        way = np.where(there, "given", "missing").astype(object)
        return scores_with(way, score=chosen(there, mean, ZERO), value=mean)

    def _judged(self, quarter: int, *, late: bool) -> Scores:
        """Figures set against threshold, benchmark and own baseline; too few cases get the mean of their stratum."""
        (tops, cases), there = self._reported(quarter, late=late)
        few = there & (cases < self._item.minimum_cases * self.figures.unit)
        kept = there & ~few
        value = chosen(there, (tops, cases), UNKNOWN)
        used, reliability = chosen(kept, value, UNKNOWN), chosen(kept, UNKNOWN, UNKNOWN)
        if self._stream.reliability == "empirical_bayes":
            for places in self._strata:
                own = places[kept[places]]
                (used[0][own], used[1][own]), (reliability[0][own], reliability[1][own]) = reliable(
                    tops[own], cases[own], self.figures.unit
                )
        threshold, benchmark, baseline = (
            chosen(kept, own, UNKNOWN) for own in (self._threshold, self._benchmark, self._baseline)
        )
        # Learnt edges need an own baseline.
        learnt = isinstance(self._item.threshold, str) or isinstance(self._item.benchmark, str)
        judged = kept & (threshold[1] != 0) & (benchmark[1] != 0) & ((baseline[1] != 0) | (not learnt))
        found = _compared(_rule(self._stream, self._item), used, baseline, threshold, benchmark)
        improved = less(found.achievement, found.improvement)
        score = chosen(judged, chosen(improved, found.improvement, found.achievement), ZERO)
        way = np.where(judged, np.where(improved, "improvement", "achievement"), "no_baseline")
        way = np.where(kept, way, "missing").astype(object)
        for places in self._strata:
            alike, without = places[kept[places]], places[few[places]]
            if without.size:
                mean = quantised((score[0][alike], score[1][alike])).sum() // alike.size if alike.size else 0
                score[0][without], score[1][without] = mean, QUANTUM
                way[without] = "stratum" if alike.size else "too_few"
        return scores_with(
            way, score=score, value=value, cases=chosen(there, (cases, whole_column([self.figures.unit] * cases.size)),
            UNKNOWN), reliability=reliability, used=used, baseline=baseline, threshold=threshold, benchmark=benchmark,
            achievement=chosen(judged, found.achievement, UNKNOWN),
            improvement=chosen(judged, found.improvement, UNKNOWN),
        )  # fmt: skip

    def _reported(self, quarter: int, *, late: bool) -> tuple[tuple[Column, Column], Mask]:
        """Numerator and cases of the year so far, of the rolling quarters, or of more where cases are too few.

        And where anything is reported; `late`: for the quarter itself.
        """
        stream, least = self._stream, self._item.minimum_cases * self.figures.unit
        there, back = self.figures.known(quarter), stream.rolling_quarters
        if stream.figures == "quarter":
            back = len(passed(stream, quarter))
            if not late:
                there = np.logical_or.reduce([self.figures.known(number) for number in passed(stream, quarter)])
        tops, cases = self.figures.pooled(range(quarter - back + 1, quarter + 1))
        short = (cases < least) | (cases == 0)
        if stream.pool_quarters > back:
            more = self.figures.pooled(range(quarter - stream.pool_quarters + 1, quarter + 1))
            tops, cases = np.where(short, more[0], tops), np.where(short, more[1], cases)
        return (tops, cases), there & ((cases > 0) | (least > 0))


def passed(stream: Performance, quarter: int) -> range:
    """The quarters whose rows count at the end of one: of the year so far where rows are of single quarters."""
    return range(quarter - quarter % 4 if stream.figures == "quarter" else quarter, quarter + 1)


def _with_gaps(own: Scores, known: Ratios) -> Scores:
    """The scores of the quarters that have a figure, lowered by those that have none."""
    gaps = (known[0] != known[1]) & (own.way != "missing")
    kept = np.isin(own.way.astype(str), (*_UNKNOWN, "stratum"))
    return replace(
        own, score=chosen(gaps, times(own.score, known), own.score), way=np.where(gaps & ~kept, "gaps", own.way),
        known=chosen(gaps, known, own.known),
    )  # fmt: skip


def reliable(tops: Column, cases: Column, unit: int = 1) -> tuple[Ratios, Ratios]:
    """What counts of each figure and its reliability; `tops` over `cases`, which are above 0, both in `unit`ths.

    It lies between the figure itself and the mean of all, nearer to the mean the fewer its cases are.
    """
    common = gcd(unit, *tops, *cases)
    tops, cases, unit = tops // common, cases // common, unit // common
    top, whole = sum(tops), sum(cases)
    between, within = _variances(tops, cases, unit)
    total = between * cases + within
    share = np.where(total == 0, FINE, between * cases * FINE // np.where(total == 0, 1, total))
    # The mean, and of the distance to it as much as is reliable.
    used = share * (tops * whole - top * cases) + top * cases * FINE
    quantum = whole_column([QUANTUM] * cases.size)
    return (_nearest(used * QUANTUM, FINE * whole * cases), quantum), (_nearest(share, _CUT), quantum)


def _nearest(top: Column, bottom: Column | int) -> Column:
    """The nearest whole numbers, a half up."""
    return np.asarray((2 * top + bottom) // (2 * bottom))


def _variances(tops: Column, cases: Column, unit: int) -> tuple[int, int]:
    """How much true proportions differ, by the method of moments, and what one case alone would; both × 10⁴⁰.

    `tops`, `cases`: counts × `unit`; so is the second. The first is 0 of a single payee.
    """
    top, whole = sum(tops), sum(cases)
    if not whole:
        return 0, 0
    within = top * (whole - top) * FINE // (whole * whole)
    effective = whole * whole - sum(cases * cases)
    if len(cases) < 2 or effective <= 0:
        return 0, within * unit
    spread = sum(tops * tops * FINE // cases) - top * top * FINE // whole
    return max(0, (spread - (len(cases) - 1) * within * unit) * whole // effective), within * unit


class _Rule(NamedTuple):
    """`turn`: −1 where lower is better; `factor`: what counts of improvement, None where it does not count."""

    turn: int
    factor: Ratio | None


def _rule(stream: Performance, item: PaidIndicator) -> _Rule:
    better = stream.score == "best_of_achievement_and_improvement"
    turn = -1 if item.direction == "lower_is_better" else 1
    return _Rule(turn, ratio(stream.improvement_factor) if better else None)


def judged(stream: Performance, item: PaidIndicator, own: Scores, used: Ratios) -> Ratios:
    """What `used` in the place of payees' figures would score: the better of achievement and improvement."""
    found = _compared(_rule(stream, item), used, own.baseline, own.threshold, own.benchmark)
    better = chosen(less(found.achievement, found.improvement), found.improvement, found.achievement)
    return times(better, own.known)


class _Compared(NamedTuple):
    """Which part of the way to the benchmark is gone: from the threshold, and from the own baseline."""

    achievement: Ratios
    improvement: Ratios


def _compared(rule: _Rule, used: Ratios, baseline: Ratios, threshold: Ratios, benchmark: Ratios) -> _Compared:
    turn, factor = rule
    reached = _distance(used, benchmark, turn) <= 0
    achievement = chosen(reached, ONE, _way(used, threshold, benchmark, turn))
    if factor is None:
        return _Compared(achievement, chosen(reached, UNKNOWN, UNKNOWN))
    improvement = chosen(reached, factor, times(factor, _way(used, baseline, benchmark, turn)))
    improvement = chosen(_distance(baseline, benchmark, turn) > 0, improvement, ZERO)
    return _Compared(achievement, chosen(baseline[1] != 0, improvement, UNKNOWN))


def _distance(start: Ratios, end: Ratios, turn: int) -> Column:
    """From start to end in the good direction, times both bottoms: its sign."""
    return np.asarray((end[0] * start[1] - start[0] * end[1]) * turn)


def _way(figure: Ratios, start: Ratios, end: Ratios, turn: int) -> Ratios:
    """Which part of the way from start to end, which is not reached, is gone."""
    gone, whole = _distance(start, figure, turn), _distance(start, end, turn)
    return chosen(gone > 0, (gone * end[1], figure[1] * whole), ZERO)


def late_filled(scores: Scores, before: Scores | None, strata: Sequence[Sequence[int]]) -> Scores:
    """For advances: a missing score is that of the quarter before, once, then the stratum's p25 if that is lower."""
    missing = scores.way == "missing"
    if before is None or not missing.any():
        return scores
    filled: dict[int, Score] = {}
    known = ~np.isin(scores.way.astype(str), _UNKNOWN)
    for own in strata:
        places = np.array(own, dtype=np.intp)
        reported = places[known[places]]
        ordered = sorted(quantised((scores.score[0][reported], scores.score[1][reported])))
        low = int(quantile(ordered, Fraction(1, 4))) if ordered else 0
        for place in places[missing[places]]:
            last: Score = before[place]
            if last.way in FILLED_IN:
                filled[place] = Score((min(low, quantised(last.score)), QUANTUM), "p25")
            elif last.way not in _UNKNOWN:
                filled[place] = last._replace(way="carried")
    return scores.with_rows(filled)

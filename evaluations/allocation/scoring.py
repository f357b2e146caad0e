"""From figures of indicators to scores between 0 and 1, quarter by quarter, exactly.

A figure may be pooled over quarters, drawn to the mean of its stratum, set against threshold, benchmark and the payee's
own baseline. What is missing has no score here. Means and percentiles of scores are cut to twelve decimals, all else is
exact. Put here: figures and scores. Keep out: reading them (reported.py), money (performance.py).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import NamedTuple

from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.ratios import ONE, QUANTUM, ZERO, Ratio, added, divided, less, quantised, ratio, times
from evaluations.allocation.reported import History

FINE, _CUT = 10**40, 10**28
"""Reliability is reckoned in these parts of one, and cut to twelve decimals."""
_UNKNOWN = ("missing", "no_baseline")


class Score(NamedTuple):
    """How a payee did in an indicator.

    `way`: achievement, improvement, given, stratum (too few cases), carried or p25 (late, for advances only), missing,
    no_baseline. The last two have score 0. `value`: the figure; `used`: after reliability.
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


MISSING = Score(ZERO, "missing")


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
    """Threshold and benchmark as stated, or percentiles of the baselines in each stratum, weakest first."""
    edges = [_edges(item, edge, baselines, strata, size) for edge in (item.threshold, item.benchmark)]
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
    stream: Performance, item: PaidIndicator, data: Mapping[int, History], standard: Standard, quarter: int, size: int
) -> list[Score]:
    """Score of every payee in one quarter from what is reported for it; MISSING where nothing is."""
    if stream.score == "given":
        found = [data[at].get(quarter) if at in data else None for at in range(size)]
        return [
            MISSING if cell is None or cell.score is None else Score(cell.score, "given", cell.score) for cell in found
        ]
    figures = [figure_of(stream, item, data[at], quarter) if at in data else None for at in range(size)]
    least = item.minimum_cases
    few = [own is not None and own[1][0] < least * own[1][1] for own in figures]
    rule = _rule(stream, item)
    # Learnt edges need an own baseline.
    learnt = isinstance(item.threshold, str) or isinstance(item.benchmark, str)
    scores: list[Score] = [MISSING] * size
    for places in standard.strata:
        kept = [(at, own) for at in places if (own := figures[at]) is not None and not few[at]]
        counting: Sequence[tuple[Ratio, Ratio | None]] = [(divided(*own), None) for _, own in kept]
        if stream.reliability == "empirical_bayes":
            counting = reliable([own for _, own in kept])
        for (at, own), (used, reliability) in zip(kept, counting, strict=False):
            baseline = standard.baselines.get(at)
            threshold, benchmark = standard.thresholds[at], standard.benchmarks[at]
            value, cases = divided(*own), own[1]
            if threshold is None or benchmark is None or (learnt and baseline is None):
                known = (value, cases, reliability, used, baseline, threshold, benchmark)
                scores[at] = Score(ZERO, "no_baseline", *known)
            else:
                scores[at] = _scored(rule, value, cases, reliability, used, baseline, threshold, benchmark)
        mean = _mean([scores[at].score for at, _ in kept])
        for at in places:
            own_few = figures[at]
            if few[at] and own_few is not None:
                scores[at] = Score(mean, "stratum", divided(*own_few) if own_few[1][0] else None, own_few[1])
    return scores


def _mean(scores: Sequence[Ratio]) -> Ratio:
    return (sum(map(quantised, scores)) // len(scores), QUANTUM) if scores else ZERO


def figure_of(stream: Performance, item: PaidIndicator, history: History, quarter: int) -> tuple[Ratio, Ratio] | None:
    """Numerator and cases of the quarter, of the rolling quarters, or of more where cases are too few."""
    cell = history.get(quarter)
    if cell is None or cell.numerator is None or cell.cases is None:
        return None
    rolling = (cell.numerator, cell.cases)
    if stream.rolling_quarters > 1:
        rolling = _pooled(history, quarter, stream.rolling_quarters)
    if rolling[1][0] < item.minimum_cases * rolling[1][1] or not rolling[1][0]:
        rolling = _pooled(history, quarter, max(stream.pool_quarters, stream.rolling_quarters))
    return rolling if rolling[1][0] or item.minimum_cases else None


def _pooled(history: History, quarter: int, quarters: int) -> tuple[Ratio, Ratio]:
    numerator, cases = ZERO, ZERO
    for number in range(quarter - quarters + 1, quarter + 1):
        cell = history.get(number)
        if cell is not None and cell.numerator is not None and cell.cases is not None:
            numerator, cases = added(numerator, cell.numerator), added(cases, cell.cases)
    return numerator, cases


def reliable(figures: Sequence[tuple[Ratio, Ratio]]) -> list[tuple[Ratio, Ratio]]:
    """What counts of each figure (numerator, cases) and its reliability; nothing where there are no cases at all.

    It lies between the figure itself and the mean of all, nearer to the mean the fewer its cases are.
    """
    unit = lcm(*(own[1] for figure in figures for own in figure))
    tops = [top * (unit // bottom) for (top, bottom), _ in figures]
    cases = [own * (unit // bottom) for _, (own, bottom) in figures]
    top, whole = sum(tops), sum(cases)
    if not whole:
        return []
    between, within = _variances(tops, cases, unit)
    found: list[tuple[Ratio, Ratio]] = []
    for numerator, own in zip(tops, cases, strict=True):
        total = between * own + within
        share = between * own * FINE // total if total else FINE
        # The mean, and of the distance to it as much as is reliable.
        used = share * (numerator * whole - top * own) + top * own * FINE
        found.append(((_nearest(used * QUANTUM, FINE * own * whole), QUANTUM), (_nearest(share, _CUT), QUANTUM)))
    return found


def _nearest(top: int, bottom: int) -> int:
    """The nearest whole number, a half up."""
    return (2 * top + bottom) // (2 * bottom)


def _variances(tops: Sequence[int], cases: Sequence[int], unit: int) -> tuple[int, int]:
    """How much true proportions differ, by the method of moments, and what one case alone would; both × 10⁴⁰.

    `tops`, `cases`: counts × `unit`; so is the second. The first is 0 of a single payee.
    """
    top, whole = sum(tops), sum(cases)
    within = top * (whole - top) * FINE // (whole * whole)
    effective = whole * whole - sum([own * own for own in cases])
    if len(cases) < 2 or effective <= 0:
        return 0, within * unit
    squares = sum([numerator * numerator * FINE // own for numerator, own in zip(tops, cases, strict=True)])
    spread = squares - top * top * FINE // whole
    return max(0, (spread - (len(cases) - 1) * within * unit) * whole // effective), within * unit


class _Rule(NamedTuple):
    """`turn`: −1 where lower is better; `factor`: what counts of improvement, None where it does not count."""

    turn: int
    factor: Ratio | None


def _rule(stream: Performance, item: PaidIndicator) -> _Rule:
    better = stream.score == "best_of_achievement_and_improvement"
    turn = -1 if item.direction == "lower_is_better" else 1
    return _Rule(turn, _factor(stream.improvement_factor) if better else None)


@lru_cache(maxsize=64)
def _factor(share: Decimal) -> Ratio:
    return ratio(share)


def judged(stream: Performance, item: PaidIndicator, own: Score, used: Ratio) -> Score:
    """What `used` in the place of the payee's figure would score: the better of achievement and improvement."""
    return _scored(
        _rule(stream, item), own.value, own.cases, own.reliability, used, own.baseline, own.threshold or ZERO,
        own.benchmark or ZERO,
    )  # fmt: skip


def _scored(
    rule: _Rule, value: Ratio | None, cases: Ratio | None, reliability: Ratio | None, used: Ratio,
    baseline: Ratio | None, threshold: Ratio, benchmark: Ratio,
) -> Score:  # fmt: skip
    """Which part of the way to the benchmark is gone, from the threshold and from the own baseline."""
    turn, factor = rule
    reached = (benchmark[0] * used[1] - used[0] * benchmark[1]) * turn <= 0
    achievement, improvement = ONE if reached else _way(used, threshold, benchmark, turn), None
    if factor is not None and baseline is not None:
        improvement = ZERO
        if (benchmark[0] * baseline[1] - baseline[0] * benchmark[1]) * turn > 0:
            improvement = factor if reached else times(factor, _way(used, baseline, benchmark, turn))
        if less(achievement, improvement):
            return Score(improvement, "improvement", value, cases, reliability, used, baseline, threshold, benchmark,
                         achievement, improvement)  # fmt: skip
    return Score(achievement, "achievement", value, cases, reliability, used, baseline, threshold, benchmark,
                 achievement, improvement)  # fmt: skip


def _way(figure: Ratio, start: Ratio, end: Ratio, turn: int) -> Ratio:
    """Which part of the way from start to end, which is not reached, is gone."""
    gone = (figure[0] * start[1] - start[0] * figure[1]) * turn
    if gone <= 0:
        return ZERO
    whole = (end[0] * start[1] - start[0] * end[1]) * turn
    return gone * end[1], figure[1] * whole


def late_filled(
    scores: Sequence[Score], before: Sequence[Score] | None, strata: Sequence[Sequence[int]]
) -> list[Score]:
    """For advances: a missing score is that of the quarter before, once, then the stratum's p25 if that is lower."""
    found = list(scores)
    for places in strata:
        late = [at for at in places if scores[at].way == "missing"]
        if before is None or not late:
            continue
        known = sorted(quantised(scores[at].score) for at in places if scores[at].way not in _UNKNOWN)
        low = int(quantile(known, Fraction(1, 4))) if known else 0
        for at in late:
            last = before[at]
            if last.way in (*_UNKNOWN, "carried", "p25"):
                found[at] = Score((min(low, quantised(last.score)), QUANTUM), "p25")
            else:
                found[at] = last._replace(way="carried")
    return found

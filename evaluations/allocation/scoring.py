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
from evaluations.allocation.snapshot import DataError

FINE, _CUT = 10**40, 10**28
"""Reliability is reckoned in these parts of one, and cut to twelve decimals."""
_UNKNOWN = ("missing", "no_baseline", "too_few")


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
) -> list[Score]:  # fmt: skip
    """Score of every payee at the end of a quarter; MISSING where nothing is reported.

    `late`: also where earlier quarters are reported but not this one, which is then filled in (late_filled).
    """
    if stream.score == "given":
        return [given_of(stream, data.get(at, {}), quarter, late=late) for at in range(size)]
    figures = [figure_of(stream, item, data[at], quarter, late=late) if at in data else None for at in range(size)]
    least = item.minimum_cases
    few = [own is not None and own[1][0] < least * own[1][1] for own in figures]
    rule = _rule(stream, item)
    # Learnt edges need an own baseline.
    learnt = isinstance(item.threshold, str) or isinstance(item.benchmark, str)
    scores: list[Score] = [MISSING] * size
    for places in standard.strata:
        kept = [(at, own) for at in places if (own := figures[at]) is not None and not few[at]]
        values = [divided(*own) for _, own in kept]
        counting: Sequence[tuple[Ratio, Ratio | None]] = [(value, None) for value in values]
        if stream.reliability == "empirical_bayes":
            counting = reliable([own for _, own in kept])
        for (at, (_, cases)), value, (used, reliability) in zip(kept, values, counting, strict=False):
            baseline = standard.baselines.get(at)
            threshold, benchmark = standard.thresholds[at], standard.benchmarks[at]
            if threshold is None or benchmark is None or (learnt and baseline is None):
                known = (value, cases, reliability, used, baseline, threshold, benchmark)
                scores[at] = Score(ZERO, "no_baseline", *known)
            else:
                scores[at] = _scored(rule, value, cases, reliability, used, baseline, threshold, benchmark)
        mean, way = _mean([scores[at].score for at, _ in kept]), "stratum" if kept else "too_few"
        for at in places:
            own_few = figures[at]
            if few[at] and own_few is not None:
                scores[at] = Score(mean, way, divided(*own_few) if own_few[1][0] else None, own_few[1])
    if stream.figures == "quarter":
        scores = [
            own if own is MISSING else with_gaps(own, known_of(data[at], quarter)) for at, own in enumerate(scores)
        ]
    return scores


def given_of(stream: Performance, history: History, quarter: int, *, late: bool) -> Score:
    """The score as it stands, or the mean of those of the year so far; MISSING as in scores_of."""
    known = [own for number in passed(stream, quarter) if (own := _score_in(history, number)) is not None]
    if not known or (late and _score_in(history, quarter) is None):
        return MISSING
    mean = divided(_sum(known), (len(known), 1))
    score = Score(mean, "given", mean)
    return with_gaps(score, known_of(history, quarter)) if stream.figures == "quarter" else score


def _score_in(history: History, quarter: int) -> Ratio | None:
    cell = history.get(quarter)
    return None if cell is None else cell.score


def _sum(figures: Sequence[Ratio]) -> Ratio:
    whole = ZERO
    for own in figures:
        whole = added(whole, own)
    return whole


def passed(stream: Performance, quarter: int) -> range:
    """The quarters whose rows count at the end of one: of the year so far where rows are of single quarters."""
    return range(quarter - quarter % 4 if stream.figures == "quarter" else quarter, quarter + 1)


def known_of(history: History, quarter: int) -> Ratio:
    """Which part of the quarters of the year so far has a figure."""
    first = quarter - quarter % 4
    return (sum(number in history and history[number].known for number in range(first, quarter + 1)), quarter % 4 + 1)


def with_gaps(own: Score, known: Ratio) -> Score:
    """The score of the quarters that have a figure, lowered by those that have none."""
    if known[0] == known[1]:
        return own
    way = own.way if own.way in (*_UNKNOWN, "stratum") else "gaps"
    return own._replace(score=times(own.score, known), way=way, known=known)


def _mean(scores: Sequence[Ratio]) -> Ratio:
    return (sum(map(quantised, scores)) // len(scores), QUANTUM) if scores else ZERO


def figure_of(
    stream: Performance, item: PaidIndicator, history: History, quarter: int, *, late: bool
) -> tuple[Ratio, Ratio] | None:
    """Numerator and cases of the year so far, of the rolling quarters, or of more where cases are too few.

    None where nothing is reported; `late`: where nothing is for the quarter itself.
    """
    own = [number for number in passed(stream, quarter) if number in history and history[number].known]
    if not own or ((late or stream.figures != "quarter") and own[-1] != quarter):
        return None
    back = len(passed(stream, quarter)) if stream.figures == "quarter" else stream.rolling_quarters
    rolling = _pooled(history, quarter, back)
    if rolling[1][0] < item.minimum_cases * rolling[1][1] or not rolling[1][0]:
        rolling = _pooled(history, quarter, max(stream.pool_quarters, back))
    return rolling if rolling[1][0] or item.minimum_cases else None


def _pooled(history: History, quarter: int, quarters: int) -> tuple[Ratio, Ratio]:
    (top, over), (cases, under) = ZERO, ZERO
    for number in range(quarter - quarters + 1, quarter + 1):
        cell = history.get(number)
        if cell is None or cell.numerator is None or cell.cases is None:
            continue
        (more_top, more_over), (more_cases, more_under) = cell.numerator, cell.cases
        if more_over == over and more_under == under:
            # Counts are whole, as a rule.
            top, cases = top + more_top, cases + more_cases
        else:
            top, over = added((top, over), cell.numerator)
            cases, under = added((cases, under), cell.cases)
    return (top, over), (cases, under)


def reliable(figures: Sequence[tuple[Ratio, Ratio]]) -> list[tuple[Ratio, Ratio]]:
    """What counts of each figure (numerator, cases) and its reliability; nothing where there are no cases at all.

    It lies between the figure itself and the mean of all, nearer to the mean the fewer its cases are.
    """
    unit = lcm(*{bottom for figure in figures for _, bottom in figure})
    tops = [top * (unit // bottom) for (top, bottom), _ in figures]
    cases = [own * (unit // bottom) for _, (own, bottom) in figures]
    top, whole = sum(tops), sum(cases)
    if not whole:
        return []
    between, within = _variances(tops, cases, unit)
    found: list[tuple[Ratio, Ratio]] = []
    fine_whole = FINE * whole
    for numerator, own in zip(tops, cases, strict=True):
        reliable_part = between * own
        total = reliable_part + within
        share = reliable_part * FINE // total if total else FINE
        # The mean, and of the distance to it as much as is reliable.
        used = share * (numerator * whole - top * own) + top * own * FINE
        found.append(((_nearest(used * QUANTUM, fine_whole * own), QUANTUM), (_nearest(share, _CUT), QUANTUM)))
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
    found = _scored(
        _rule(stream, item), own.value, own.cases, own.reliability, used, own.baseline, own.threshold or ZERO,
        own.benchmark or ZERO,
    )  # fmt: skip
    return with_gaps(found, own.known)


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
            if last.way in _UNKNOWN:
                continue
            if last.way in ("carried", "p25"):
                found[at] = Score((min(low, quantised(last.score)), QUANTUM), "p25")
            else:
                found[at] = last._replace(way="carried")
    return found

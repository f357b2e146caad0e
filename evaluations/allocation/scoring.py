"""From figures of indicators to scores between 0 and 1, quarter by quarter, exactly.

A figure may be pooled over quarters, drawn to the mean of its stratum, set against threshold, benchmark and the payee's
own baseline. What is missing has no score here. Means and percentiles of scores are cut to twelve decimals, all else is
exact. Put here: figures and scores. Keep out: reading them (reported.py), money (performance.py).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.ratios import ONE, QUANTUM, ZERO, Ratio, added, divided, less, quantised, ratio, times
from evaluations.allocation.reported import History

_PRECISION, _QUANTUM = 40, Decimal("1e-12")
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
            found = quantile([Fraction(own) for own in known], Fraction(edge[1:]) / 100)
            for at in places:
                learnt[at] = (found.numerator, found.denominator)
    return learnt


def quantile(ordered: Sequence[Fraction], share: Fraction) -> Fraction:
    """The figure at a share of the way through ordered ones, on the straight line between neighbours."""
    place = share * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def scores_of(
    stream: Performance, item: PaidIndicator, data: Mapping[int, History], standard: Standard, quarter: int, size: int
) -> list[Score]:
    """Score of every payee in one quarter from what is reported for it; MISSING where nothing is."""
    if stream.score == "given":
        found = [data[at].get(quarter) if at in data else None for at in range(size)]
        return [
            MISSING if cell is None or cell.score is None else Score(cell.score, "given", cell.score) for cell in found
        ]
    figures = [_figure(stream, item, data[at], quarter) if at in data else None for at in range(size)]
    few = [own is not None and own[1][0] < item.minimum_cases * own[1][1] for own in figures]
    learnt = isinstance(item.threshold, str) or isinstance(item.benchmark, str)
    scores: list[Score] = [MISSING] * size
    for places in standard.strata:
        kept = {at: own for at in places if (own := figures[at]) is not None and not few[at]}
        for at, (used, reliability) in _reliable(stream, kept).items():
            value, cases = divided(*kept[at]), kept[at][1]
            scores[at] = _scored(stream, item, standard, at, (value, cases, reliability, used), learnt)
        mean = _mean([scores[at].score for at in kept])
        for at in places:
            own = figures[at]
            if few[at] and own is not None:
                scores[at] = Score(mean, "stratum", divided(*own) if own[1][0] else None, own[1])
    return scores


def _mean(scores: Sequence[Ratio]) -> Ratio:
    return (sum(map(quantised, scores)) // len(scores), QUANTUM) if scores else ZERO


def _figure(stream: Performance, item: PaidIndicator, history: History, quarter: int) -> tuple[Ratio, Ratio] | None:
    """Numerator and cases of the quarter, of the rolling quarters, or of more where cases are too few."""
    cell = history.get(quarter)
    if cell is None or cell.numerator is None or cell.cases is None:
        return None
    rolling = _pooled(history, quarter, stream.rolling_quarters)
    if rolling[1][0] < item.minimum_cases * rolling[1][1] or not rolling[1][0]:
        rolling = _pooled(history, quarter, max(stream.pool_quarters, stream.rolling_quarters))
    return rolling if rolling[1][0] or item.minimum_cases else None


def _pooled(history: History, quarter: int, quarters: int) -> tuple[Ratio, Ratio]:
    if quarters == 1:
        own = history[quarter]
        return own.numerator or ZERO, own.cases or ZERO
    numerator, cases = ZERO, ZERO
    for number in range(quarter - quarters + 1, quarter + 1):
        cell = history.get(number)
        if cell is not None and cell.numerator is not None and cell.cases is not None:
            numerator, cases = added(numerator, cell.numerator), added(cases, cell.cases)
    return numerator, cases


def _reliable(stream: Performance, figures: Mapping[int, tuple[Ratio, Ratio]]) -> dict[int, tuple[Ratio, Ratio | None]]:
    """The figure that counts and its reliability: between its own and the mean of the stratum."""
    if stream.reliability == "none":
        return {at: (divided(*own), None) for at, own in figures.items()}
    with localcontext() as context:
        context.prec = _PRECISION
        counts = {at: (Decimal(top[0]) / top[1], Decimal(own[0]) / own[1]) for at, (top, own) in figures.items()}
        whole = sum((cases for _, cases in counts.values()), Decimal(0))
        if not whole:
            return {}
        mean = sum((numerator for numerator, _ in counts.values()), Decimal(0)) / whole
        between = _variance_between(list(counts.values()), whole, mean)
        found: dict[int, tuple[Ratio, Ratio | None]] = {}
        for at, (numerator, cases) in counts.items():
            noise = mean * (1 - mean) / cases
            share = between / (between + noise) if between + noise else Decimal(1)
            used = share * (numerator / cases) + (1 - share) * mean
            found[at] = (_cut(used), _cut(share))
        return found


def _cut(figure: Decimal) -> Ratio:
    return int(figure.quantize(_QUANTUM).scaleb(12)), QUANTUM


def _variance_between(counts: Sequence[tuple[Decimal, Decimal]], whole: Decimal, mean: Decimal) -> Decimal:
    """How much true proportions differ, by the method of moments; 0 of a single payee."""
    spread = sum((cases * (numerator / cases - mean) ** 2 for numerator, cases in counts), Decimal(0))
    effective = whole - sum((cases * cases for _, cases in counts), Decimal(0)) / whole
    if len(counts) < 2 or effective <= 0:
        return Decimal(0)
    return max(Decimal(0), (spread - (len(counts) - 1) * mean * (1 - mean)) / effective)


def _scored(
    stream: Performance, item: PaidIndicator, standard: Standard, at: int,
    figure: tuple[Ratio, Ratio, Ratio | None, Ratio], learnt: bool,
) -> Score:  # fmt: skip
    """A figure against its standard. Learnt edges need an own baseline."""
    baseline, threshold, benchmark = standard.baselines.get(at), standard.thresholds[at], standard.benchmarks[at]
    known = Score(ZERO, "no_baseline", *figure, baseline, threshold, benchmark)
    if threshold is None or benchmark is None or (learnt and baseline is None):
        return known
    return judged(stream, item, known, figure[3])


def judged(stream: Performance, item: PaidIndicator, own: Score, used: Ratio) -> Score:
    """What `used` in the place of the payee's figure would score: the better of achievement and improvement."""
    baseline, threshold, benchmark = own.baseline, own.threshold or ZERO, own.benchmark or ZERO
    turn = -1 if item.direction == "lower_is_better" else 1
    achievement, improvement = _way(used, threshold, benchmark, turn), None
    if stream.score == "best_of_achievement_and_improvement" and baseline is not None:
        improvement = ZERO
        if (benchmark[0] * baseline[1] - baseline[0] * benchmark[1]) * turn > 0:
            improvement = times(ratio(stream.improvement_factor), _way(used, baseline, benchmark, turn))
    better = improvement is not None and less(achievement, improvement)
    return Score(
        improvement if better and improvement is not None else achievement, "improvement" if better else "achievement",
        own.value, own.cases, own.reliability, used, baseline, own.threshold, own.benchmark, achievement, improvement,
    )  # fmt: skip


def _way(figure: Ratio, start: Ratio, end: Ratio, turn: int) -> Ratio:
    """Which part of the way from start to end is gone, from 0 to 1; all or nothing where there is no way."""
    if (end[0] * figure[1] - figure[0] * end[1]) * turn <= 0:
        return ONE
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
        known = sorted(Fraction(quantised(scores[at].score)) for at in places if scores[at].way not in _UNKNOWN)
        low = int(quantile(known, Fraction(1, 4))) if known else 0
        for at in late:
            last = before[at]
            if last.way in (*_UNKNOWN, "carried", "p25"):
                found[at] = Score((min(low, quantised(last.score)), QUANTUM), "p25")
            else:
                found[at] = last._replace(way="carried")
    return found

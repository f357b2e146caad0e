"""Which part of potential money is earned, quarter by quarter.

Put here: potential money of registered persons, scores weighed by indicator, the equity bonus. Keep out: scores
themselves (scoring.py), lines and tables (performance.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.exact import integer_weights
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.ratios import QUANTUM, ZERO, Column, Ratios, chosen, quantised, whole_column
from evaluations.allocation.reported import WHOLE_YEAR, Figures, baselines_of, read_data, strata_of
from evaluations.allocation.scores import Scores
from evaluations.allocation.scoring import Scorer, late_filled, standard_of
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import DataError, Snapshot, quarter_name, quarter_number
from evaluations.rounding import largest_remainder

QUARTERS = 4


@dataclass(frozen=True)
class Potential:
    """Potential money in fen, linear in registered persons; `weights`: per payee what each indicator counts in it."""

    fen: list[int]
    weights: list[list[int]]


@dataclass(frozen=True)
class Earning:
    """What one quarter's scores earn: `scores` by indicator and payee.

    `parts`: per payee the exact part of its potential that scores earn. `bonus`: per payee what the equity bonus and
    its financing add to that part, × 10¹².
    """

    scores: list[Scores]
    parts: Ratios
    bonus: list[int]

    def earned(self, potential: Sequence[int]) -> list[int]:
        """Fen of so much potential money of each payee, rounded down, never more than it."""
        tops, bottoms = self.parts
        money, bonus = whole_column(potential), whole_column(self.bonus)
        exact = money * (tops * QUANTUM + bonus * bottoms) // (bottoms * QUANTUM)
        return list(map(min, potential, exact.tolist()))


def potential_of(stream: Performance, snapshot: Snapshot, pool: int) -> Potential:
    """Potential money of every payee. Raises Infeasible where nobody is registered."""
    place = f"streams.{stream.id}"
    common = snapshot.figures(stream.registered, f"{place}.registered")
    worth = integer_weights([Fraction(item.weight) * Fraction(item.relative_value) for item in stream.indicators])
    columns = []
    for item in stream.indicators:
        registered = common
        if item.registered is not None:
            registered = snapshot.figures(item.registered, f"{place}.indicators.{item.id}.registered")
        columns.append(registered)
    # Persons on one whole scale for all indicators.
    digits = max((-int(own.as_tuple().exponent) for column in columns for own in column), default=0)
    whole_persons = [[int(own.scaleb(max(digits, 0))) for own in column] for column in columns]
    weights = [
        [rate * persons for rate, persons in zip(worth, own, strict=True)] for own in zip(*whole_persons, strict=True)
    ]
    whole = [sum(own) for own in weights]
    if pool and not any(whole):
        raise Infeasible(Conflict(("no_weights",), stream.id, pool, 0))
    return Potential(largest_remainder(whole, pool, snapshot.ids), weights)


def earnings_of(stream: Performance, setting: Setting, potential: Potential) -> dict[int, Earning]:
    """Quarter of the year → what its scores earn. In the last quarter, what is missing earns nothing.

    Raises DataError where no row is of the year, or where it is not clear which quarter is to be paid.
    """
    snapshot, data = setting.snapshot, read_data(stream, setting.snapshot)
    strata, size = strata_of(stream, snapshot), len(snapshot.ids)
    scorers = []
    for item in stream.indicators:
        standard = standard_of(item, baselines_of(data[item.id], item.id), strata, size)
        scorers.append(Scorer(stream, item, data[item.id], standard, size))
    quarters = quarters_of(stream, setting.spec.year, [scorer.figures for scorer in scorers])
    by_quarter: dict[int, list[Scores]] = {quarter: [] for quarter in quarters}
    for scorer in scorers:
        before = None
        if quarters[0] - 1 in scorer.figures.quarters:
            before = scorer.at(quarters[0] - 1, late=True)
        for quarter in quarters:
            late = carries(stream, quarter)
            scores = scorer.at(quarter, late=late)
            before = late_filled(scores, before, strata) if late else scores
            by_quarter[quarter].append(before)
    bonus = bonus_shares(stream, snapshot)
    return {quarter: _earning(scores, potential, bonus) for quarter, scores in by_quarter.items()}


def quarters_of(stream: Performance, year: int, reported: Sequence[Figures]) -> list[int]:
    """The quarters of the year up to the one that is paid; that one alone where nothing is paid within the year."""
    if stream.data.quarter is None:
        return [WHOLE_YEAR]
    last = _stated(stream, year) or _last_reported(stream, year, reported)
    return list(range(year * QUARTERS, last + 1)) if stream.quarterly is not None else [last]


def _stated(stream: Performance, year: int) -> int | None:
    if stream.through is None:
        return None
    number = quarter_number(stream.through)
    if number is None or number // QUARTERS != year:
        raise DataError("allocate_through_other_year", stream=stream.id, through=stream.through, year=year)
    return number


def _last_reported(stream: Performance, year: int, reported: Sequence[Figures]) -> int:
    """The last quarter of the year in which a figure stands; blank rows made beforehand say nothing.

    Raises DataError where most of the payees that have reported in the year have not for that quarter: the last quarter
    settles the year, and those without a figure would get nothing because somebody else was early.
    """
    of_year = range(year * QUARTERS, (year + 1) * QUARTERS)
    who = {quarter: np.logical_or.reduce([own.known(quarter) for own in reported]) for quarter in of_year}
    words = {"table": stream.data.table, "column": stream.data.quarter, "year": year}
    with_figures = [quarter for quarter in of_year if who[quarter].any()]
    if not with_figures:
        raise DataError("allocate_no_quarter", **words)
    last = with_figures[-1]
    count, everybody = int(who[last].sum()), int(np.logical_or.reduce(list(who.values())).sum())
    if 2 * count < everybody:
        raise DataError("allocate_quarter_unclear", **words, stream=stream.id, quarter=quarter_name(last), count=count,
                        whole=everybody)  # fmt: skip
    return last


def carries(stream: Performance, quarter: int) -> bool:
    """Whether late figures are filled in: for advances, never for the settlement."""
    if stream.quarterly is None or stream.quarterly.late == "earns_nothing":
        return False
    return quarter != WHOLE_YEAR and quarter % QUARTERS != QUARTERS - 1


def bonus_shares(stream: Performance, snapshot: Snapshot) -> list[int] | None:
    """What the bonus adds to a score of 1, × 10¹²."""
    if stream.equity is None:
        return None
    found = snapshot.figures(stream.equity.share, f"streams.{stream.id}.equity.share", high=1)
    return [int(own * stream.equity.strength * QUANTUM) for own in found]


def _earning(scores: list[Scores], potential: Potential, bonus: Sequence[int] | None) -> Earning:
    parts = parts_of(potential.weights, [own.score for own in scores])
    if bonus is None:
        return Earning(scores, parts, [0] * len(potential.fen))
    return Earning(scores, parts, bonus_of(quantised(parts).tolist(), potential.fen, bonus))


def parts_of(weights: Sequence[Sequence[int]], scores: Sequence[Ratios]) -> Ratios:
    """Scores weighed, payee by payee; 0 where nothing counts. `weights`: payees × indicators, `scores` by indicator."""
    columns, size = [whole_column(own) for own in zip(*weights, strict=True)], len(weights)
    whole: Column = np.sum(columns, axis=0)
    found: Ratios = (whole_column([0] * size), whole_column([1] * size))
    for weight, (top, bottom) in zip(columns, scores, strict=True):
        apart = (found[0] * bottom + weight * top * found[1], found[1] * bottom)
        found = chosen(found[1] == bottom, (found[0] + weight * top, bottom), apart)
    return chosen(whole != 0, (found[0], found[1] * whole), ZERO)


def bonus_of(parts: Sequence[int], money: Sequence[int], bonus: Sequence[int]) -> list[int]:
    """What the part of each payee changes by: more for good work among the disadvantaged, lowered to cost nothing.

    Good work: at least the median. All × 10¹², rounded down.
    """
    counting = sorted(own for own, fen in zip(parts, money, strict=True) if fen)
    if not counting:
        return [0] * len(parts)
    twice = counting[(len(counting) - 1) // 2] + counting[len(counting) // 2]
    raised = [
        own * (QUANTUM + more) // QUANTUM if 2 * own >= twice else own for own, more in zip(parts, bonus, strict=True)
    ]
    before = sum(own * fen for own, fen in zip(parts, money, strict=True))
    after = sum(own * fen for own, fen in zip(raised, money, strict=True)) or 1
    return [min(QUANTUM, new * before // after) - old for new, old in zip(raised, parts, strict=True)]

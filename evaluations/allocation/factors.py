"""Weighted factors (method E): a pool by each payee's shares of several totals.

Put here: shares of factors, and the factor of the best few. Keep out: which columns make a factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from operator import mul
from typing import TypeVar

import numpy as np

from evaluations.allocation.exact import integer_weights
from evaluations.rounding import largest_remainder, rows_by_id

Number = TypeVar("Number", Fraction, Decimal)
_NONE, _ONE = Fraction(0), Fraction(1)


class NobodyCounts(ValueError):  # noqa: N818  (an answer, not a fault)
    """A factor that carries money is 0 for everybody; `factor` is its id."""

    def __init__(self, factor: str) -> None:
        self.factor = factor
        super().__init__(f"nobody counts for {factor}")


@dataclass(frozen=True)
class FactorShares:
    """`shares` exact per payee (sum 1); `parts` fen per payee and factor, which sum to `paid` of the payee."""

    shares: list[Fraction]
    parts: list[list[int]]
    paid: list[int]


def factor_shares(
    columns: Sequence[Sequence[Fraction]], weights: Sequence[Fraction], pool: int, ids: Sequence[str],
    factor_ids: Sequence[str],
) -> FactorShares:  # fmt: skip
    """`columns` per factor and payee, ≥ 0; `weights` per factor, sum 1.

    Rounded once, over the whole share. Raises NobodyCounts, and ValueError for weights that do not sum to 1.
    """
    if sum(weights) != 1:
        raise ValueError("the weights of the factors do not sum to 1")
    whole = [integer_weights(column) for column in columns]
    totals = [sum(column) for column in whole]
    for name, weight, total in zip(factor_ids, weights, totals, strict=True):
        if weight and not total:
            raise NobodyCounts(name)
    # A payee's share is Σ weight · figure ÷ total: whole numbers over one common bottom.
    each = [Fraction(weight, total or 1) for weight, total in zip(weights, totals, strict=True)]
    common = lcm(*(own.denominator for own in each))
    scales = [own.numerator * (common // own.denominator) for own in each]
    rows = [list(map(mul, row, scales)) for row in zip(*whole, strict=True)]
    sums = list(map(sum, rows))
    paid = largest_remainder(sums, pool, ids)
    parts = rows_by_id(np.array(rows, dtype=object), np.array(paid, dtype=object), factor_ids).tolist()
    return FactorShares([Fraction(own, common) for own in sums], parts, paid)


def best(figures: Sequence[Number | None], places: int) -> list[Fraction]:
    """1 for each of the best `places` and everybody who ties with the last of them, 0 for others and the unknown."""
    known = sorted((figure for figure in figures if figure is not None), reverse=True)
    if not known or places < 1:
        return [_NONE] * len(figures)
    line = known[min(places, len(known)) - 1]
    return [_ONE if figure is not None and figure >= line else _NONE for figure in figures]

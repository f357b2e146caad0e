"""Weighted factors (method E): a pool by each payee's shares of several totals.

Put here: shares of factors, and the factor of the best few. Keep out: which columns make a factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluations.allocation.exact import split


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
    by_factor = []
    for name, weight, column in zip(factor_ids, weights, columns, strict=True):
        total = sum(column, Fraction(0))
        if weight and not total:
            raise NobodyCounts(name)
        by_factor.append([weight * value / total if weight else Fraction(0) for value in column])
    rows = [list(row) for row in zip(*by_factor, strict=True)]
    shares = [sum(row, Fraction(0)) for row in rows]
    paid = split(shares, pool, ids)
    return FactorShares(shares, [split(row, own, factor_ids) for row, own in zip(rows, paid, strict=True)], paid)


def best(figures: Sequence[Fraction | None], places: int) -> list[Fraction]:
    """1 for each of the best `places` and everybody who ties with the last of them, 0 for others and the unknown."""
    known = sorted((figure for figure in figures if figure is not None), reverse=True)
    if not known or places < 1:
        return [Fraction(0)] * len(figures)
    line = known[min(places, len(known)) - 1]
    return [Fraction(int(figure is not None and figure >= line)) for figure in figures]

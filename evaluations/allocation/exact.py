"""Exact figures to whole minor units: one split by weights, one rounding, one rule for short pools.

Put here: the arithmetic that every stream shares. Keep out: anything about a particular stream, floats.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Literal

from evaluations.rounding import largest_remainder

OverPool = Literal["refuse", "pro_rata"]


class PoolShort(ValueError):  # noqa: N818  (an answer, not a fault)
    """What is due is more than the pool of its stream; `short` is by how much, `due` what is due, in fen."""

    def __init__(self, due: int, pool: int) -> None:
        self.due, self.short = due, due - pool
        super().__init__(f"{due} is due and the pool is {pool}")


def integer_weights(values: Sequence[Fraction | int]) -> list[int]:
    """The same proportions as whole numbers. Raises ValueError for a negative one."""
    fractions = [Fraction(value) for value in values]
    if any(value < 0 for value in fractions):
        raise ValueError("a weight is negative")
    common = lcm(*(value.denominator for value in fractions)) if fractions else 1
    return [value.numerator * (common // value.denominator) for value in fractions]


def split(weights: Sequence[Fraction | int], total: int, ids: Sequence[str]) -> list[int]:
    """`total` by exact weights, largest remainder, ties to the smaller id; nothing where there is no weight."""
    return largest_remainder(integer_weights(weights), total, ids)


def half_up(value: Fraction) -> int:
    """The nearest whole number, a half away from zero."""
    rounded = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return rounded if value >= 0 else -rounded


def shown(value: Fraction, digits: int = 6) -> str:
    """For statements: plain digits, at most `digits` after the point, a half away from zero."""
    scaled = half_up(value * 10**digits)
    sign, (whole, part) = "-" if scaled < 0 else "", divmod(abs(scaled), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}".rstrip("0").rstrip(".")


def within_pool(dues: Sequence[int], pool: int, how: OverPool, ids: Sequence[str]) -> list[int]:
    """What is paid of what is due: all of it, or, where the pool is short, each the same part.

    Raises PoolShort where a shortage is to be refused.
    """
    due = sum(dues)
    if due <= pool:
        return list(dues)
    if how == "refuse":
        raise PoolShort(due, pool)
    return largest_remainder(dues, pool, ids)

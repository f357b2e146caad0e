"""Exact figures to whole minor units: one split by weights, one rounding, one rule for short pools.

Put here: the arithmetic that every stream shares. Keep out: anything about a particular stream, floats.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Literal, NamedTuple

from evaluations.rounding import largest_remainder

OverPool = Literal["refuse", "pro_rata"]


class PoolShort(ValueError):  # noqa: N818  (an answer, not a fault)
    """What is due is more than the pool of its stream; `short` is by how much, `due` what is due, in fen."""

    def __init__(self, due: int, pool: int) -> None:
        self.due, self.short = due, due - pool
        super().__init__(f"{due} is due and the pool is {pool}")


def whole(values: Sequence[Fraction | int]) -> tuple[list[int], int]:
    """The same figures as whole numbers over one common bottom."""
    pairs = [(value.numerator, value.denominator) for value in values]
    common = lcm(*{bottom for _, bottom in pairs})
    return [top * (common // bottom) for top, bottom in pairs], common


def total(values: Sequence[Fraction | int]) -> Fraction:
    """The exact sum, over one common bottom."""
    found, common = whole(values)
    return Fraction(sum(found), common)


class WholeRows(NamedTuple):
    """Rows of whole numbers over one common bottom, `scale`."""

    rows: list[list[int]]
    scale: int


def whole_rows(rows: Sequence[Sequence[Fraction | int]]) -> WholeRows:
    """As `whole`, for rows of equal length."""
    found, scale = whole([value for row in rows for value in row])
    width = len(rows[0]) if rows else 0
    return WholeRows([found[at * width : (at + 1) * width] for at in range(len(rows))], scale)


def integer_weights(values: Sequence[Fraction | int]) -> list[int]:
    """The same proportions as whole numbers. Raises ValueError for a negative one."""
    found, _ = whole(values)
    if min(found, default=0) < 0:
        raise ValueError("a weight is negative")
    return found


def split(weights: Sequence[Fraction | int], total: int, ids: Sequence[str]) -> list[int]:
    """`total` by exact weights, largest remainder, ties to the smaller id; nothing where there is no weight."""
    return largest_remainder(integer_weights(weights), total, ids)


def half_up(value: Fraction) -> int:
    """The nearest whole number, a half away from zero."""
    top, bottom = value.numerator, value.denominator
    rounded = (2 * abs(top) + bottom) // (2 * bottom)
    return rounded if top >= 0 else -rounded


def shown(value: Fraction, digits: int = 6) -> str:
    """For statements: plain digits, at most `digits` after the point, a half away from zero."""
    top, bottom = value.as_integer_ratio()
    if bottom == 1:
        return str(top)
    unit = 10**digits
    scaled = (2 * abs(top) * unit + bottom) // (2 * bottom)
    whole, part = divmod(scaled, unit)
    sign = "-" if top < 0 and scaled else ""
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

"""Ratios of whole numbers as plain pairs, for places where tens of thousands are computed.

Exact like Fraction, but never reduced. Put here: arithmetic of pairs. Keep out: what they stand for.
"""

from decimal import Decimal

Ratio = tuple[int, int]
"""(top, bottom), bottom above 0."""
QUANTUM = 10**12
ZERO: Ratio = (0, 1)
ONE: Ratio = (1, 1)


def ratio(figure: Decimal) -> Ratio:
    """A decimal as a pair."""
    return figure.as_integer_ratio()


def added(left: Ratio, right: Ratio) -> Ratio:
    """The sum."""
    if left[1] == right[1]:
        return left[0] + right[0], left[1]
    return left[0] * right[1] + right[0] * left[1], left[1] * right[1]


def divided(left: Ratio, right: Ratio) -> Ratio:
    """The quotient by a number above 0."""
    return left[0] * right[1], left[1] * right[0]


def times(left: Ratio, right: Ratio) -> Ratio:
    """The product."""
    return left[0] * right[0], left[1] * right[1]


def less(left: Ratio, right: Ratio) -> bool:
    """Whether the left is smaller."""
    return left[0] * right[1] < right[0] * left[1]


def quantised(own: Ratio) -> int:
    """Times 10¹², rounded down."""
    return own[0] * QUANTUM // own[1]

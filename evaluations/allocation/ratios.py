"""Ratios of whole numbers as plain pairs, for places where tens of thousands are computed.

Exact like Fraction, but never reduced. Put here: arithmetic of pairs. Keep out: what they stand for.
"""

from collections.abc import Sequence
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


def rounded_to(parts: Sequence[Ratio], total: int) -> list[int]:
    """Whole units that sum to `total`, which the exact sum misses by less than one.

    What the whole parts leave goes to the largest remainders (to twelve decimals), ties to the earlier part.
    """
    whole = [divmod(top, bottom) for top, bottom in parts]
    found = [quotient for quotient, _ in whole]
    remainders = [quantised((rest, bottom)) for (_, rest), (_, bottom) in zip(whole, parts, strict=True)]
    order = sorted(range(len(parts)), key=lambda at: (-remainders[at], at))
    for at in order[: total - sum(found)]:
        found[at] += 1
    return found

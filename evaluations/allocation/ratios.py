"""Ratios of whole numbers as plain pairs, one or a column of them, for places where tens of thousands are computed.

Exact like Fraction, but never reduced. Put here: arithmetic of pairs. Keep out: what they stand for.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Ratio = tuple[int, int]
"""(top, bottom), bottom above 0."""
Column = NDArray[np.object_]
"""Whole numbers of Python, which never overflow."""
Mask = NDArray[np.bool_]
Ratios = tuple[Column, Column]
"""Tops and bottoms of many; bottom 0: not known, and so is every product, quotient and sum with it."""
QUANTUM = 10**12
ZERO: Ratio = (0, 1)
ONE: Ratio = (1, 1)
UNKNOWN: Ratio = (0, 0)
"""In a column only."""


def ratio(figure: Decimal) -> Ratio:
    """A decimal as a pair."""
    return figure.as_integer_ratio()


def whole_column(numbers: Sequence[int]) -> Column:
    """Whole numbers as a column."""
    return np.array(numbers, dtype=object)


def column(figures: Sequence[Ratio | None]) -> Ratios:
    """Pairs as a column; None is not known."""
    pairs = [UNKNOWN if own is None else own for own in figures]
    return whole_column([top for top, _ in pairs]), whole_column([bottom for _, bottom in pairs])


def at(figures: Ratios, place: int) -> Ratio | None:
    """One of a column; None where it is not known."""
    top, bottom = figures[0][place], figures[1][place]
    return (top, bottom) if bottom else None


def chosen(mask: Mask, left: Ratio | Ratios, right: Ratio | Ratios) -> Ratios:
    """The left where the mask holds, else the right."""
    return (
        np.asarray(np.where(mask, left[0], right[0]), dtype=object),
        np.asarray(np.where(mask, left[1], right[1]), dtype=object),
    )


@overload
def added(left: Ratio, right: Ratio) -> Ratio: ...
@overload
def added(left: Ratio | Ratios, right: Ratios) -> Ratios: ...
@overload
def added(left: Ratios, right: Ratio) -> Ratios: ...
def added(left: Any, right: Any) -> Any:
    """The sum."""
    return left[0] * right[1] + right[0] * left[1], left[1] * right[1]


@overload
def divided(left: Ratio, right: Ratio) -> Ratio: ...
@overload
def divided(left: Ratios, right: Ratios) -> Ratios: ...
def divided(left: Any, right: Any) -> Any:
    """The quotient by a number above 0."""
    return left[0] * right[1], left[1] * right[0]


@overload
def times(left: Ratio, right: Ratio) -> Ratio: ...
@overload
def times(left: Ratio | Ratios, right: Ratios) -> Ratios: ...
def times(left: Any, right: Any) -> Any:
    """The product."""
    return left[0] * right[0], left[1] * right[1]


@overload
def less(left: Ratio, right: Ratio) -> bool: ...
@overload
def less(left: Ratios, right: Ratios) -> Mask: ...
def less(left: Any, right: Any) -> Any:
    """Whether the left is smaller; what is not known is not."""
    return left[0] * right[1] < right[0] * left[1]


@overload
def quantised(own: Ratio) -> int: ...
@overload
def quantised(own: Ratios) -> Column: ...
def quantised(own: Any) -> Any:
    """Times 10¹², rounded down."""
    return own[0] * QUANTUM // own[1]


def rounded_to(parts: Sequence[Ratios], totals: Column) -> Column:
    """Whole units (payees × parts) that sum to the total of each payee, which the exact sum misses by less than one.

    What the whole parts leave goes to the largest remainders (to twelve decimals), ties to the earlier part.
    """
    tops, bottoms = (np.column_stack(own) for own in zip(*parts, strict=True))
    found = tops // bottoms
    remainders = quantised((tops - found * bottoms, bottoms))
    order = np.argsort(-remainders, axis=1, kind="stable")
    left = totals - found.sum(axis=1)
    raised = np.zeros(found.shape, dtype=object)
    np.put_along_axis(raised, order, (np.arange(len(parts)) < left[:, None]).astype(object), axis=1)
    return np.asarray(found + raised)

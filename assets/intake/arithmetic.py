"""Arithmetic in expressions of contracts that never runs over: numbers of 64 bits would wrap to others without a word.

Put here: how many digits an expression needs for the values at hand, and room for them. Keep out: what an expression
may contain and evaluating it (rules.py).
"""

from collections.abc import Mapping
from functools import cache

import polars as pl
import sqlglot
from sqlglot import expressions as sx

_ARITHMETIC = (sx.Add, sx.Sub, sx.Mul, sx.Neg)
_SMALL = (sx.Extract, sx.Year, sx.Month, sx.Length)
# Bits, without the sign, of the integers of the data library: those of every day and the wide ones; and of 38 decimals.
_FITS, _FITS_WIDE, _FITS_DECIMAL = 63, 127, 126
_BITS_OF_A_DIGIT = 4
_LEAST = 16


def reckons(expression: str) -> bool:
    """Whether an expression adds, subtracts or multiplies."""
    return _arithmetic(expression) is not None


def roomy(frame: pl.DataFrame, expression: str) -> tuple[pl.DataFrame, str]:
    """`frame` and `expression` in a form whose arithmetic holds for the values of the frame.

    Rows that `beyond` names have null instead of their numbers.
    """
    tree = _arithmetic(expression)
    if tree is None:
        return frame, expression
    widths = _widths(frame, tree)
    if _bits(tree, widths) > _FITS:
        too_large, names = beyond(frame, expression), list(widths)
        wide = [pl.col(name).cast(pl.Int128) if frame[name].dtype.is_integer() else pl.col(name) for name in names]
        frame = frame.with_columns(wide)
        if too_large.any():
            frame = frame.with_columns(pl.when(~too_large).then(pl.col(names)))
    return frame, _wide(expression)


def beyond(frame: pl.DataFrame, expression: str) -> pl.Series:
    """Rows in which a number is so large that the expression cannot be worked out exactly."""
    none = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    tree = _arithmetic(expression)
    widths = _widths(frame, tree) if tree is not None else {}
    room = _FITS_DECIMAL if any(frame[name].dtype.is_decimal() for name in widths) else _FITS_WIDE
    if tree is None or _bits(tree, widths) <= room:
        return none
    bounds = range(_FITS, _LEAST, -1)
    bound = next((n for n in bounds if _bits(tree, {name: min(w, n) for name, w in widths.items()}) <= room), _LEAST)
    large = [_unscaled(frame[name]).is_between(-(2**bound) + 1, 2**bound - 1) for name in widths]
    return frame.select(pl.any_horizontal(~fits.fill_null(value=True) for fits in large)).to_series()


@cache
def _arithmetic(expression: str) -> sx.Expression | None:
    tree = sqlglot.parse_one(expression, read="duckdb")
    return tree if any(tree.find(kind) for kind in _ARITHMETIC) else None


@cache
def _wide(expression: str) -> str:
    """The expression with the integers it makes itself as wide ones; untouched where it makes none."""
    tree = sqlglot.parse_one(expression, read="duckdb")
    narrow = [node for node in tree.walk() if _makes_integers(node)]
    for node in narrow:
        if isinstance(node, sx.Cast):
            node.set("to", sx.DataType.build("int128"))
        else:
            node.replace(sx.cast(node.copy(), "int128"))
    return tree.sql("duckdb") if narrow else expression


def _makes_integers(node: sx.Expression) -> bool:
    return isinstance(node, _SMALL) or (isinstance(node, sx.Cast) and node.is_type(*sx.DataType.INTEGER_TYPES))


def _widths(frame: pl.DataFrame, tree: sx.Expression) -> dict[str, int]:
    """Bits of the largest number, without its sign, in every column of numbers that the expression names.

    Points are aligned as they would be to add: a column counts with as many decimals as the finest has.
    """
    numbers = [frame[name] for name in sorted({node.name for node in tree.find_all(sx.Column)})]
    numbers = [column for column in numbers if column.dtype.is_integer() or column.dtype.is_decimal()]
    finest = max(map(_scale, numbers), default=0)
    widths = {}
    for column in numbers:
        ends = _unscaled(column).cast(pl.Int128)
        size = max((end.bit_length() for end in (ends.min(), ends.max()) if isinstance(end, int)), default=0)
        widths[column.name] = size + _BITS_OF_A_DIGIT * (finest - _scale(column)) if size else 0
    return widths


def _scale(column: pl.Series) -> int:
    return column.dtype.scale if isinstance(column.dtype, pl.Decimal) else 0


def _unscaled(column: pl.Series) -> pl.Series:
    return column.to_physical() if column.dtype.is_decimal() else column


def _bits(node: sx.Expression, widths: Mapping[str, int]) -> int:
    """Bits that any value within the expression may need, columns having at most `widths`."""
    if isinstance(node, sx.Column):
        return widths.get(node.name, 0)
    if isinstance(node, sx.Literal):
        digits = "" if node.is_string else node.name.replace(".", "")
        return int(digits).bit_length() if digits.isdigit() else 0
    parts = [_bits(child, widths) for child in node.iter_expressions()]
    if isinstance(node, sx.Mul):
        return sum(parts)
    return max(parts, default=0) + isinstance(node, (sx.Add, sx.Sub))

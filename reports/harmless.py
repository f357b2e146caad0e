"""Text that a spreadsheet program would run as a formula when it opens a CSV, and the sign that stops it.

Put here: the one rule for it. Keep out: writing files.
"""

import re

import polars as pl

# The first characters of a formula, East Asian wide forms and control characters included; a number is none. What
# has the sign before it already gets another, so that it can be taken back.
_FIRST = "[=+\\-@＝＋－＠\t\r\n\\x00]"
_ACTIVE = f"^'*{_FIRST}"
_SIGNED = f"^'+{_FIRST}"
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?$"
_SIGN = "'"


def harmless(text: str) -> str:
    """`text` as it may stand in a CSV that people open: with a leading apostrophe where it would be run."""
    return f"{_SIGN}{text}" if re.match(_ACTIVE, text) and not re.fullmatch(_NUMBER, text) else text


def harmless_columns(names: list[str]) -> list[pl.Expr]:
    """`harmless` for whole columns of text."""
    return [
        pl.when(pl.col(name).str.contains(_ACTIVE) & ~pl.col(name).str.contains(_NUMBER))
        .then(pl.lit(_SIGN) + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
    ]


def as_meant(column: pl.Expr) -> pl.Expr:
    """The text of a column before it was made harmless."""
    return (
        pl.when(column.str.contains(f"^{_SIGN}{_ACTIVE.removeprefix('^')}")).then(column.str.slice(1)).otherwise(column)
    )

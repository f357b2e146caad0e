"""Figures of the road as cells of text and exact decimals: what is paid on is exactly what is shown.

Put here: rounding, errors from limits, text without trailing zeros. Keep out: which table and period a figure comes
from (allocation_tables).
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl

from data_contracts.settings.allocation_tables import PayeeFigure
from evaluations.index.sampling import z_of


def plain(value: Decimal) -> str:
    """A number without exponent and trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_of(column: str, dtype: pl.DataType | None = None) -> pl.Expr:
    """Cells as text; numbers without trailing zeros, yes and no as 1 and 0."""
    own = pl.col(column)
    if dtype == pl.Boolean():
        return own.cast(pl.Int8).cast(pl.String)
    if dtype is not None and not dtype.is_decimal():
        return own.cast(pl.String)
    return own.cast(pl.String).str.replace(r"\.(\d*?)0+$", ".$1").str.strip_suffix(".")


def of_area(what: str, areas: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """What the tree says of each area; one of which nobody says whether it is rural is in neither group."""
    if what == "id":
        return {area: area for area in areas}
    if what == "name":
        return {area: str(row["area_name"]) for area, row in areas.items()}
    wanted = what == "is_rural"
    return {area: str(int(row["is_rural"] is wanted)) for area, row in areas.items()}


def decimals(frame: pl.DataFrame, digits: int) -> dict[str, Decimal]:
    """Published numbers (area_id, value) as decimals of so many digits."""
    shown = frame.filter(pl.col("value").is_not_null()).select("area_id", "value").iter_rows()
    return {area: rounded(Decimal(repr(value)), digits) for area, value in shown}


def errors(frame: pl.DataFrame, digits: int, confidence: float) -> dict[str, Decimal]:
    """The standard error that the limits of published figures (value, lower, upper) tell, by the wider side.

    `confidence`: what the limits hold. A scale ends: a figure near its end has a narrow side that says nothing of how
    sure it is. No figure is surer than its last digit. A score that counts figures `without_limits` has no error: its
    limits say nothing of theirs.
    """
    known = frame.filter(pl.all_horizontal(pl.col("value", "lower", "upper").is_not_null()))
    if "without_limits" in frame.columns:
        known = known.filter(pl.col("without_limits").is_null())
    z, least, found = Decimal(repr(z_of(confidence))), Decimal(1).scaleb(-digits), {}
    for area, *figures in known.select("area_id", "value", "lower", "upper").iter_rows():
        value, lower, upper = (Decimal(repr(own)) for own in figures)
        found[area] = max(least, rounded(max(value - lower, upper - value) / z, digits))
    return found


def adjusted(figure: PayeeFigure, value: Decimal) -> Decimal:
    """Multiplied and rounded as the figure says."""
    value = value if figure.times is None else value * figure.times
    return value if figure.digits is None else rounded(value, figure.digits)


def rounded(value: Decimal, digits: int) -> Decimal:
    """A half to the even digit."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)

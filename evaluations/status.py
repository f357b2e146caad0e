"""Why a value is there or not. One order of questions for every indicator, so that one reason wins.

Put here: the status words and the decision. Keep out: thresholds (registry).
"""

import polars as pl

SHOWN = ("ok", "unstable")


def status_of(
    numerator: str, denominator: str, *, minimum_denominator: float, unstable_below: float, due: bool = True
) -> pl.Expr:
    """Status of a row from its counts.

    Order: not due → no data (a count is missing) → no denominator (zero or, with money, below zero) → small
    denominator → unstable (size of the numerator below `unstable_below`) → ok.
    """
    if not due:
        return pl.lit("not_due")
    top, bottom = pl.col(numerator), pl.col(denominator)
    return (
        pl.when(top.is_null() | bottom.is_null())
        .then(pl.lit("no_data"))
        .when(bottom <= 0)
        .then(pl.lit("no_denominator"))
        .when(bottom < minimum_denominator)
        .then(pl.lit("small_denominator"))
        .when(top.abs() < unstable_below)
        .then(pl.lit("unstable"))
        .otherwise(pl.lit("ok"))
    )

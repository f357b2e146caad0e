"""Confidence intervals of proportions and of counts with Poisson error, each with the name of its method.

Put here: Wilson, Byar, exact Poisson. Keep out: survey estimates (survey.py) and which indicator uses which.
"""

import polars as pl

BYAR_FROM = 10


def wilson(frame: pl.DataFrame, numerator: str, denominator: str, confidence: float = 0.95) -> pl.DataFrame:
    """Add `lower`, `upper` (0–1) of a proportion by the Wilson score method without continuity correction.

    Null where a count is null or the denominator is zero; null with method `none` where the numerator exceeds the
    denominator, as archives may exceed residents: that is no share of the same people. Wilson, J Am Stat Assoc
    1927;22:209–212.
    """
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + confidence / 2))
    o, n = pl.col(numerator).cast(pl.Float64), pl.col(denominator).cast(pl.Float64)
    middle = 2 * o + z * z
    # The root is of a difference that rounding can push below zero when all or none are cases.
    spread = z * (z * z + 4 * o * (1 - o / n)).clip(lower_bound=0).sqrt()
    scale = 2 * (n + z * z)
    ready = (n > 0) & o.is_not_null() & (o <= n)
    return frame.with_columns(
        pl.when(ready).then(((middle - spread) / scale).clip(0, 1)).otherwise(None).alias("lower"),
        pl.when(ready).then(((middle + spread) / scale).clip(0, 1)).otherwise(None).alias("upper"),
        pl.when(o > n).then(pl.lit("none")).otherwise(pl.lit("wilson")).alias("method"),
    )


def poisson(frame: pl.DataFrame, count: str, confidence: float = 0.95) -> pl.DataFrame:
    """Add `lower`, `upper` of a count: Byar's approximation from 10 events, exact Poisson below; `method` says which.

    Byar in Breslow and Day, Statistical Methods in Cancer Research II, 1987; exact limits by chi-square quantiles.
    """
    import numpy as np
    from scipy.stats import chi2, norm

    z = float(norm.ppf(0.5 + confidence / 2))
    tail = (1 - confidence) / 2
    events = frame[count].cast(pl.Float64).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        byar_lower = events * (1 - 1 / (9 * events) - z / (3 * np.sqrt(events))) ** 3
        more = events + 1
        byar_upper = more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3
        exact_lower = np.where(events == 0, 0.0, chi2.ppf(tail, 2 * events) / 2)
        exact_upper = chi2.ppf(1 - tail, 2 * events + 2) / 2
    small = events < BYAR_FROM
    limits = pl.DataFrame(
        {"lower": np.where(small, exact_lower, byar_lower), "upper": np.where(small, exact_upper, byar_upper)}
    ).with_columns(pl.all().fill_nan(None))
    method = pl.when(pl.col(count) < BYAR_FROM).then(pl.lit("exact_poisson")).otherwise(pl.lit("byar"))
    return frame.with_columns(limits["lower"], limits["upper"], method.alias("method"))


def rate_with_interval(
    frame: pl.DataFrame, numerator: str, denominator: str, multiplier: float, confidence: float = 0.95
) -> pl.DataFrame:
    """Add `value`, `lower`, `upper` per `multiplier` and `method` of a rate whose numerator is a Poisson count."""
    with_limits = poisson(frame, numerator, confidence)
    return _scaled(with_limits, numerator, denominator, multiplier, per=pl.col(denominator).cast(pl.Float64))


def proportion_with_interval(
    frame: pl.DataFrame, numerator: str, denominator: str, multiplier: float, confidence: float = 0.95
) -> pl.DataFrame:
    """Add `value`, `lower`, `upper` times `multiplier` and `method` of a proportion."""
    return _scaled(
        wilson(frame, numerator, denominator, confidence), numerator, denominator, multiplier, per=pl.lit(1.0)
    )


def ratio(frame: pl.DataFrame, numerator: str, denominator: str, multiplier: float) -> pl.DataFrame:
    """Add `value` and empty limits: a ratio of money or of estimates carries no sampling interval of its own."""
    empty = frame.with_columns(
        pl.lit(None, dtype=pl.Float64).alias("lower"),
        pl.lit(None, dtype=pl.Float64).alias("upper"),
        pl.lit("ratio").alias("method"),
    )
    return _scaled(empty, numerator, denominator, multiplier, per=pl.lit(1.0))


def _scaled(frame: pl.DataFrame, numerator: str, denominator: str, multiplier: float, *, per: pl.Expr) -> pl.DataFrame:
    o, n = pl.col(numerator).cast(pl.Float64), pl.col(denominator).cast(pl.Float64)
    there = n != 0
    return frame.with_columns(
        pl.when(there).then(o / n * multiplier).otherwise(None).alias("value"),
        pl.when(there).then(pl.col("lower") / per * multiplier).otherwise(None).alias("lower"),
        pl.when(there).then(pl.col("upper") / per * multiplier).otherwise(None).alias("upper"),
    )


def relative_ratio(
    frame: pl.DataFrame, numerator: str, denominator: str, reference: tuple[float, float], multiplier: float
) -> pl.DataFrame:
    """Ratio of an area divided by the ratio of a reference area, given as (numerator, denominator)."""
    top, bottom = reference
    whole = top / bottom if bottom else float("nan")
    scaled = ratio(frame, numerator, denominator, multiplier)
    return scaled.with_columns(
        (pl.col("value") / whole).fill_nan(None).alias("value"), pl.lit("ratio_to_reference").alias("method")
    )

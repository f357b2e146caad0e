"""Proportions from a stratified cluster sample: weighted estimate, linearised error, logit interval.

Put here: the estimator. Keep out: which answers count (registry) and the sample (marts).
"""

from collections.abc import Sequence

import polars as pl

# A smaller standard error is what rounding leaves of none at all.
_NO_ERROR = 1e-9


def survey_proportion(
    frame: pl.DataFrame,
    by: Sequence[str],
    *,
    stratum: str,
    psu: str,
    weight: str,
    success: str,
    confidence: float = 0.95,
) -> pl.DataFrame:
    """One row per group of `by`: exact sums of weights, proportion, Taylor-linearised error and logit interval.

    Columns: by, numerator, denominator (Decimal sums of weights), value, lower, upper (0–1), standard_error,
    degrees_of_freedom, respondents, effective_n (Kish), method. Each group is taken as its own sample: its strata and
    primary sampling units are those found in it, drawn with replacement. Variance of the ratio mean:
    Σ_h n_h/(n_h−1) Σ_i (z_hi − z̄_h)², z_hi = Σ w (y − p) / Σ w. A stratum with one unit adds nothing and the method is
    marked; without degrees of freedom, or when the units do not differ or all or none agree, the interval is Wilson's
    on Kish's effective number of respondents. Särndal, Swensson, Wretman, Model Assisted Survey Sampling, 1992, ch. 5.
    """
    ordered = (
        frame.select(
            *by,
            pl.col(stratum).alias("stratum"),
            pl.col(psu).alias("psu"),
            pl.col(weight).alias("weight"),
            pl.col(success).alias("success"),
        )
        .sort(*by, "stratum", "psu", "weight", "success")
        .with_columns(pl.col("weight").cast(pl.Float64).alias("w"), pl.col("success").cast(pl.Float64).alias("answer"))
    )
    totals = ordered.group_by(*by, maintain_order=True).agg(
        pl.col("weight").filter(pl.col("success")).sum().alias("numerator"),
        pl.col("weight").sum().alias("denominator"),
        pl.len().alias("respondents"),
        (pl.col("w").sum() ** 2 / (pl.col("w") ** 2).sum()).alias("effective_n"),
    )
    totals = totals.with_columns(
        (pl.col("numerator").cast(pl.Float64) / pl.col("denominator").cast(pl.Float64)).alias("value")
    )
    units = (
        ordered.join(
            totals.select(*by, "value", pl.col("denominator").cast(pl.Float64).alias("total")),
            on=list(by),
            maintain_order="left",
        )
        .group_by(*by, "stratum", "psu", maintain_order=True)
        .agg((pl.col("w") * (pl.col("answer") - pl.col("value")) / pl.col("total")).sum().alias("z"))
    )
    strata = units.group_by(*by, "stratum", maintain_order=True).agg(
        pl.len().alias("n"), ((pl.col("z") - pl.col("z").mean()) ** 2).sum().alias("squares")
    )
    errors = strata.group_by(*by, maintain_order=True).agg(
        pl.when(pl.col("n") > 1)
        .then(pl.col("n") / (pl.col("n") - 1) * pl.col("squares"))
        .otherwise(0.0)
        .sum()
        .alias("variance"),
        (pl.col("n").sum().cast(pl.Int64) - pl.len().cast(pl.Int64)).alias("degrees_of_freedom"),
        (pl.col("n") == 1).any().alias("has_lonely_unit"),
    )
    found = totals.join(errors, on=list(by), how="left", maintain_order="left").with_columns(
        pl.col("variance").sqrt().alias("standard_error")
    )
    return _limits(found, confidence)


def _limits(frame: pl.DataFrame, confidence: float) -> pl.DataFrame:
    import numpy as np
    from scipy.stats import norm, t

    p, se = frame["value"].to_numpy(), frame["standard_error"].to_numpy()
    df, n = frame["degrees_of_freedom"].to_numpy().astype(float), frame["effective_n"].to_numpy()
    z = float(norm.ppf(0.5 + confidence / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        quantile = t.ppf(0.5 + confidence / 2, np.where(df > 0, df, 1))
        logit, step = np.log(p / (1 - p)), quantile * se / (p * (1 - p))
        design = (df > 0) & (se > _NO_ERROR) & (p > 0) & (p < 1)
        middle, spread = p + z * z / (2 * n), z * np.sqrt(np.clip(p * (1 - p) / n + z * z / (4 * n * n), 0, None))
        lower = np.where(design, 1 / (1 + np.exp(-(logit - step))), (middle - spread) / (1 + z * z / n))
        upper = np.where(design, 1 / (1 + np.exp(-(logit + step))), (middle + spread) / (1 + z * z / n))
    label = np.where(design, "taylor_logit", "wilson_effective_n")
    return frame.with_columns(
        pl.Series("lower", lower).fill_nan(None).clip(0, 1),
        pl.Series("upper", upper).fill_nan(None).clip(0, 1),
        pl.Series("method", label.tolist(), dtype=pl.String),
    ).with_columns(
        pl.when(pl.col("has_lonely_unit") & (pl.col("method") == "taylor_logit"))
        .then(pl.lit("taylor_logit_lonely_units"))
        .otherwise(pl.col("method"))
        .alias("method")
    )

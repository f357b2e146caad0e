"""Steps: what may happen, one after the other, to the figures of an indicator or of a combined part.

Put here: the words and parameters of every step that is not a rule of points. Keep out: what it computes
(evaluations.index), points (points.py).
"""

from typing import Literal

from pydantic import Field, model_validator

from data_contracts.index_spec.basics import (
    Condition,
    Fitted,
    Learnt,
    MayFit,
    Measure,
    QuantileRule,
    Quantity,
    Reference,
    Rounding,
    RoundingRule,
    Ties,
    Word,
    within_model,
)
from data_contracts.messages import wrong


class MinimumCases(Word):
    """No figure where a column of cases is below the minimum (or missing)."""

    step: Literal["minimum_cases"]
    column: str
    at_least: Measure


class Transform(Word):
    """A fixed function of the figure.

    log, log10, sqrt, exp and reciprocal of (figure + add); logistic: 1/(1 + e^−(figure + add)); (figure + add) ^ of for
    power; of − figure for complement; −|figure − of| for distance (moderate is best); −figure for negate.

    reciprocal, complement, distance and negate turn the direction: what follows reads higher as better.
    """

    step: Literal["transform"]
    how: Literal["log", "log10", "sqrt", "exp", "logistic", "reciprocal", "power", "complement", "distance", "negate"]
    add: Measure = 0.0
    of: Measure | None = None

    @model_validator(mode="after")
    def _of_where_needed(self) -> "Transform":
        if self.how in ("power", "complement", "distance") and self.of is None:
            raise wrong("index_needs", word=self.how, needs="of")
        return self


class Shrink(Fitted):
    """Small numbers drawn towards the mean of the universe (of the stratum, with `within`).

    beta_binomial: moment estimator for the figure as a proportion of `denominator` cases; logit_normal: the same on
    its log-odds, with the error that cases give; normal: any figure with its `standard_error`; reliability: by the
    weight of the own figure (0–1) in a column. `scale`: the figure of a proportion of 1, so 100 for percent.

    The deprivation indices of the United Kingdom: logit_normal with `centre: pooled, between: whole, noise: one`.
    """

    step: Literal["shrink"]
    how: Literal["beta_binomial", "normal", "logit_normal", "reliability"]
    denominator: str | None = None
    standard_error: str | None = None
    reliability: str | None = None
    scale: Measure = Field(default=1.0, gt=0)
    centre: Literal["precision", "mean", "pooled"] = "precision"
    """normal, logit_normal: mean weighted by precision, plain mean, or the log-odds of all cases together."""
    between: Literal["net", "whole"] = "net"
    """normal, logit_normal: variance between units less the mean error, or Σ(x − centre)²/(n − 1) as it is."""
    noise: Literal["half", "one"] = "half"
    """logit_normal, of r among n: 1/(r + ½) + 1/(n − r + ½), or (n + 1)(n + 2)/(n (r + 1)(n − r + 1))."""

    @model_validator(mode="after")
    def _columns(self) -> "Shrink":
        if self.centre == "pooled" and self.how != "logit_normal":
            raise wrong("index_needs", word="pooled", needs="logit_normal")
        needs = {"normal": "standard_error", "reliability": "reliability"}.get(self.how, "denominator")
        if getattr(self, needs) is None:
            raise wrong("index_needs", word=self.how, needs=needs)
        return self


class Impute(Fitted):
    """A figure where there is none; flagged.

    `value`: a fixed one, `column`: that of a column (last year's, say), `regression`: least squares on the columns
    `on`, other hows: of the universe. A stratum without any figure stays missing.
    """

    step: Literal["impute"]
    how: Literal["median", "mean", "minimum", "maximum", "value", "column", "regression"]
    value: Measure | None = None
    column: str | None = None
    on: list[str] = []

    @model_validator(mode="after")
    def _given(self) -> "Impute":
        for how, name in (("value", "value"), ("column", "column"), ("regression", "on")):
            if self.how == how and getattr(self, name) in (None, []):
                raise wrong("index_needs", word=how, needs=name)
        return self

    @property
    def learns(self) -> bool:
        """Whether what is put in comes from other units."""
        return self.how not in ("value", "column")


class Winsorise(Fitted):
    """Extreme figures drawn in.

    percentiles: to the quantiles `low` and `high` (0–1) by `quantile`. deviations: to mean ± `times` standard
    deviations. fences: to `times` interquartile ranges beyond the quartiles by `quantile`. values: to the numbers `low`
    and `high`. With `beyond: missing` figures outside have none instead. skewness: one point after the other from the
    longer tail (the highest if the skewness is ≥ 0), equal points together, until |skewness| < `skewness` or kurtosis <
    `kurtosis` (both bias-corrected), at most `most_points`; if that does not help, the untouched figures take
    log(x − min + 0.01 range) where `then` is log, and stay as they are where it is none. With `within` and the log,
    figures must then be normalised within the same columns.
    """

    step: Literal["winsorise"]
    how: Literal["percentiles", "deviations", "fences", "values", "skewness"]
    low: Measure | None = None
    high: Measure | None = None
    quantile: QuantileRule = "linear"
    times: Measure = 3.0
    ddof: Literal[0, 1] = 1
    skewness: Measure = 2.0
    kurtosis: Measure = 3.5
    most_points: int = Field(default=5, ge=0)
    then: Literal["log", "none"] = "log"
    beyond: Literal["limit", "missing"] = "limit"

    @property
    def learns(self) -> bool:
        """Whether the limits come from other units."""
        return self.how != "values"


class MinMax(Fitted):
    """Least to greatest figure of the universe → `low` to `high`. A constant column has no figure, or `constant`."""

    step: Literal["min_max"]
    low: Measure = 0.0
    high: Measure = 100.0
    constant: Measure | None = None


class Goalposts(MayFit):
    """`worst` → `low` points, `best` → `high` points, straight between; `best` may lie below `worst`.

    `scale: log`: straight on the logarithms of figures and posts. Posts may be learnt: {learnt: quantile, at: 0.025}.
    """

    step: Literal["goalposts"]
    worst: Reference
    best: Reference
    low: Measure = 0.0
    high: Measure = 100.0
    clip: bool = True
    scale: Literal["linear", "log"] = "linear"


class CapBySize(Word):
    """A cap that holds for units whose size is at most `up_to`; without `up_to` for all larger ones."""

    up_to: Measure | None = None
    cap: Measure | None = None
    """None: no cap."""


class ZScore(Fitted):
    """shift + scale × (figure − centre) / spread, turned so that higher is better, within ± cap before scaling."""

    step: Literal["z"]
    centre: Literal["mean", "median"] | Reference = "mean"
    """A baseline year's: {learnt: mean, column: LAST_YEAR}."""
    centre_unit: str | None = None
    """Id of the unit (the country, say) whose figure is the centre."""
    spread: Literal["sd", "mad", "none"] | Reference = "sd"
    """sd: standard deviation; mad: 1.4826 × median absolute deviation; none: 1."""
    ddof: Literal[0, 1]
    """0: divided by n (population), 1: by n − 1 (sample). Must be said: published indices differ in it."""
    weighted_by: str | None = None
    """Column of weights for mean and sd (population-weighted z)."""
    cap: Measure | None = None
    size: str | None = None
    """Column of the size that `caps` look at."""
    caps: list[CapBySize] = []
    """Caps by size, smallest first: [{up_to: 20000, cap: 3}, {cap: null}]. A unit without size has the first."""
    scale: Measure = 1.0
    shift: Measure = 0.0
    constant: Measure | None = None
    """The score where all figures are equal; without it there is none."""

    @model_validator(mode="after")
    def _size_with_caps(self) -> "ZScore":
        if bool(self.caps) != (self.size is not None):
            raise wrong("index_needs", word="caps", needs="size")
        return self

    @property
    def learns(self) -> bool:
        """Whether centre or spread comes from other units."""
        of_units = isinstance(self.centre, str) or self.spread in ("sd", "mad")
        return of_units or self.centre_unit is not None or next(within_model(Learnt, self), None) is not None


class PercentileRank(Fitted):
    """Rank r among n as a share times `scale`: inc (r − 1)/(n − 1), exc r/(n + 1), mid (r − 0.5)/n, of_n r/n.

    below (r − 1)/n.
    """

    step: Literal["percentile_rank"]
    rule: Literal["inc", "exc", "mid", "of_n", "below"]
    ties: Ties
    scale: Measure = 1.0
    round: Rounding | None = None


class Rank(Fitted):
    """Rank among the universe: 1 is the worst (so that more is better), or the best with `first: best`."""

    step: Literal["rank"]
    ties: Ties
    first: Literal["worst", "best"] = "worst"


class Borda(Fitted):
    """Units that this one beats, plus half of those it ties with."""

    step: Literal["borda"]


class Exponential(Fitted):
    """English IMD: R = rank / n, most deprived 1; −constant × ln(1 − R (1 − e^(−100/constant))).

    `of: fraction`: the figure is R already.
    """

    step: Literal["exponential"]
    constant: Measure = 23.0
    ties: Ties = "average"
    of: Literal["rank", "fraction"] = "rank"


class NormalScores(Fitted):
    """Standard normal quantile of the rank: of_n1 r/(n + 1), blom (r − 3/8)/(n + 1/4), mid (r − 0.5)/n."""

    step: Literal["normal_scores"]
    rule: Literal["of_n1", "blom", "mid"]
    ties: Ties = "average"


class DistanceToTarget(MayFit):
    """Share of the way to the target, times `scale`.

    start worst: from the worst figure of the universe; zero: figure/target, or target/figure where lower is better.
    `clip`: no more than the target counts.
    """

    step: Literal["distance_to_target"]
    target: Reference
    start: Literal["worst", "zero"] = "worst"
    scale: Measure = 100.0
    clip: bool = True

    @property
    def learns(self) -> bool:
        """Whether the worst figure, or the target, comes from other units."""
        return self.start == "worst" or super().learns


class Compare(MayFit):
    """Against a figure of its own (baseline, target: {column: …}), a number or a statistic of the universe.

    difference: figure − reference; ratio: figure / reference; relative: difference / reference. Times `scale`; turned
    so that higher is better where lower figures are (difference and relative change sign, ratio is inverted).
    """

    step: Literal["compare", "own_baseline"]
    to: Literal["mean", "median", "minimum", "maximum"] | Reference
    how: Literal["difference", "ratio", "relative"]
    scale: Measure = 1.0

    @property
    def learns(self) -> bool:
        """Whether the reference comes from other units."""
        return isinstance(self.to, str) or super().learns


class Linear(Word):
    """figure × times + plus."""

    step: Literal["linear"]
    times: Quantity = 1.0
    plus: Quantity = 0.0


class Clip(Word):
    """No less than `low`, no more than `high`."""

    step: Literal["clip"]
    low: Quantity | None = None
    high: Quantity | None = None


class Round(Word):
    """The figure rounded; everything after reads the rounded one. `to`: multiples of this (halves: 0.5), no digits."""

    step: Literal["round"]
    digits: int | None = Field(default=None, ge=-9, le=12)
    to: Measure | None = Field(default=None, gt=0)
    how: RoundingRule

    @model_validator(mode="after")
    def _one(self) -> "Round":
        if (self.digits is None) == (self.to is None):
            raise wrong("index_needs", word="round", needs="digits / to")
        return self


class Adjust(MayFit):
    """Where all conditions of `when` hold: set, times, add, then at_least and at_most, in this order.

    `set` may be learnt: {learnt: maximum} gives the worst standard score to whoever sent nothing. A veto sets 0 or a
    highest score (`at_most`); a bonus adds a number or a column. Without `when`: everywhere. A unit that lacks a number
    of it (a blank bonus) is left as it is.
    """

    step: Literal["adjust"]
    id: str
    """Name under which adjusted units are listed."""
    when: list[Condition] = []
    set: Reference | Literal["missing"] | None = None
    times: Quantity | None = None
    add: Quantity | None = None
    at_least: Quantity | None = None
    at_most: Quantity | None = None

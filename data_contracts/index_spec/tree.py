"""The tree of an index: indicators, the parts they make, weights and how parts are combined.

Put here: the words of a part. Keep out: steps (steps.py, points.py), ranks and grades (ranking.py), the whole document.
"""

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from data_contracts.closed import Bilingual
from data_contracts.index_spec import points, ranking, steps
from data_contracts.index_spec.basics import Measure, Quantity, Word, known_word
from data_contracts.messages import wrong

AnyStep = (
    steps.MinimumCases
    | steps.Transform
    | steps.Shrink
    | steps.Impute
    | steps.Winsorise
    | steps.MinMax
    | steps.Goalposts
    | steps.ZScore
    | steps.PercentileRank
    | steps.Rank
    | steps.Borda
    | steps.Exponential
    | steps.NormalScores
    | steps.DistanceToTarget
    | steps.Compare
    | steps.Linear
    | steps.Clip
    | steps.Round
    | steps.Adjust
    | points.StepPoints
    | points.PiecewisePoints
    | points.AchievementOrImprovement
    | points.Appraise
    | ranking.GradePoints
)
STEP_WORDS: tuple[str, ...] = tuple(
    word for model in AnyStep.__args__ for word in model.model_fields["step"].annotation.__args__
)
# Steps that put figures of different units on one scale: what Monte Carlo puts another in the place of.
NORMALISING = (
    "min_max", "goalposts", "z", "percentile_rank", "rank", "borda", "exponential", "normal_scores",
    "distance_to_target", "compare", "own_baseline",
)  # fmt: skip
Step = Annotated[AnyStep, Field(discriminator="step"), known_word("steps", "step", STEP_WORDS)]


class Ratio(Word):
    """A figure from two columns: numerator / (denominator − minus) × multiplier (`minus`: exceptions)."""

    numerator: str
    denominator: str
    minus: str | None = None
    multiplier: Measure = 1.0


class Sampling(Word):
    """How uncertain the raw figure of an indicator is: one of standard error, counts of a proportion, or interval."""

    standard_error: str | None = None
    denominator: str | None = None
    """Cases behind a proportion; its error is that of Wilson's interval."""
    scale: Measure = Field(default=1.0, gt=0)
    """The figure of a proportion of 1: 100 where it is in percent."""
    lower: str | None = None
    upper: str | None = None
    confidence: Measure = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="after")
    def _one(self) -> "Sampling":
        ways = [self.standard_error, self.denominator, self.lower and self.upper]
        if sum(way is not None for way in ways) != 1:
            raise wrong("index_one_sampling")
        return self


class SignedReason(Word):
    """Why an exception stands, who signed it and when."""

    by: str
    on: str
    reason: Bilingual


class Indicator(Word):
    """A leaf of the tree: one column, or a ratio of two, with its steps."""

    id: str
    titles: Bilingual | None = None
    column: str | None = None
    """Column of the data; the id itself if neither this, `ratio` nor `part` is given."""
    ratio: Ratio | None = None
    part: str | None = None
    """A part computed before (one of `beside`, say), whose score is the figure."""
    codes: dict[str, Measure] = {}
    """Words of the column and the number each counts as: {是: 1, 否: 0}."""
    direction: Literal["higher_is_better", "lower_is_better"] = "higher_is_better"
    weight: Quantity | None = None
    """Weight within its part, where weights are expert; a column gives every unit its own."""
    kind: Literal["controllable", "structural"] | None = None
    unit: str = ""
    source: str = ""
    steps: list[Step] | None = None
    """Its steps in order; without them those of `defaults`."""
    sampling: Sampling | None = None
    submitted: str | None = None
    """Column of the score the unit claims; shown beside the recomputed one."""
    pays: bool = False
    """It is paid for; then it may not be in an index of need without a signed reason."""
    rises_with_case_finding: bool = False
    """Better detection raises it: the prevalence of diagnosed disease, say. Where more of it counts as worse health it
    needs `detected_by` or a signed reason."""
    detected_by: str | None = None
    """Indicator of the same index that tells how much is detected, so that finding more is not read as being worse."""
    signed_reason: SignedReason | None = None
    ranks: list[ranking.Ranks] = []
    grades: list[ranking.Grades] = []

    @model_validator(mode="after")
    def _one_source(self) -> "Indicator":
        if sum(given is not None for given in (self.column, self.ratio, self.part)) > 1:
            raise wrong("index_column_or_ratio")
        return self

    @property
    def source_column(self) -> str:
        """The column read, for an indicator that is no ratio and no part."""
        return self.column or self.id


class Requirement(Word):
    """At least so many of the parts `of` must have a score."""

    of: list[str] = Field(min_length=1)
    at_least: int = Field(default=1, ge=1)


class Combine(Word):
    """How the scores of parts become one.

    arithmetic, geometric, harmonic and power (with `power`) are weighted means; sum is Σ weight × score; product is
    Π score ^ weight; variance and deviation (with `ddof`) tell how far parts lie apart, n/(n − ddof) × the weighted
    mean of squared distances from the weighted mean; median, minimum and maximum do not weigh. topsis: closeness to
    the ideal. rank_sum_ratio: Σ weight × rank / n. copeland: units beaten less units lost to, by weight of parts.
    vikor and edas as in their literature. Parts read higher as better.
    """

    how: Literal[
        "arithmetic", "geometric", "harmonic", "power", "sum", "product", "variance", "deviation", "median", "minimum",
        "maximum", "topsis", "rank_sum_ratio", "copeland", "vikor", "edas",
    ]  # fmt: skip
    missing: Literal["reweigh", "refuse", "substitute"]
    """reweigh: weights of the parts present are scaled up to the whole; refuse: no score where a part is missing;
    substitute: every missing part counts as `substitute`."""
    substitute: Measure | None = None
    best: int | None = Field(default=None, ge=1)
    """Only so many parts count, those with the highest scores (of equal ones the first)."""
    power: Measure | None = None
    ddof: Literal[0, 1] | None = None
    """variance, deviation: must be said."""
    floor: Measure | None = None
    """geometric, harmonic, power: scores below count as this, so that a zero does not annul everything; 0: it does.
    Without it a zero is refused where the mean is not defined."""
    minimum_parts: int = Field(default=1, ge=0)
    """Parts that must have a score; 0 lets a unit without any be given the substitute of all."""
    minimum_weight_share: Measure = Field(default=0.0, ge=0, le=1)
    require: list[Requirement] = []
    normalise: Literal["vector", "min_max", "none"] = "vector"
    """topsis: how parts are made comparable."""
    ranks: Literal["integer", "scaled"] = "integer"
    """rank_sum_ratio: ranks, ties averaged; scaled: 1 + (n − 1)(x − min)/(max − min)."""
    compromise: Measure = 0.5
    """vikor: weight of the group's utility."""

    @model_validator(mode="after")
    def _given(self) -> "Combine":
        if self.how == "power" and not self.power:
            raise wrong("index_needs", word="power", needs="power")
        if self.how in ("variance", "deviation") and self.ddof is None:
            raise wrong("index_needs", word=self.how, needs="ddof")
        if self.missing == "substitute" and self.substitute is None:
            raise wrong("index_needs", word="substitute", needs="substitute")
        return self


def _fractions(given: Any) -> Any:
    """Entries of a comparison as people write them: 1/3."""
    if not isinstance(given, list):
        return given
    try:
        return [[float(Fraction(str(cell).replace(" ", ""))) for cell in row] for row in given]
    except (ValueError, ZeroDivisionError, TypeError):
        raise wrong("index_comparison") from None


class Weights(Word):
    """Where the weights of the parts come from; they are scaled to the sum 1, but not in a sum.

    expert: `weight` of each part, or `by_class` for the policy class of the spec. equal. ahp: `comparison` of the
    parts in their order. entropy, critic, deviation, variance, merec, pca (first component), equal_influence (every
    part correlates equally with the whole): from the scores of the universe that miss no part; such weights follow
    the data, not importance.
    """

    how: Literal[
        "expert", "equal", "ahp", "entropy", "critic", "deviation", "variance", "merec", "pca", "equal_influence"
    ] = "expert"
    by_class: dict[str, dict[str, Measure]] = {}
    comparison: Annotated[list[list[Measure]], BeforeValidator(_fractions)] = []
    vector: Literal["eigenvector", "geometric"] = "eigenvector"
    random_index: Literal["saaty", "saaty_alternative"] | Measure = "saaty"
    consistency_below: Measure = 0.1
    """ahp: a consistency ratio from here on is refused."""
    scale: Literal["min_max", "none"] = "min_max"
    """entropy, critic, deviation, variance: scores brought to 0–1 first, or taken as they are."""
    shift: Measure = 0.0
    """entropy: added to every scaled score."""
    ddof: Literal[0, 1] = 1
    """critic, deviation, variance."""
    loadings: Literal["plain", "squared"] = "plain"
    """pca."""


class Group(Word):
    """A part made of parts; the whole tree is one."""

    id: str
    titles: Bilingual | None = None
    weight: Quantity | None = None
    weights: Weights = Weights()
    combine: Combine
    steps: list[Step] = []
    """What happens to the combined score."""
    submitted: str | None = None
    ranks: list[ranking.Ranks] = []
    grades: list[ranking.Grades] = []
    parts: list["Part"] = Field(min_length=1)


def _kind_of_part(given: Any) -> str:
    is_group = "parts" in given if isinstance(given, dict) else isinstance(given, Group)
    return "group" if is_group else "indicator"


Part = Annotated[Annotated[Group, Tag("group")] | Annotated[Indicator, Tag("indicator")], Discriminator(_kind_of_part)]
Group.model_rebuild()

"""Contested money that is paid once: projects of a special fund, awards.

Put here: the words of these streams. Keep out: how scores are made. None of this money enters next year's base.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Number, Positive, Share, StreamBase, Word
from data_contracts.allocation_spec.customary import OverPool, once
from data_contracts.allocation_spec.grants import ByCapacity, MatchRate, PaidKind
from data_contracts.closed import Bilingual
from data_contracts.index_spec.basics import known_word
from data_contracts.messages import wrong


class Applications(Word):
    """A row for each application."""

    table: str
    project: str
    payee: str
    cost: str
    """Column with the eligible cost, in the `unit` of the spec."""
    score: str | None = None
    lower: str | None = None
    upper: str | None = None
    """Columns with the score and its interval, unless `reviews` are given."""
    eligible: str | None = None
    """Column that says 1 where the application may compete."""
    panel: str | None = None
    """Column with the decision of the panel: 1 fund, 0 do not; for grey_zone: panel."""
    cap: str | None = None
    """Column with the most the project gets, in the `unit` of the spec; an empty cell is no cap of its own."""
    capacity: str | None = None
    """Column with fiscal capacity from 0 to 1, for a rate by capacity."""
    milestones: str | None = None
    """Column with the number of milestones reached: so many instalments may be paid."""
    grade: str | None = None
    """Column with the part (0 to 1) of the last instalment that performance earns."""


class Reviews(Word):
    """A row for each reviewer and application; severe and mild reviewers are set level before scores are compared."""

    table: str
    project: str
    reviewer: str
    score: str
    agreement_below: Share = Field(default="0.4", validate_default=True)
    """Below this agreement (ICC(2,k) where all scored all, else Krippendorff's α) the result warns."""


class ListReserve(Word):
    """A list that is served first, until so much of the pool is spent on it."""

    group: Id
    """One of `groups` of the payees."""
    share: Share
    """Part of the stream."""


class Projects(StreamBase):
    """The special fund: clearly above the line is funded, clearly below is not, the grey zone is drawn or decided."""

    kind: Literal["projects"]
    applications: Applications
    payee_kind: PaidKind = "payees"
    reviews: Reviews | None = None
    minimum_score: Number | None = None
    """Lower scores are not eligible."""
    line: Number | None = None
    """The score of the line; not given: where the money ends when all are served by score."""
    grey_zone: Literal["lottery", "panel"]
    """lottery: the smaller sha256 of "seed|project" comes first, which everybody can check."""
    seed: str | None = None
    """Published before scores are known; for a lottery."""
    rate: MatchRate
    cap: Positive | None = None
    """The most a project gets, in the `unit` of the spec."""
    reserve: ListReserve | None = None
    instalments: list[Share] = Field(default=["0.4", "0.4", "0.2"], validate_default=True, min_length=1)
    unspent_to: Id = "unspent"

    @model_validator(mode="after")
    def _agrees(self) -> "Projects":
        columns = self.applications
        if (self.grey_zone == "lottery") != (self.seed is not None):
            raise wrong("index_needs", word="grey_zone: lottery", needs="seed")
        if (self.grey_zone == "panel") != (columns.panel is not None):
            raise wrong("index_needs", word="grey_zone: panel", needs="applications.panel")
        scores = (columns.score, columns.lower, columns.upper)
        if any((column is None) != (self.reviews is not None) for column in scores):
            raise wrong("allocate_either", id=self.id, words="applications.score/lower/upper, reviews")
        if isinstance(self.rate, ByCapacity) and columns.capacity is None:
            raise wrong("index_needs", word=f"streams.{self.id}.rate", needs="applications.capacity")
        if sum(self.instalments) != 1:
            raise wrong("allocate_sum_to_1", id=self.id, word="instalments")
        if self.reserve is not None and self.payee_kind != "payees":
            raise wrong("index_needs", word="reserve", needs="payee_kind: payees")
        return self


class AwardTier(Word):
    """An award for reaching a standard."""

    id: Id
    titles: Bilingual | None = None
    standard: Number
    amount: Positive
    """Money, in the `unit` of the spec."""


class ByChance(Word):
    """For all whose true score reaches the standard with a stated probability, given its error and all other scores.

    Normal empirical Bayes after DerSimonian and Laird over the k who compete and have a score x and an error s above 0.
    With w = 1/s² and m = Σwx/Σw, true scores vary by τ² = max(0, (Σw(x − m)² − (k − 1)) / (Σw − Σw²/Σw)). With v =
    1/(τ² + s²) their mean is μ = Σvx/Σv. Of each, B = τ²/(τ² + s²) counts: its true score is normal around
    μ + B(x − μ) with variance Bs² + (1 − B)²/Σv, the last part being what is not known of μ. The chance of a standard
    is what of that lies at or above it, rounded to six decimals; the rounded chance decides and is published.
    """

    id: Id
    titles: Bilingual | None = None
    by: Literal["chance"]
    score: Figure
    """The score; for a class of the most improved: the improvement."""
    error: Figure | Literal["none"]
    """Its standard error, above 0; empty, as a score: no award. none: the score is taken as the truth itself, so that
    the chance of a standard is 0 or 1; said by who knows that it is."""
    probability: Share = Field(default="0.8", validate_default=True, gt=0)
    tiers: list[AwardTier] = Field(min_length=1)
    group: Id | None = None
    """Only members of this group compete."""
    places: int | None = Field(default=None, ge=1)
    """At most so many, the surest of the highest tier first."""

    @model_validator(mode="before")
    @classmethod
    def _how_sure(cls, given: Any) -> Any:
        """Without an error nobody is more or less sure: that is said, never assumed."""
        if isinstance(given, Mapping) and given.get("error") is None:
            raise wrong("allocate_chance_error", id=given.get("id", ""))
        return given

    @model_validator(mode="after")
    def _tiers(self) -> "ByChance":
        once(self.id, [tier.id for tier in self.tiers])
        once(self.id, [str(tier.standard.normalize()) for tier in self.tiers])
        rising = sorted(self.tiers, key=lambda tier: tier.standard)
        if any(later.amount < earlier.amount for earlier, later in pairwise(rising)):
            raise wrong("allocate_pay_falls", id=self.id, word="tiers")
        return self


class ByRank(Word):
    """For the first of a ranking; equal scores share a rank and both get its award."""

    id: Id
    titles: Bilingual | None = None
    by: Literal["rank"]
    score: Figure
    amounts: list[tuple[int, Positive]] = Field(min_length=1)
    """[up to this rank, money in the `unit` of the spec], rising."""
    group: Id | None = None

    @model_validator(mode="after")
    def _rises(self) -> "ByRank":
        lasts = [last for last, _ in self.amounts]
        if lasts != sorted(set(lasts)) or lasts[0] < 1:
            raise wrong("index_not_rising", word="amounts")
        if any(later > earlier for (_, earlier), (_, later) in pairwise(self.amounts)):
            raise wrong("allocate_pay_falls", id=self.id, word="amounts")
        return self


class ByGrade(Word):
    """For grades that were given."""

    id: Id
    titles: Bilingual | None = None
    by: Literal["grade"]
    grade: str
    """Column of the table of payees."""
    amounts: dict[str, Positive] = Field(min_length=1)
    """Grade → money in the `unit` of the spec; other grades get nothing."""
    group: Id | None = None


AwardClass = Annotated[
    ByChance | ByRank | ByGrade, Field(discriminator="by"), known_word("classes", "by", ("chance", "rank", "grade"))
]


class Awards(StreamBase):
    """Awards that are paid once and never enter next year's base."""

    kind: Literal["awards"]
    classes: list[AwardClass] = Field(min_length=1)
    once: bool = True
    """Who wins in one class does not compete in later ones."""
    over_pool: OverPool = "refuse"
    unspent_to: Id = "unspent"

    @model_validator(mode="after")
    def _agrees(self) -> "Awards":
        once(self.id, [item.id for item in self.classes])
        return self

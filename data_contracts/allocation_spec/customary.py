"""Customary ways to share money among institutions: by standard, work points, costs of items, weighted factors.

Put here: the words of these streams. Keep out: national standards and shares (data_contracts.national_funding),
arithmetic. Money per head, per item and per unit is in yuan whatever the `unit` of the spec.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Number, Positive, Share, StreamBase, Word
from data_contracts.closed import Bilingual
from data_contracts.messages import wrong

OverPool = Literal["refuse", "pro_rata"]


def _stripped(given: Any) -> Any:
    return given.strip() if isinstance(given, str) else given


Rate = Annotated[Literal["national"] | Positive | Figure, Field(union_mode="left_to_right"), BeforeValidator(_stripped)]
Part = Annotated[Literal["central"] | Share | Figure, Field(union_mode="left_to_right"), BeforeValidator(_stripped)]


class Regrant(Word):
    """What coefficients took off is given again, by a figure, among those with a high score."""

    at_least: Number
    """The score from which a payee takes part."""
    by: Figure
    """Population, as a rule."""


class StandardStream(StreamBase):
    """Population × standard × funded share × coefficient, for each payee what is due and no more than the pool."""

    kind: Literal["standard"]
    population: Figure
    population_in: Literal["persons", "wan"] = "persons"
    """wan: ten thousands of persons (万人)."""
    standard: Rate
    """Yuan per head; national: the national base standard of the `year`; or a column."""
    funded: Part = Field(default="1", validate_default=True)
    """The part of the standard that this money pays; central: the central share of the `region`; or a column."""
    region: str | None = None
    """Column of the table of payees with province names or region codes."""
    coefficient: Figure | None = None
    """The coefficient itself (performance factor) …"""
    score: Figure | None = None
    """… or the score whose coefficient stands in `bands`. A payee without score has the lowest coefficient there is."""
    bands: list[tuple[Number, Positive]] = []
    """[from this score on, coefficient], in any order; one of them from 0 or below."""
    regrant: Regrant | None = None
    over_pool: OverPool = "refuse"
    """What is due is more than the pool: refuse makes a conflict, pro_rata pays everybody the same part."""
    unspent_to: Id = "unspent"
    """The fund that holds what is not due to anybody."""

    @model_validator(mode="after")
    def _agrees(self) -> "StandardStream":
        if self.coefficient is not None and self.score is not None:
            raise wrong("allocate_either", id=self.id, words="coefficient, score")
        if (self.score is None) != (not self.bands) or (self.regrant is not None and self.score is None):
            raise wrong("index_needs", word=f"streams.{self.id}", needs="score, bands")
        if self.bands and min(edge for edge, _ in self.bands) > 0:
            raise wrong("allocate_bands_from_0", id=self.id)
        if len({edge for edge, _ in self.bands}) < len(self.bands):
            raise wrong("allocate_bands_from_0", id=self.id)
        if any(later < earlier for (_, earlier), (_, later) in pairwise(sorted(self.bands))):
            raise wrong("allocate_pay_falls", id=self.id, word="bands")
        if (self.funded == "central") != (self.region is not None):
            raise wrong("index_needs", word=f"streams.{self.id}.funded: central", needs="region")
        return self


class Work(Word):
    """Recorded work: a row for each payee and item; no row is no work, an empty count is unknown and refused."""

    table: str
    payee: str
    item: str
    count: str
    performance: str | None = None
    """Column with the part (0 to 1) of the work of this item that counts; for kind costs."""


class Block(Word):
    """A group of items with money of its own."""

    id: Id
    titles: Bilingual | None = None
    share: Share
    """Part of the stream."""
    quality: Figure | None = None
    """Score of each payee in this block; not given: all work counts in full."""
    full_marks: Positive = Field(default="1", validate_default=True, gt=0)
    """The score of work that counts in full."""


class PointItem(Word):
    """What one unit of an item counts."""

    id: str
    """As in the item column of the data."""
    block: Id
    points: Positive


class WorkPoints(StreamBase):
    """Money of each block by points of recorded work × quality; it is spent in full, quality only moves shares."""

    kind: Literal["work_points"]
    work: Work
    blocks: list[Block] = Field(min_length=1)
    items: list[PointItem] = Field(min_length=1)
    unspent_to: Id = "unspent"
    """The fund that holds the money of blocks in which nobody has any points."""

    @model_validator(mode="after")
    def _agrees(self) -> "WorkPoints":
        if self.work.performance is not None:
            raise wrong("allocate_not_with", id=self.id, word="work.performance", other="kind: work_points")
        blocks = [block.id for block in self.blocks]
        once(self.id, blocks)
        once(self.id, [item.id for item in self.items])
        if sum(block.share for block in self.blocks) != 1:
            raise wrong("allocate_sum_to_1", id=self.id, word="blocks")
        unknown = [item.block for item in self.items if item.block not in blocks]
        if unknown:
            raise wrong(
                "allocate_unknown", place=f"streams.{self.id}.items", word=unknown[0], hint={"zh": "", "en": ""}
            )
        return self


class CostItem(Word):
    """What one unit of an item costs."""

    id: str
    """As in the item column of the data."""
    titles: Bilingual | None = None
    unit_cost: Positive
    """Yuan."""


class Costs(StreamBase):
    """Quantity × unit cost × performance of all items, balanced to the pool by one factor K that is shown."""

    kind: Literal["costs"]
    work: Work
    items: list[CostItem] = Field(min_length=1)
    unspent_to: Id = "unspent"
    """The fund that holds the pool where nothing is due to anybody."""

    @model_validator(mode="after")
    def _agrees(self) -> "Costs":
        once(self.id, [item.id for item in self.items])
        return self


class Term(Figure):
    """A column that counts several times in a sum: one inpatient as ten outpatients."""

    times: Positive = Field(default="1", validate_default=True)


class WeightedFactor(Word):
    """A factor: each payee's part of the sum of all."""

    id: Id
    titles: Bilingual | None = None
    weight: Share
    sum: list[Term] = Field(min_length=1)
    """The figure: columns added up, as a rule one."""
    complement: bool = False
    """True: 1 − figure, for a figure from 0 to 1 such as fiscal capacity."""
    times: Figure | None = None
    """The figure is multiplied by this one: 1 − fiscal capacity × population."""
    best: int | None = Field(default=None, ge=1)
    """Only so many with the highest figure take part, in equal parts; who ties with the last of them does, too."""

    @model_validator(mode="after")
    def _one_column(self) -> "WeightedFactor":
        if self.complement and len(self.sum) > 1:
            raise wrong("index_needs", word="complement", needs="sum: [{column}]")
        if self.best is not None and (self.complement or self.times is not None):
            raise wrong("allocate_not_with", id=self.id, word="best", other="complement, times")
        return self


class Factors(StreamBase):
    """The pool by weighted parts of several totals, rounded once."""

    kind: Literal["factors"]
    factors: list[WeightedFactor] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees(self) -> "Factors":
        once(self.id, [factor.id for factor in self.factors])
        if sum(factor.weight for factor in self.factors) != 1:
            raise wrong("allocate_sum_to_1", id=self.id, word="factors")
        return self


def once(stream: str, ids: list[str]) -> None:
    """Raise where an id stands twice within a stream."""
    for name in ids:
        if ids.count(name) > 1:
            raise wrong("allocate_twice", place=f"streams.{stream}", id=name)

"""Words that several parts of an allocation spec share: exact numbers, shares, streams and where figures stand.

Put here: small models used in more than one place of the spec. Keep out: anything that is used in one.
"""

from typing import Annotated

from pydantic import Field, model_validator

from data_contracts.closed import Bilingual
from data_contracts.exact import Exact
from data_contracts.index_spec.basics import Word
from data_contracts.messages import wrong

__all__ = ["Figure", "Id", "Least", "Number", "Positive", "Share", "StreamBase", "Word"]

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]+$", max_length=80)]
Number = Annotated[Exact, Field(allow_inf_nan=False, gt=-(10**15), lt=10**15)]
"""An exact decimal number, written as it is."""
Positive = Annotated[Exact, Field(allow_inf_nan=False, ge=0, lt=10**15)]
"""An exact decimal number, not negative. As money: in the `unit` of the spec."""
Share = Annotated[Exact, Field(allow_inf_nan=False, ge=0, le=1)]
"""A part of a whole, from 0 to 1."""


class Figure(Word):
    """A column of a table with a figure for each payee."""

    column: str
    table: str | None = None
    """The table of payees if not given; another must have a row for each payee, under the same id column."""


class Least(Word):
    """What a budget line may not fall below: one of `amount`, `growth` on `base`, `per_head`."""

    id: Id
    reference: str | None = None
    """The document that orders it."""
    amount: Positive | None = None
    """Money."""
    growth: Number | None = None
    """Yearly growth that must be reached on `base`: 0.05 is five per cent."""
    base: Positive | None = None
    """With `growth`: the money of the year before."""
    per_head: Positive | None = None
    """Money for each person of `population`, over all payees."""
    population: Figure | None = None
    """With `per_head`: the people of each payee."""

    @model_validator(mode="after")
    def _one_way(self) -> "Least":
        if sum(way is not None for way in (self.amount, self.growth, self.per_head)) != 1:
            raise wrong("allocate_least_way", id=self.id)
        if (self.growth is None) != (self.base is None) or (self.per_head is None) != (self.population is None):
            raise wrong("allocate_least_pair", id=self.id)
        return self


class StreamBase(Word):
    """What every stream of money says: its id and how large it is, by exactly one of share, amount and rest."""

    id: Id
    titles: Bilingual | None = None
    """What a clerk calls it; the id if not given."""
    share: Share | None = None
    """Part of the budget."""
    amount: Positive | None = None
    """Money, in the `unit` of the spec."""
    rest: bool = False
    """True: all that other streams leave of the budget; at most one stream."""
    at_least: list[Least] = []
    """What this budget line may not fall below; a smaller stream is a conflict, and no money is divided."""
    reference: str | None = None
    """The document that orders the stream, if it is not one of the `references` of the spec as a whole."""

    @model_validator(mode="after")
    def _one_size(self) -> "StreamBase":
        if (self.share is not None) + (self.amount is not None) + self.rest != 1:
            raise wrong("allocate_one_size", id=self.id)
        return self

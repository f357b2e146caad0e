"""How unsure figures are: what draws may change to show how far an amount could lie from what is paid.

Put here: the words of the draws. Keep out: drawing (evaluations).
"""

from typing import Literal

from pydantic import Field, model_validator

from data_contracts.allocation_spec.basics import Number, Positive, Word
from data_contracts.messages import wrong


class Uncertain(Word):
    """A column of figures that are estimates; empty cells stay unknown."""

    column: str
    table: str | None = None
    """The table of payees if not given."""
    distribution: Literal["normal", "lognormal"]
    """lognormal: for figures above 0 that err by a factor; its mean is the figure."""
    se: str | None = None
    """Column of the same table with the standard error of each figure …"""
    relative_sd: Positive | None = None
    """… or one part of the figure for all: 0.03 is three per cent."""
    low: Number | None = Field(default=0, validate_default=True)
    """What is drawn lower counts as this."""
    high: Number | None = None
    """What is drawn higher counts as this: 100 for a risk, 1 for a score."""
    digits: int = Field(default=6, ge=0, le=9)
    """Decimals of what is drawn: 0 for people."""

    @model_validator(mode="after")
    def _one_way(self) -> "Uncertain":
        if (self.se is None) == (self.relative_sd is None):
            raise wrong("allocate_uncertain_way", column=self.column)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise wrong("allocate_uncertain_ends", column=self.column)
        return self


class Uncertainty(Word):
    """Draws over uncertain figures: an interval from 5 to 95 per cent around each amount, which is never payable."""

    seed: int = Field(ge=0, lt=2**63)
    draws: int = Field(default=500, ge=20, le=5000)
    """With many payees fewer are made, and the result says how many."""
    columns: list[Uncertain] = Field(min_length=1)

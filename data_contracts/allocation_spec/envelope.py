"""The year's money: the budget, what it may not fall below, and streams that only hold money.

Put here: sizes of the whole. Keep out: who gets it (the other kinds of streams).
"""

from typing import Literal

from pydantic import model_validator

from data_contracts.allocation_spec.basics import Id, Least, Positive, StreamBase, Word
from data_contracts.messages import wrong


class Budget(Word):
    """The money of the year: an amount, or the largest of what it may not fall below."""

    amount: Positive | None = None
    """Money, in the `unit` of the spec. Not given: the largest `at_least`."""
    at_least: list[Least] = []
    """Floors of the budget line; an amount below one of them is a conflict, and no money is divided."""

    @model_validator(mode="after")
    def _something(self) -> "Budget":
        if self.amount is None and not self.at_least:
            raise wrong("allocate_no_amount")
        return self


class FundStream(StreamBase):
    """Money that is held and not divided: contingency, transition, a reserve."""

    kind: Literal["fund"]
    fund: Id
    """The fund that holds it, a payee of kind fund."""
    contingency: bool = False
    """True: not part of the distributable money, of which reserved shares are taken."""

"""The improvement dividend: a community that gets healthier keeps, for some years, the need money it would lose.

Put here: the words of the dividend. Keep out: need itself.
"""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from data_contracts.allocation_spec.basics import Figure, Id, Share, StreamBase


class Dividend(StreamBase):
    """Money for payees whose risk fell by their own doing: retention × (target at the old risk − target at the new).

    It makes good the lost target, also where a floor or the pace of change kept the need money itself from falling: the
    rule looks at what the payee did, not at which bound held that year, and the payee can reckon it beforehand.
    """

    kind: Literal["dividend"]
    need: Id
    """The need stream whose targets are compared."""
    retention: list[Share] = Field(default=[Decimal(part) for part in ("1", "0.75", "0.5", "0.25", "0")], min_length=1)
    """Part of the loss that is made good in the first, second … year after the reset; nothing afterwards."""
    year: int = Field(ge=1)
    """The how many-th year after the reset this is."""
    risk_before: Figure
    """Risk at the settlement before; empty: no dividend."""
    risk_improved: Figure
    """Risk before, with only the indicators changed that the payee controls."""
    fund: Id = "transition"
    """The fund that holds what is not used. A pool too small pays everybody the same part, and the result says so."""

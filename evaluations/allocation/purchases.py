"""Purchased services: verified volume × price, up to the cap of the contract.

Put here: what a contract pays. Keep out: how a volume was verified, which contracts there are.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Contract:
    """`verified` of `claimed` units (None: no claim is on record) at `price` fen each, `cap` fen."""

    verified: Fraction
    price: Fraction
    cap: int | None = None
    claimed: Fraction | None = None


@dataclass(frozen=True)
class Bought:
    """In fen: `due` = `worth` − `over_cap`; `refused` is what the volume that was not verified would have cost."""

    worth: int
    over_cap: int
    due: int
    refused: int


def bought(contract: Contract) -> Bought:
    """What a contract pays; whole fen, never more than volume × price.

    Raises ValueError for a negative figure or more verified than claimed.
    """
    (volume, volume_unit), (price, price_unit) = (own.as_integer_ratio() for own in (contract.verified, contract.price))
    negative = volume < 0 or price < 0 or (contract.cap is not None and contract.cap < 0)
    if negative or (contract.claimed is not None and contract.verified > contract.claimed):
        raise ValueError("volumes, prices and caps are not negative, and no more is verified than was claimed")
    worth = volume * price // (volume_unit * price_unit)
    due = worth if contract.cap is None else min(worth, contract.cap)
    claimed = worth if contract.claimed is None else int(contract.claimed * contract.price)
    return Bought(worth, worth - due, due, claimed - worth)

"""From what is due for a year to what is sent now: paid before, carried over, clawed back, each a column of its own.

Put here: the one sum that no column is netted into silently. Keep out: why something is due, quarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Settlement:
    """In fen, all ≥ 0, per payee: due + offset = prepaid + carried_over + claw_back + payable.

    `carried_over` is the balance of earlier years that is used up now, `offset` what the payee owes and the next
    year takes off: a negative settlement is never paid and never lost.
    """

    due: list[int]
    prepaid: list[int]
    carried_over: list[int]
    claw_back: list[int]
    payable: list[int]
    offset: list[int]


def settled(
    due: Sequence[int],
    prepaid: Sequence[int] | None = None,
    carried_over: Sequence[int] | None = None,
    claw_back: Sequence[int] | None = None,
) -> Settlement:
    """Settle each payee; what is not given is 0. Raises ValueError for a negative column."""
    nothing = [0] * len(due)
    before, carried, back = (list(column or nothing) for column in (prepaid, carried_over, claw_back))
    if any(amount < 0 for column in (due, before, carried, back) for amount in column):
        raise ValueError("columns of a settlement are not negative")
    left = [whole - a - b - c for whole, a, b, c in zip(due, before, carried, back, strict=True)]
    payable, offset = [max(amount, 0) for amount in left], [max(-amount, 0) for amount in left]
    return Settlement(list(due), before, carried, back, payable, offset)

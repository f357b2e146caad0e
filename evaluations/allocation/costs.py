"""Cost of items × performance, balanced to the budget (method C).

Put here: what each item costs a payee and the balancing factor K. Keep out: unit costs (settings).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from evaluations.allocation.exact import whole, whole_rows
from evaluations.rounding import largest_remainder, rows_by_id


@dataclass(frozen=True)
class CostShares:
    """`due` exact fen per payee; `items` fen per payee and item, which sum to `paid` of the payee.

    `balance`: K = pool ÷ Σ due, None where nothing is due. Above 1: unit costs are understated or volume is low; below
    1: the reverse.
    """

    due: list[Fraction]
    balance: Fraction | None
    items: list[list[int]]
    paid: list[int]
    unspent: int


def cost_shares(
    quantities: Sequence[Sequence[Fraction]],
    unit_costs: Sequence[Fraction],
    performance: Sequence[Sequence[Fraction]],
    pool: int,
    ids: Sequence[str],
    item_ids: Sequence[str],
) -> CostShares:
    """`quantities` and `performance` (≥ 0) per payee and item, `unit_costs` in fen per item; ids settle ties."""
    (costs, scale), counts, done = whole(unit_costs), whole_rows(quantities), whole_rows(performance)
    scale *= counts.scale * done.scale
    parts = [
        [count * cost * part for count, cost, part in zip(row, costs, own, strict=True)]
        for row, own in zip(counts.rows, done.rows, strict=True)
    ]
    sums = list(map(sum, parts))
    paid = largest_remainder(sums, pool, ids)
    items = rows_by_id(np.array(parts, dtype=object), np.array(paid, dtype=object), item_ids).tolist()
    total = sum(sums)
    balance = Fraction(pool * scale, total) if total else None
    return CostShares([Fraction(own, scale) for own in sums], balance, items, paid, pool - sum(paid))

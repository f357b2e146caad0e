"""Who pays for floors, caps and each reserved share, and what is held: need money step by step against its target.

Put here: what each reserved share changes, the table of payers. Keep out: the division (pace.py), the check of reserved
shares (reserves.py).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from evaluations.allocation.lines import frame_of
from evaluations.allocation.pace import Paced
from evaluations.nested_fill import nested_fill

PAYERS_SCHEMA = {
    "stream": pl.String, "rule": pl.String, "payee_id": pl.String, "role": pl.String, "amount_fen": pl.Int64,
}  # fmt: skip
BOUNDS, LEAKAGE, RESERVE = "floors_and_caps", "leakage_held", "reserve"
Changes = dict[str, list[int]]
"""Rule → fen by which it changes the money of each payee."""


def by_reserve(found: Paced) -> Changes:
    """What each reserved share that binds changes beside those before it, the largest group first.

    Each sums to 0 over the payees; all together lead from natural to reserved money.
    """
    problem = found.binding
    if problem is None:
        return {}
    groups: dict[str, tuple[Sequence[int], int]] = {}
    steps: list[tuple[str, list[int]]] = []
    money = found.natural
    for own in sorted(problem.guarantees, key=lambda own: -len(own.places)):
        groups[own.reserve] = (own.places, own.minimum)
        if sum(money[at] for at in own.places) < own.minimum:
            if len(groups) < len(problem.guarantees):
                fill = nested_fill(problem.targets, problem.floors, problem.caps, problem.pool, problem.ids, groups)
                money = fill.amounts
            steps.append((own.reserve, money))
    # The last that binds leads to what all of them make together.
    steps[-1] = (steps[-1][0], found.reserved)
    befores = [found.natural, *(money for _, money in steps)]
    return {name: _less(after, before) for (name, after), before in zip(steps, befores, strict=False)}


def _less(after: Sequence[int], before: Sequence[int]) -> list[int]:
    return [new - old for new, old in zip(after, before, strict=True)]


def payers_table(
    stream: str, ids: Sequence[str], targets: Sequence[int], found: Paced, shares: Changes
) -> pl.DataFrame:
    """PAYERS_SCHEMA: by rule, who receives (above 0) and who pays (below 0); `shares`: as `by_reserve`.

    `floors_and_caps`: money within floors and caps less the target. `reserve:<id>`: what the reserved share changes.
    `leakage_held`: what a fund keeps of the payee's money. Shares sum to 0 over the payees; so do floors and caps, but
    for what nobody may take and a fund holds.
    """
    changes: Mapping[str, list[int]] = {
        BOUNDS: _less(found.natural, targets),
        **{f"{RESERVE}:{name}": change for name, change in shares.items()},
        LEAKAGE: _less(found.amounts, found.reserved),
    }
    rows = [
        (stream, rule, payee, "receives" if change > 0 else "pays", change)
        for rule, own in changes.items()
        for payee, change in zip(ids, own, strict=True)
        if change
    ]
    return frame_of(rows, **PAYERS_SCHEMA)

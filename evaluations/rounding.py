"""Whole units that sum exactly: largest remainder, and equal instalments of a year.

Put here: turning exact shares into integers, once. Keep out: what is shared.
"""

from collections.abc import Sequence
from itertools import pairwise
from operator import le

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64] | NDArray[np.object_]
"""Whole numbers: of the machine where they are known to fit, else of Python. The same formulas hold for both."""
LARGEST_WHOLE = 2**63 - 1
"""The largest whole number of the machine, and of tables."""


def largest_remainder(weights: Sequence[int], total: int, ids: Sequence[str]) -> list[int]:
    """Integers proportional to non-negative `weights` that sum to `total`, each within one of its exact share.

    Everybody gets the whole part; what is left goes one by one to the largest remainders, ties to the smaller id.
    Without any weight nobody gets anything. Not house-monotone (a larger total may lower a share): round once only.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    in_order = all(map(le, ids, ids[1:]))
    return _given(weights, whole, total, range(len(ids)) if in_order else sorted(range(len(ids)), key=ids.__getitem__))


def by_place(weights: Sequence[int], total: int, whole: int | None = None) -> list[int]:
    """As `largest_remainder`, ties to the earlier place; `whole`: the sum of the weights, where it is known."""
    whole = sum(weights) if whole is None else whole
    if len(weights) == 2 and whole:
        first, rest = divmod(weights[0] * total, whole)
        first += 2 * rest >= whole
        return [first, total - first]
    return _given(weights, whole, total, range(len(weights))) if whole and total else [0] * len(weights)


def rows_by_place(weights: Whole, totals: Whole) -> Whole:
    """`by_place` of every row of `weights` (rows × places) with its own total: the same units, many rows at once."""
    # Neither products with totals nor sums of weights may go beyond the machine.
    if weights.size and int(weights.max()) * max(int(totals.max()), weights.shape[1]) > LARGEST_WHOLE:
        weights, totals = weights.astype(object), totals.astype(object)
    whole = weights.sum(axis=1, keepdims=True)
    totals = np.where(whole == 0, 0, totals[:, None])
    exact, whole = weights * totals, np.where(whole == 0, 1, whole)
    found = exact // whole
    rest = exact - found * whole
    left = totals - found.sum(axis=1, keepdims=True)
    # Stable: of equal remainders the earlier place comes first.
    order = np.argsort(-rest, axis=1, kind="stable")
    raised = np.zeros(found.shape, dtype=np.int64)
    np.put_along_axis(raised, order, (np.arange(found.shape[1]) < left).astype(np.int64), axis=1)
    return found + raised


def rows_by_id(weights: Whole, totals: Whole, ids: Sequence[str]) -> Whole:
    """`largest_remainder` of every row of `weights` (rows × ids) with its own total, ties to the smaller id."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    found = np.empty(weights.shape, dtype=object)
    found[:, order] = rows_by_place(weights[:, order], totals)
    return found


def _given(weights: Sequence[int], whole: int, total: int, order: Sequence[int]) -> list[int]:
    """Shares of `total`; `order`: places as ties prefer them."""
    found = [weight * total // whole for weight in weights]
    left = total - sum(found)
    if left == 1:
        # As below, of ties the first.
        found[max(order, key=[weight * total % whole for weight in weights].__getitem__)] += 1
    elif left:
        remainders = [weight * total % whole for weight in weights]
        # A sort is stable, also in reverse.
        for at in sorted(order, key=remainders.__getitem__, reverse=True)[:left]:
            found[at] += 1
    return found


def instalments(total: int, parts: int) -> list[int]:
    """`total` in `parts` instalments whose running sums are the rounded-down running shares."""
    running = [total * part // parts for part in range(parts + 1)]
    return [later - earlier for earlier, later in pairwise(running)]

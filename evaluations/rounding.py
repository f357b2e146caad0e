"""Whole units that sum exactly: largest remainder, and equal instalments of a year.

Put here: turning exact shares into integers, once. Keep out: what is shared.
"""

from collections.abc import Sequence
from itertools import pairwise


def largest_remainder(weights: Sequence[int], total: int, ids: Sequence[str]) -> list[int]:
    """Integers proportional to non-negative `weights` that sum to `total`, each within one of its exact share.

    Everybody gets the whole part; what is left goes one by one to the largest remainders, ties to the smaller id.
    Without any weight nobody gets anything. Not house-monotone (a larger total may lower a share): round once only.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = [divmod(weight * total, whole) for weight in weights]
    left = total - sum(quotient for quotient, _ in shares)
    order = sorted(range(len(weights)), key=lambda at: (-shares[at][1], ids[at]))
    winners = set(order[:left])
    return [quotient + (at in winners) for at, (quotient, _) in enumerate(shares)]


def instalments(total: int, parts: int) -> list[int]:
    """`total` in `parts` instalments whose running sums are the rounded-down running shares."""
    running = [total * part // parts for part in range(parts + 1)]
    return [later - earlier for earlier, later in pairwise(running)]

"""Work points (method B): a block's budget by points of recorded work, corrected by its quality.

Put here: one block. Keep out: point values (settings of a county), how quality was scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluations.allocation.exact import split


@dataclass(frozen=True)
class PointShares:
    """Per payee: points of its work, points corrected by quality, fen. `unspent`: fen that nobody's work earned."""

    points: list[Fraction]
    corrected: list[Fraction]
    paid: list[int]
    unspent: int


def work_points(
    work: Sequence[Sequence[Fraction]],
    points: Sequence[Fraction],
    quality: Sequence[Fraction],
    pool: int,
    ids: Sequence[str],
) -> PointShares:
    """`work` per payee and item, `points` per item, `quality` per payee from 0 to 1.

    The whole pool is shared, quality only moves shares; nobody without records gets any, and without any corrected
    points nothing is paid. Raises ValueError for quality outside 0 to 1.
    """
    if any(not 0 <= part <= 1 for part in quality):
        raise ValueError("quality must lie from 0 to 1")
    raw = [sum((count * value for count, value in zip(counts, points, strict=True)), Fraction(0)) for counts in work]
    corrected = [own * part for own, part in zip(raw, quality, strict=True)]
    paid = split(corrected, pool, ids)
    return PointShares(raw, corrected, paid, pool - sum(paid))

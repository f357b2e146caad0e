"""Work points (method B): a block's budget by points of recorded work, corrected by its quality.

Put here: one block. Keep out: point values (settings of a county), how quality was scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul

from evaluations.allocation.exact import whole, whole_rows
from evaluations.rounding import largest_remainder


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
    parts, full = whole(quality)
    if any(not 0 <= part <= full for part in parts):
        raise ValueError("quality must lie from 0 to 1")
    (values, scale), counts = whole(points), whole_rows(work)
    scale *= counts.scale
    raw = [sum(map(mul, row, values)) for row in counts.rows]
    corrected = list(map(mul, raw, parts))
    paid = largest_remainder(corrected, pool, ids)
    return PointShares(
        [Fraction(own, scale) for own in raw], [Fraction(own, scale * full) for own in corrected], paid,
        pool - sum(paid),
    )  # fmt: skip

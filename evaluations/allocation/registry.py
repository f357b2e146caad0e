"""Kind of stream → the function that divides it, and the order of kinds.

A function takes the stream, its pool in fen and the Setting, and answers with a StreamResult whose lines sum to the
pool: what it does not pay to payees stands in the line of a fund. It is pure, changes nothing it is given, and raises
DataError for cells and Infeasible for rules that cannot hold together.

Put here: one line for each kind. Keep out: arithmetic.
"""

from collections.abc import Callable
from typing import Any

from evaluations.allocation import dividend, need_stream, performance
from evaluations.allocation.contests import by_awards, by_projects
from evaluations.allocation.customary import by_costs, by_factors, by_work_points
from evaluations.allocation.envelope import held
from evaluations.allocation.granting import by_entitlements, by_matching, by_purchases
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.setting import Setting
from evaluations.allocation.standards import by_standard

Divide = Callable[[Any, int, Setting], StreamResult]

DIVIDE: dict[str, Divide] = {
    "fund": held,
    "standard": by_standard,
    "work_points": by_work_points,
    "costs": by_costs,
    "factors": by_factors,
    "purchases": by_purchases,
    "entitlements": by_entitlements,
    "matching": by_matching,
    "projects": by_projects,
    "awards": by_awards,
    "need": need_stream.divide,
    "performance": performance.divide,
    "dividend": dividend.divide,
}
# Kinds that look at what others paid: need makes up for reserved shares, the dividend for changed targets.
LATER = ("need", "dividend")


def rounds(kinds: list[str]) -> list[int]:
    """Places of streams of these kinds in the order in which they are divided."""
    return sorted(range(len(kinds)), key=lambda at: (LATER.index(kinds[at]) + 1 if kinds[at] in LATER else 0, at))

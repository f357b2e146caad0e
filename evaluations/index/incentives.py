"""What an index of need does to a unit that improves: points lost, and with them need money.

Put here: the effect of improving each controllable indicator. Keep out: the money itself (evaluations.allocation).
"""

from typing import NamedTuple

import numpy as np

from data_contracts.index_spec.document import IndexSpec, all_parts
from data_contracts.index_spec.tree import Indicator
from evaluations.index.numeric import Mask, mean
from evaluations.index.scoring import Scored, Variation, scored
from evaluations.index.sheet import Sheet
from evaluations.index.stacking import stacked, unit_by_unit


class Incentive(NamedTuple):
    """Improving an indicator by one unit of its figure: units looked at, units that lose points, mean and most lost."""

    indicator: str
    units: int
    losing: int
    mean_loss: float
    most_loss: float


def controllable(spec: IndexSpec) -> list[Indicator]:
    """Indicators of an index of need that a unit can move; not said to be structural counts as can.

    One that reads the score of a part moves with what that part is made of.
    """
    leaves = [part for part in all_parts(spec) if isinstance(part, Indicator) and part.part is None]
    return [item for item in leaves if spec.purpose == "need" and item.kind != "structural"]


def incentives(spec: IndexSpec, sheet: Sheet, found: Scored, within: Mask) -> list[Incentive]:
    """For each controllable indicator of an index of need, what improving by 1 does to the units of `within`.

    More of the index is worse health, so better is whatever lowers it. Where one unit's score depends on others there
    is no figure to give: no unit is looked at, but the indicators are named all the same.
    """
    items = controllable(spec)
    if not unit_by_unit(spec):
        return [Incentive(item.id, 0, 0, float("nan"), float("nan")) for item in items]
    if not items:
        return []
    height, copies = sheet.height, len(items)
    raw = {name: np.tile(own, copies) for name, own in found.raw.items()}
    for place, item in enumerate(items):
        better = -1.0 if item.direction == "higher_is_better" else 1.0
        raw[item.id][place * height : (place + 1) * height] += better
    again = scored(spec, stacked(sheet, copies), Variation(raw=raw), silent=True, plan=found.plan)
    moved = again.scores[spec.tree.id].reshape(copies, height)
    root, result = found.scores[spec.tree.id], []
    for item, after in zip(items, moved, strict=True):
        known = within & np.isfinite(found.raw[item.id]) & np.isfinite(root) & np.isfinite(after)
        loss = (root - after)[known]
        most = float(loss.max()) if loss.size else float("nan")
        result.append(Incentive(item.id, int(known.sum()), int((loss > 1e-9).sum()), mean(loss), most))
    return result

"""What getting better at an indicator does to the risk index: by the index itself, or by what the spec declares.

Put here: new risks of a payee that gets better, and of the others where the index compares them. Keep out: money.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.allocation_spec.need import Risk
from data_contracts.index_spec.document import IndexSpec, columns_used, indicators_of
from data_contracts.index_spec.tree import Indicator
from evaluations.index.numeric import rounded
from evaluations.index.scoring import Scored, Variation, scored
from evaluations.index.sheet import sheet_of
from evaluations.index.stacking import unit_by_unit
from evaluations.index.widening import widened

Floats = NDArray[np.float64]
_DIGITS = Decimal("0.000001")
_HIGHEST = 100.0


@dataclass(frozen=True)
class RiskMove:
    """An indicator of the index: `spread` is one standard deviation in points, None where nobody says.

    `after(rows, points)`: for payees at `rows` that get better by `points`, the risks of all payees then, one row each.
    """

    indicator: str
    spread: Decimal | None
    after: Callable[[Sequence[int], Sequence[float]], Floats]


def declared_moves(risk: Risk, risks: Sequence[Decimal | None]) -> tuple[list[RiskMove], list[str]]:
    """Controllable indicators with a declared effect; and those of which nobody says what they do."""
    before = np.array([float(own) if own is not None else np.nan for own in risks])
    moves, unknown = [], []
    for name, own in risk.indicators.items():
        if not own.controllable:
            continue
        if own.effect_per_point is None:
            unknown.append(name)
            continue
        moves.append(RiskMove(name, own.spread, _declared(before, float(own.effect_per_point))))
    return moves, unknown


def _declared(before: Floats, effect: float) -> Callable[[Sequence[int], Sequence[float]], Floats]:
    def after(rows: Sequence[int], points: Sequence[float]) -> Floats:
        found = np.repeat(before[None, :], len(rows), axis=0)
        places = np.arange(len(rows))
        moved = found[places, list(rows)] + effect * np.asarray(points)
        found[places, list(rows)] = np.round(np.clip(moved, 0.0, _HIGHEST), 6)
        return found

    return after


@dataclass(frozen=True)
class Computed:
    """The index as it stands: risks of the payees as published, and what moving its indicators does."""

    risks: Floats
    moves: list[RiskMove]


def computed_moves(
    index: IndexSpec, frame: pl.DataFrame, ids: Sequence[str], risk: Risk, better: Mapping[str, int]
) -> Computed:
    """The index over `frame`; `better`: 1 or −1 for paid indicators, the side on which a figure is better.

    Of others, better is what lowers the index, because more of an index of need is worse health. A point is 0.01 where
    all figures are shares, else 1. Raises KeyError for a payee without a row, SheetError for the data.
    """
    frame = widened(frame, index.unit, index.long, set(columns_used(index))) if index.long is not None else frame
    sheet = sheet_of(frame, index)
    found = scored(index, sheet, silent=True)
    place = {unit: at for at, unit in enumerate(sheet.units)}
    order = np.array([place[payee] for payee in ids], dtype=int)
    moves = []
    for item in indicators_of(index.tree):
        known = risk.indicators.get(item.id)
        if known.controllable if known is not None else item.kind != "structural":
            side = better.get(item.id, -1 if item.direction == "higher_is_better" else 1)
            moves.append(_computed(index, found, item, order, side))
    return Computed(_published(index, found)[order], moves)


def _published(index: IndexSpec, found: Scored) -> Floats:
    return np.asarray(rounded(found.scores[index.tree.id], index.digits, "half_up") + 0.0)


def _computed(index: IndexSpec, base: Scored, item: Indicator, order: NDArray[np.int_], side: int) -> RiskMove:
    raw = base.raw[item.id]
    known = raw[np.isfinite(raw)]
    point = 0.01 if known.size and known.min() >= 0 and known.max() <= 1 else 1.0
    spread = Decimal(repr(float(known.std() / point))).quantize(_DIGITS) if known.size else None
    alone = unit_by_unit(index)
    before = _published(index, base)[order]

    def run(moved: Floats) -> Floats:
        varied = scored(index, base.sheet, Variation(raw={**base.raw, item.id: moved}), silent=True)
        return _published(index, varied)[order]

    def after(rows: Sequence[int], points: Sequence[float]) -> Floats:
        found = np.repeat(before[None, :], len(rows), axis=0)
        if alone:
            moved = raw.copy()
            moved[order[list(rows)]] += side * point * np.asarray(points)
            found[np.arange(len(rows)), list(rows)] = run(moved)[list(rows)]
            return found
        for number, (row, own) in enumerate(zip(rows, points, strict=True)):
            moved = raw.copy()
            moved[order[row]] += side * point * own
            found[number] = run(moved)
        return found

    return RiskMove(item.id, spread, after)

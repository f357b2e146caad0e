"""What getting better at an indicator does to the risk index: by the index itself, or by what the spec declares.

Put here: new risks of a payee that gets better, and of the others where the index compares them. Keep out: money.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.allocation_spec.need import Risk
from data_contracts.index_spec.document import IndexSpec, columns_used, indicators_of, unit_columns
from data_contracts.index_spec.points import PiecewisePoints, StepPoints
from data_contracts.index_spec.tree import Indicator
from evaluations.allocation.edges import BEYOND, beyond
from evaluations.index.numeric import rounded
from evaluations.index.scoring import Scored, Variation, scored
from evaluations.index.sheet import sheet_of
from evaluations.index.stacking import unit_by_unit
from evaluations.index.widening import widened

Floats = NDArray[np.float64]
_DIGITS = Decimal("0.000001")
_HIGHEST = 100.0
# Tries to find how much better a payee must get for its index to pass an edge, and cells of one try.
_TRIES, _CELLS = 8, 400_000
Ahead = list[list[Decimal]]
"""For each payee points to just beyond the edges ahead of it, the nearest first."""


@dataclass(frozen=True)
class RiskMove:
    """An indicator of the index: `spread` is one standard deviation in points, None where nobody says.

    `after(rows, points)`: for payees at `rows` that get better by `points`, the risks of all payees then, one row each.
    `ahead(edges)`: points that lead beyond risks at which a rule jumps, and beyond jumps of the index itself.
    """

    indicator: str
    spread: Decimal | None
    after: Callable[[Sequence[int], Sequence[float]], Floats]
    ahead: Callable[[Sequence[Decimal]], Ahead]


def declared_moves(risk: Risk, risks: Sequence[Decimal | None]) -> tuple[list[RiskMove], list[str]]:
    """Controllable indicators with a declared effect; and those of which nobody says what they do.

    Those that measure the same (`same_as`) are one, with the effects of all.
    """
    before = np.array([float(own) if own is not None else np.nan for own in risks])
    effects: dict[str, Decimal] = {}
    spreads: dict[str, Decimal | None] = {}
    unknown = []
    for name, own in risk.indicators.items():
        if not own.controllable:
            continue
        if own.effect_per_point is None:
            unknown.append(name)
            continue
        key = own.same_as or name
        effects[key] = effects.get(key, Decimal(0)) + own.effect_per_point
        spreads[key] = spreads.get(key) or own.spread
    moves = [
        RiskMove(key, spreads[key], _declared(before, float(effect)), _declared_ahead(risks, effect))
        for key, effect in effects.items()
    ]
    return moves, unknown


def _declared(before: Floats, effect: float) -> Callable[[Sequence[int], Sequence[float]], Floats]:
    def after(rows: Sequence[int], points: Sequence[float]) -> Floats:
        found = np.repeat(before[None, :], len(rows), axis=0)
        places = np.arange(len(rows))
        moved = found[places, list(rows)] + effect * np.asarray(points)
        found[places, list(rows)] = np.round(np.clip(moved, 0.0, _HIGHEST), 6)
        return found

    return after


def _declared_ahead(risks: Sequence[Decimal | None], effect: Decimal) -> Callable[[Sequence[Decimal]], Ahead]:
    def ahead(edges: Sequence[Decimal]) -> Ahead:
        if not effect:
            return [[] for _ in risks]
        turn = 1 if effect > 0 else -1
        return [
            [] if own is None else [(target - own) / effect for target in beyond(edges, own, turn) if target >= 0]
            for own in risks
        ]

    return ahead


@dataclass(frozen=True)
class Computed:
    """The index as it stands: risks of the payees as published, and what moving its indicators does."""

    risks: Floats
    moves: list[RiskMove]


def computed_moves(
    index: IndexSpec, frame: pl.DataFrame, ids: Sequence[str], risk: Risk, better: Mapping[str, int]
) -> Computed:
    """The index over `frame`; `better`: 1 or −1 for paid indicators, the side on which a figure is better.

    A leaf that reads the column of a paid indicator is that indicator. Of others, better is what lowers the index,
    because more of an index of need is worse health. A point is 0.01 where all figures are shares, else 1. Raises
    KeyError for a payee without a row, SheetError for the data.
    """
    if index.long is not None:
        frame = widened(frame, unit_columns(index)[0], index.long, set(columns_used(index)))
    sheet = sheet_of(frame, index)
    found = scored(index, sheet, silent=True)
    place = {unit: at for at, unit in enumerate(sheet.units)}
    order = np.array([place[payee] for payee in ids], dtype=int)
    moves = []
    for item in indicators_of(index.tree):
        if leaf_moves(item, risk):
            name = meant_by(item, risk, better)
            side = better.get(name, -1 if item.direction == "higher_is_better" else 1)
            moves.append(_computed(index, found, item, order, side, name))
    return Computed(_published(index, found)[order], moves)


def leaf_moves(item: Indicator, risk: Risk) -> bool:
    """Whether payees move an indicator of the index: as the spec of the money says, else as the index does."""
    known = risk.indicators.get(item.id)
    return known.controllable if known is not None else item.kind != "structural"


def meant_by(item: Indicator, risk: Risk, paid: Iterable[str]) -> str:
    """The paid indicator that a leaf is, by its id, its column or as the spec says; its own id where it is none."""
    known = risk.indicators.get(item.id)
    names = [item.id, item.source_column]
    if known is not None and known.same_as is not None:
        names.append(known.same_as)
    return next((name for name in names if name in paid), item.id)


def _published(index: IndexSpec, found: Scored) -> Floats:
    return np.asarray(rounded(found.scores[index.tree.id], index.digits, "half_up") + 0.0)


def _computed(
    index: IndexSpec, base: Scored, item: Indicator, order: NDArray[np.int_], side: int, name: str
) -> RiskMove:  # fmt: skip
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

    def ahead(edges: Sequence[Decimal]) -> Ahead:
        own = [_own_edges(index, item, float(figure), side, point) for figure in raw[order]]
        return [sorted({*one, *other}) for one, other in zip(own, _tried(after, before, edges), strict=True)]

    return RiskMove(name, spread, after, ahead)


def _own_edges(index: IndexSpec, item: Indicator, figure: float, side: int, point: float) -> list[Decimal]:
    """Points to just beyond each stated jump of the index's own table of points."""
    stated: list[object] = []
    for step in index.steps_of(item):
        if isinstance(step, StepPoints):
            stated += [band.at for band in step.bands]
        if isinstance(step, PiecewisePoints):
            stated += [knot for knot, _ in step.knots]
    ahead = [(edge - figure) * side for edge in stated if isinstance(edge, float | int)]
    return [Decimal(repr((own + float(BEYOND)) / point)) for own in ahead if own >= 0]


def _tried(
    after: Callable[[Sequence[int], Sequence[float]], Floats], before: Floats, edges: Sequence[Decimal]
) -> Ahead:
    """Points by which each payee gets its index below each edge, by secants; without those that no try reaches."""
    found: Ahead = [[] for _ in before]
    pairs = [
        (at, float(target))
        for at, own in enumerate(before)
        if np.isfinite(own)
        for target in beyond(edges, Decimal(repr(float(own))), -1)
    ]
    each = max(1, _CELLS // before.size)
    for begin in range(0, len(pairs), each):
        rows, targets = (list(column) for column in zip(*pairs[begin : begin + each], strict=True))
        points, places = np.ones(len(rows)), np.arange(len(rows))
        start, there = before[rows], np.zeros(len(rows), dtype=bool)
        for _ in range(_TRIES):
            now = after(rows, points.tolist())[places, rows]
            there = now <= np.asarray(targets)
            gone = start - now
            needed = np.where(gone > 0, (start - targets) / np.where(gone > 0, gone, 1.0), 2.0)
            points = np.where(there, points, points * np.clip(needed * 1.001, 1.05, 64.0))
            if there.all():
                break
        for at, own, reached in zip(rows, points, there, strict=True):
            if reached:
                found[at].append(Decimal(repr(float(own))))
    return found

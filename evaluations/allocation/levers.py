"""Who can get better at what: steps of everything that payees control, and what they change in the data.

Put here: paid indicators, those of the risk index and declared columns as levers; steps of one point, of one standard
deviation, and to just beyond each edge. Keep out: money (replay.py, screen.py), what moves the risk index
(risk_moves.py), columns (column_levers.py).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.column_levers import ColumnLever, Edit
from evaluations.allocation.earning import QUARTERS
from evaluations.allocation.improving import better_figure
from evaluations.allocation.risk_moves import RiskMove
from evaluations.allocation.snapshot import Snapshot

POINT, SPREAD, EDGE = "point", "sd", "edge"
OK, AT_LIMIT, NO_FIGURE, NOT_ASKED = "ok", "at_limit", "no_figure", ""
_DIGITS = Decimal("0.000001")
Paid = Mapping[str, list[tuple[Performance, PaidIndicator]]]


@dataclass(frozen=True)
class Step:
    """All payees, each by itself, better at one thing.

    `size`: point, sd, or edge1, edge2 …: to just beyond the nearest edge ahead, the next one. `points`: None where each
    payee has its own. `moved`: points that each can move. `status`: ok; at_limit, there is nothing left to gain;
    no_figure; not asked, there is no such edge.
    """

    indicator: str
    size: str
    points: Decimal | None
    moved: list[float]
    status: list[str]
    edits: list[list[Edit]]
    paid: list[tuple[Performance, PaidIndicator]] = field(default_factory=list)
    move: RiskMove | None = None


@dataclass(frozen=True)
class _Lever:
    """What one thing better means: for pay, for the risk index, for declared columns that go along with it."""

    name: str
    paid: list[tuple[Performance, PaidIndicator]]
    move: RiskMove | None
    column: ColumnLever | None
    along: list[ColumnLever]


def steps_of(
    paid: Paid, moves: Mapping[str, RiskMove], columns: Mapping[str, ColumnLever], snapshot: Snapshot,
    risk_edges: Sequence[Decimal] = (),
) -> tuple[list[Step], list[str]]:  # fmt: skip
    """Steps of every lever by id; and the ids whose standard deviation nobody knows.

    `risk_edges`: risks at which a rule jumps.
    """
    reported = {stream.id: Reported(stream, snapshot) for own in paid.values() for stream, _ in own}
    steps, unknown = [], []
    for lever in _levers(paid, moves, columns):
        spread = reported[lever.paid[0][0].id].spread(lever.paid[0][1]) if lever.paid else None
        if spread is None and lever.move is not None:
            spread = lever.move.spread
        if spread is None and lever.column is not None:
            spread = lever.column.spread()
        # What only pays, and is known of fewer than two payees, has no spread: one point is all there is to ask.
        if spread is None and lever.move is not None:
            unknown.append(lever.name)
        count = len(snapshot.ids)
        words = lever.column is not None and bool(lever.column.known.worst_first)
        for size, points in ((POINT, None if words else Decimal(1)), (SPREAD, spread)):
            if points:
                steps.append(_step(lever, size, points, [points] * count, reported))
        steps += [
            _step(lever, f"{EDGE}{number}", None, points, reported)
            for number, points in enumerate(_ahead(lever, count, risk_edges), 1)
        ]
    return steps, unknown


def _levers(paid: Paid, moves: Mapping[str, RiskMove], columns: Mapping[str, ColumnLever]) -> list[_Lever]:
    found = []
    for name in sorted({*paid, *moves}):
        along = [own for own in columns.values() if own.known.same_as == name]
        found.append(_Lever(name, paid.get(name, []), moves.get(name), None, along))
    for name, own in columns.items():
        if own.known.same_as is None:
            shown = name if name not in paid and name not in moves else f"column:{name}"
            found.append(_Lever(shown, [], None, own, []))
    return found


def _ahead(lever: _Lever, count: int, risk_edges: Sequence[Decimal]) -> list[list[Decimal | None]]:
    """For each edge, nearest first, the points that each payee needs to get beyond it; None where there is none."""
    each: list[list[Decimal]] = [[] for _ in range(count)]
    if lever.move is not None:
        each = lever.move.ahead(risk_edges)
    elif lever.column is not None:
        each = [lever.column.ahead(at) for at in range(count)]
    most = max((len(own) for own in each), default=0)
    return [[own[number] if number < len(own) else None for own in each] for number in range(most)]


def _step(
    lever: _Lever, size: str, points: Decimal | None, each: Sequence[Decimal | None],
    reported: Mapping[str, "Reported"],
) -> Step:  # fmt: skip
    edits: list[list[Edit]] = [[] for _ in each]
    moved = [0.0 if own is None else float(own) for own in each]
    status = [NOT_ASKED if own is None else OK for own in each]
    for at, own in enumerate(each):
        if own is None:
            continue
        parts: list[Decimal | None] = []
        for stream, item in lever.paid:
            more, part = reported[stream.id].better(item, at, item.point * own)
            # What is not reported, or a score at its end, earns no more; but the risk may still fall.
            risky = lever.move is not None and (part is None or (not part and stream.score == "given"))
            edits[at] += more
            parts += [] if risky else [part]
        if lever.column is not None:
            edits[at], part = lever.column.better(at, own)
            parts.append(part)
        if any(part is None for part in parts):
            status[at], moved[at] = NO_FIGURE, 0.0
        elif not all(parts):
            status[at], moved[at] = AT_LIMIT, 0.0
        else:
            moved[at] *= float(min((part for part in parts if part is not None), default=Decimal(1)))
        if status[at] == OK:
            for column in lever.along:
                edits[at] += column.along(at, Decimal(repr(moved[at])))
    return Step(lever.name, size, points, moved, status, edits, lever.paid, lever.move)


class Reported:
    """The rows of a performance stream by payee and indicator."""

    def __init__(self, stream: Performance, snapshot: Snapshot) -> None:
        words = stream.data
        self.table, self.column = words.table, words.score or words.value or words.numerator or ""
        self._data, self._counted, self._size = words, words.numerator is not None, len(snapshot.ids)
        columns = {name: own for name, own in words.model_dump(exclude={"table"}).items() if own is not None}
        rows = snapshot.rows(words.table, columns, f"streams.{stream.id}.data")
        self._figures = rows.figures(self.column)
        self._cases = rows.figures(words.denominator) if words.denominator else None
        quarters: Sequence[int | None] = rows.quarters(words.quarter) if words.quarter else [None] * len(rows.numbers)
        self._first = [own is None or own >= snapshot.spec.year * QUARTERS for own in quarters]
        self._last = [own is None or own // QUARTERS <= snapshot.spec.year for own in quarters]
        self._places: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row, (payee, indicator) in enumerate(
            zip(snapshot.places(rows, words.payee), rows.cells[words.indicator], strict=True)
        ):
            if self._figures[row] is not None and self._last[row]:
                self._places[payee, indicator].append(row)

    def means(self, item: PaidIndicator) -> NDArray[np.float64]:
        """The payees' figures, each the mean of its rows; NaN of those without."""
        found = np.full(self._size, np.nan)
        for (at, indicator), rows in self._places.items():
            if indicator == item.id:
                known = [one for row in rows if (one := self._share_of(row)) is not None]
                found[at] = sum(known) / len(known) if known else np.nan
        return found

    def spread(self, item: PaidIndicator) -> Decimal | None:
        """One standard deviation of the payees' figures over all their rows, in points."""
        figures = [float(own) for own in self.means(item) if np.isfinite(own)]
        if len(figures) < 2:
            return None
        return Decimal(repr(float(np.std(figures)) / float(item.point))).quantize(_DIGITS)

    def _share_of(self, row: int) -> float | None:
        figure, cases = (
            self._figures[row],
            self._cases[row] if self._cases is not None and self._counted else Decimal(1),
        )
        return float(figure / cases) if figure is not None and cases else None

    def better(self, item: PaidIndicator, at: int, step: Decimal) -> tuple[list[Edit], Decimal | None]:
        """New cells of a payee that is better by `step` in every quarter, and which part of that is possible.

        Scores and proportions end at 1 and 0. None where there is no figure.
        """
        edits, wanted, made = [], Decimal(0), Decimal(0)
        for row in self._places.get((at, item.id), []):
            now = self._figures[row] or Decimal(0)
            new, far = better_figure(self._data, item, now, self._cases[row] if self._cases is not None else None, step)
            wanted += far
            made += abs(new - now)
            if new != now:
                edits.append(Edit(self.table, self.column, row, new, self._first[row]))
        return edits, made / wanted if wanted else None

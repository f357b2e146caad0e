"""Who can get better at what: steps of every controllable indicator, and what they change in the data.

Put here: paid indicators and those of the risk index as levers, steps of one point and one standard deviation, new
cells. Keep out: money (replay.py, screen.py), what moves the risk index (risk_moves.py).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.earning import QUARTERS
from evaluations.allocation.improving import better_figure
from evaluations.allocation.risk_moves import RiskMove
from evaluations.allocation.snapshot import Snapshot

POINT, SPREAD = "point", "sd"
OK, AT_LIMIT, NO_FIGURE = "ok", "at_limit", "no_figure"
_DIGITS = Decimal("0.000001")


@dataclass(frozen=True)
class Edit:
    """A cell of a table that changes: its row of the frame, and its new figure; `first`: from the first year on."""

    table: str
    column: str
    row: int
    figure: Decimal
    first: bool


@dataclass(frozen=True)
class Step:
    """All payees, each by itself, better at one indicator by `points`.

    `moved`: points that each can move. `status`: ok; at_limit, there is nothing left to gain; no_figure.
    """

    indicator: str
    size: str
    points: Decimal
    moved: list[float]
    status: list[str]
    edits: list[list[Edit]]
    paid: list[tuple[Performance, PaidIndicator]] = field(default_factory=list)
    move: RiskMove | None = None


def steps_of(
    paid: Mapping[str, list[tuple[Performance, PaidIndicator]]], moves: Mapping[str, RiskMove], snapshot: Snapshot
) -> tuple[list[Step], list[str]]:
    """Steps of every lever by id; and the ids whose standard deviation nobody knows."""
    reported: dict[str, Reported] = {}
    steps, unknown = [], []
    for name in sorted({*paid, *moves}):
        own, move = paid.get(name, []), moves.get(name)
        for stream, _ in own:
            if stream.id not in reported:
                reported[stream.id] = Reported(stream, snapshot)
        spread = reported[own[0][0].id].spread(own[0][1]) if own else None
        if spread is None and move is not None:
            spread = move.spread
        # What only pays, and is known of fewer than two payees, has no spread: one point is all there is to ask.
        if spread is None and move is not None:
            unknown.append(name)
        for size, points in ((POINT, Decimal(1)), (SPREAD, spread)):
            if points:
                steps.append(_step(name, size, points, own, move, reported, len(snapshot.ids)))
    return steps, unknown


def _step(
    name: str, size: str, points: Decimal, paid: list[tuple[Performance, PaidIndicator]], move: RiskMove | None,
    reported: Mapping[str, "Reported"], count: int,
) -> Step:  # fmt: skip
    edits: list[list[Edit]] = [[] for _ in range(count)]
    moved, status = [float(points)] * count, [OK] * count
    for stream, item in paid:
        for at in range(count):
            own, part = reported[stream.id].better(item, at, item.point * points)
            edits[at] += own
            moved[at] = min(moved[at], float(part * points)) if part is not None else 0.0
            if part is None:
                status[at] = NO_FIGURE
            elif not part:
                status[at] = AT_LIMIT
    return Step(name, size, points, moved, status, edits, paid, move)


class Reported:
    """The rows of a performance stream by payee and indicator."""

    def __init__(self, stream: Performance, snapshot: Snapshot) -> None:
        words = stream.data
        self.table, self.column = words.table, words.score or words.value or words.numerator or ""
        self._data, self._counted = words, words.numerator is not None
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

    def spread(self, item: PaidIndicator) -> Decimal | None:
        """One standard deviation of the payees' figures over all their rows, in points."""
        figures = []
        for (_, indicator), rows in self._places.items():
            if indicator == item.id:
                own = [self._share_of(row) for row in rows]
                known = [one for one in own if one is not None]
                figures += [sum(known) / len(known)] if known else []
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

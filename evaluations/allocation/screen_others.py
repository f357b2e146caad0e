"""Streams that the screen divides by the engine itself, once for each improved payee: awards, standards, factors.

Put here: changed money of such streams in one year. Keep out: need and earnings (screen.py, screen_pay.py).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.column_levers import Edit
from evaluations.allocation.earning_again import EarningAgain
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.problem import Infeasible
from evaluations.allocation.registry import DIVIDE
from evaluations.allocation.replay import cell_of
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import DataError, Snapshot

Floats = NDArray[np.float64]
Column = tuple[str, str]
"""Table and column."""


class OtherStreams:
    """The division as it is, and what its streams pay when one payee's cells change."""

    def __init__(self, setting: Setting) -> None:
        self._setting = replace(setting, explained=False)
        self._streams = {stream.id: stream for stream in setting.spec.streams}
        self._row_of: dict[str, list[int]] = {}
        self._pay: dict[str, EarningAgain] = {}

    def change(
        self, names: Sequence[str], edits: Sequence[Sequence[Edit]], place: Column | None, risks: Floats | None,
        base: Floats | None,
    ) -> dict[str, Floats]:  # fmt: skip
        """Stream → fen by which everybody's money changes, a row for each list of edits; NaN where it cannot be.

        `place`, `risks`, `base`: the column of risk, its figures for each row, and as they are.
        """
        found = {name: np.zeros((len(edits), len(self._setting.snapshot.ids))) for name in names}
        for row, cells in enumerate(edits):
            moved = list(cells)
            if place is not None and risks is not None and base is not None:
                moved += self._risky(place, risks[row], base)
            now = self._with(moved)
            for name in names:
                found[name][row] = self._paid(name, now, moved) - self._paid(name, None, [])
        return found

    def _risky(self, place: Column, risks: Floats, base: Floats) -> list[Edit]:
        differ = np.flatnonzero((risks != base) & ~(np.isnan(risks) & np.isnan(base)))
        rows = self._rows(place[0])
        return [Edit(*place, rows[at], cell_of(float(risks[at])), True) for at in differ]

    def _rows(self, table: str) -> list[int]:
        """The row of each payee in a table that has one for each."""
        if table not in self._row_of:
            snapshot = self._setting.snapshot
            rows = snapshot.rows(table, {"id": snapshot.spec.payees.id}, table)
            places = snapshot.places(rows, snapshot.spec.payees.id)
            self._row_of[table] = [at for _, at in sorted(zip(places, range(len(places)), strict=True))]
        return self._row_of[table]

    def _with(self, edits: Sequence[Edit]) -> Snapshot:
        snapshot = self._setting.snapshot
        by_place: dict[Column, list[Edit]] = {}
        for own in edits:
            by_place.setdefault((own.table, own.column), []).append(own)
        for (table, column), here in by_place.items():
            rows = snapshot.rows(table, {"column": column}, table)
            cells = list(rows.cells[column])
            for own in here:
                cells[own.row] = own.figure if isinstance(own.figure, str) else f"{own.figure:f}"
            snapshot = snapshot.moved(table, column, cells)
        return snapshot

    def _paid(self, name: str, snapshot: Snapshot | None, edits: Sequence[Edit]) -> Floats:
        if snapshot is None:
            result = self._setting.done[name]
        else:
            try:
                result = self._divided(name, snapshot, edits)
            except (Infeasible, DataError):
                return np.full(len(snapshot.ids), np.nan)
        paid = result.paid(self._setting.snapshot.kind)
        return np.array([float(paid.get(payee, 0)) for payee in self._setting.snapshot.ids])

    def _divided(self, name: str, snapshot: Snapshot, edits: Sequence[Edit]) -> StreamResult:
        stream, pool = self._streams[name], self._setting.pools[name]
        if isinstance(stream, Performance):
            if name not in self._pay:
                self._pay[name] = EarningAgain(stream, self._setting)
            if self._pay[name].takes(frozenset((own.table, own.column) for own in edits)):
                return self._pay[name].divided(edits, snapshot)
        return DIVIDE[stream.kind](stream, pool, replace(self._setting, snapshot=snapshot, memory=None))

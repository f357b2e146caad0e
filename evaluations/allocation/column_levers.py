"""Declared columns as levers: new cells of a payee that gets better at what a column measures.

Put here: steps within columns of figures and of words. Keep out: which columns must be declared
(data_contracts.allocation_spec.reached), edges (edges.py), money.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from data_contracts.allocation_spec.auditing import KnownColumn
from data_contracts.allocation_spec.contests import Projects
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.reached import Reached, asked_columns, key_of
from evaluations.allocation.edges import beyond
from evaluations.allocation.snapshot import Snapshot

_NONE, _WHOLE, _DIGITS = Decimal(0), Decimal(1), Decimal("0.000001")


@dataclass(frozen=True)
class Edit:
    """A cell of a table that changes: its row of the frame, what stands there then; `first`: from the first year on."""

    table: str
    column: str
    row: int
    figure: Decimal | str
    first: bool


class ColumnLever:
    """One declared column: `rows` of the frame by payee, and what stands there. Of words, each word has its place."""

    def __init__(self, own: Reached, known: KnownColumn, snapshot: Snapshot, edges: Sequence[Decimal] = ()) -> None:
        self.table, self.column, self.known, self._edges = own.table, own.column, known, edges
        payee = own.payee or snapshot.spec.payees.id
        rows = snapshot.rows(own.table, {"payee": payee, "column": own.column}, f"audit.columns.{own.column}")
        self.rows: list[list[int]] = [[] for _ in snapshot.ids]
        for row, at in enumerate(snapshot.places(rows, payee)):
            self.rows[at].append(row)
        self._rows, self._words = rows, rows.cells[own.column]
        self._more = {column: rows.figures(column) for column in _beside(snapshot.spec, own)}

    @cached_property
    def _figures(self) -> list[Decimal | None]:
        """Raises DataError for words."""
        return self._rows.figures(self.column)

    @cached_property
    def _most(self) -> Decimal | None:
        """Parts of one end at 1."""
        there = [figure for figure in self._figures if figure is not None]
        return _WHOLE if there and max(there) <= 1 else None

    @property
    def turn(self) -> int:
        """1 where higher is better, −1 where lower."""
        return -1 if self.known.better == "lower" else 1

    def means(self) -> NDArray[np.float64]:
        """The payees' figures, each the mean of its rows; NaN of those without. Raises DataError for words."""
        found = np.full(len(self.rows), np.nan)
        for at, rows in enumerate(self.rows):
            known = [float(own) for row in rows if (own := self._figures[row]) is not None]
            found[at] = sum(known) / len(known) if known else np.nan
        return found

    def spread(self) -> Decimal | None:
        """One standard deviation in points: as declared, or that of the figures; None of fewer than two."""
        if self.known.spread is not None or self.known.worst_first:
            return self.known.spread
        there = [float(figure) for figure in self._figures if figure is not None]
        if len(there) < 2:
            return None
        return Decimal(repr(float(np.std(there)) / float(self.known.point))).quantize(_DIGITS)

    def better(self, at: int, points: Decimal) -> tuple[list[Edit], Decimal | None]:
        """New cells of a payee better by so many points, and which part of that is possible; None: no figure."""
        return self._moved(at, self.turn * points * self.known.point)

    def along(self, at: int, points: Decimal) -> list[Edit]:
        """New cells where the column is what another indicator measures, and that one gets better by `points`."""
        return self._moved(at, (self.known.effect_per_point or _NONE) * points)[0]

    def ahead(self, at: int) -> list[Decimal]:
        """Points to just beyond each edge ahead, the nearest first; of words, one for each better word."""
        if self.known.worst_first:
            now = self._place(at)
            return [] if now is None else [Decimal(n) for n in range(1, len(self.known.worst_first) - now)]
        if len(self.rows[at]) != 1 or (figure := self._figures[self.rows[at][0]]) is None:
            return []
        return [abs(target - figure) / self.known.point for target in beyond(self._edges, figure, self.turn)]

    def _place(self, at: int) -> int | None:
        """Of the word of a payee among those from worst to best."""
        words = {self._words[row] for row in self.rows[at]}
        return self.known.worst_first.index(next(iter(words))) if words <= {*self.known.worst_first} and len(
            words
        ) == 1 else None  # fmt: skip

    def _moved(self, at: int, change: Decimal) -> tuple[list[Edit], Decimal | None]:
        if self.known.worst_first:
            return self._worded(at, int(change))
        edits, wanted, made = [], _NONE, _NONE
        for row in self.rows[at]:
            now = self._figures[row]
            if now is None:
                continue
            new = max(now + change, min(now, _NONE))
            new = new if self._most is None else min(new, max(now, self._most))
            wanted, made = wanted + abs(change), made + abs(new - now)
            if new != now:
                edits.append(Edit(self.table, self.column, row, new, True))
                edits += self._beside_by(row, new - now)
        return edits, made / wanted if wanted else None

    def _beside_by(self, row: int, change: Decimal) -> Iterator[Edit]:
        for column, figures in self._more.items():
            now = figures[row]
            if now is not None:
                yield Edit(self.table, column, row, now + change, True)

    def _worded(self, at: int, steps: int) -> tuple[list[Edit], Decimal | None]:
        now = self._place(at)
        if now is None:
            return [], None
        then = min(now + steps, len(self.known.worst_first) - 1)
        if then == now:
            return [], _NONE
        word = self.known.worst_first[then]
        return [Edit(self.table, self.column, row, word, True) for row in self.rows[at]], _WHOLE


def _beside(spec: AllocationSpec, own: Reached) -> list[str]:
    """Columns of the interval around a score, which moves with it."""
    words = [stream.applications for stream in spec.of_kind(Projects)]
    mine = [one for one in words if (one.table, one.score) == (own.table, own.column)]
    return [column for one in mine for column in (one.lower, one.upper) if column is not None]


def column_levers(
    spec: AllocationSpec, snapshot: Snapshot, edges: dict[tuple[str, str], list[Decimal]]
) -> dict[str, ColumnLever]:
    """Declared columns that payees move, by the name they go by under `audit.columns`."""
    found: dict[str, ColumnLever] = {}
    for own in asked_columns(spec):
        name = key_of(spec, own.table, own.column)
        known = spec.audit.columns.get(name)
        if known is not None and known.structural is None and name not in found:
            found[name] = ColumnLever(own, known, snapshot, edges.get((own.table, own.column), ()))
    return found


def touched_by(edits: Iterable[Iterable[Edit]]) -> set[tuple[str, str]]:
    """Columns that these edits are of."""
    return {(own.table, own.column) for own in chain.from_iterable(edits)}

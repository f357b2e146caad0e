"""What would change a payee's money: one point more of an indicator or of risk, a thousand people more.

By dividing again with that one figure changed and everybody else as they are, so floors, caps, reserved shares and
rounding count. Put here: which changes are asked about, and their effect. Keep out: closed forms before bounds
(sensitivity.py), dividing again (rerun.py).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.customary import StandardStream
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.earning import QUARTERS
from evaluations.allocation.improving import better_figure
from evaluations.allocation.lines import frame_of, plain
from evaluations.allocation.rerun import Column, Owner, Rerun, amounts
from evaluations.allocation.snapshot import Snapshot

CHANGES_SCHEMA = {
    "payee_id": pl.String, "what": pl.String, "stream": pl.String, "subject": pl.String, "step": pl.Decimal(20, 6),
    "change_fen": pl.Int64, "status": pl.String,
}  # fmt: skip
LIMIT = 300
"""Up to so many payees every one is asked about; beyond, only those that are named."""
_PEOPLE, _HIGHEST_RISK = 1000, 100
Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Change:
    """One figure of one payee that moves by `step`: new cells by row of the table's frame; none where it cannot."""

    what: str
    stream: str
    subject: str
    step: Decimal
    table: str
    column: str
    cells: Mapping[int, Decimal]


def changes_table(
    spec: AllocationSpec, tables: Tables, payees: Sequence[str], progress: Callable[[int, int], None] = lambda *_: None
) -> pl.DataFrame:
    """CHANGES_SCHEMA: what each change of each of these payees changes of its own money.

    `status`: ok; at_limit, the figure cannot move; no_figure, it is unknown or not the payee's; infeasible, the rules
    could not hold then. `progress`: payees done, payees in all. Empty where the rules do not hold as it is.
    """
    if not payees:
        return frame_of([], **CHANGES_SCHEMA)
    snapshot = Snapshot(spec, tables)
    known = amounts(snapshot)
    if known.conflict is not None:
        return frame_of([], **CHANGES_SCHEMA)
    asked = _Asked(spec, snapshot)
    rows = []
    for number, payee in enumerate(payees, 1):
        for change in asked.of(payee):
            status, fen = _effect(snapshot, known, change, (snapshot.kind, payee))
            rows.append((payee, change.what, change.stream, change.subject, change.step, fen, status))
        progress(number, len(payees))
    return frame_of(rows, **CHANGES_SCHEMA)


def _effect(snapshot: Snapshot, known: Rerun, change: Change, owner: Owner) -> tuple[str, int | None]:
    if not change.cells:
        return "no_figure", None
    if not any(change.cells.values()):
        return "at_limit", None
    rows = snapshot.rows(change.table, {"column": change.column}, "")
    cells, figures = list(rows.cells[change.column]), rows.figures(change.column)
    for at, more in change.cells.items():
        cells[at] = plain((figures[at] or Decimal(0)) + more)
    touched: frozenset[Column] = frozenset([(change.table, change.column)])
    found = amounts(snapshot.moved(change.table, change.column, cells), known, touched)
    if found.conflict is not None:
        return "infeasible", None
    return "ok", found.paid[owner] - known.paid[owner]


class _Asked:
    """The changes that the words of a spec allow, payee by payee."""

    def __init__(self, spec: AllocationSpec, snapshot: Snapshot) -> None:
        self._spec, self._snapshot = spec, snapshot
        self._columns: dict[Column, tuple[dict[str, int], Sequence[Decimal | None]]] = {}
        self._reports: dict[str, _Reported] = {}

    def of(self, payee: str) -> Iterator[Change]:
        """Risk, people, then every indicator that pays."""
        for need in self._spec.of_kind(Need):
            if need.risk is not None:
                yield self._moved("risk", need.id, "", need.risk, Decimal(1), payee, high=_HIGHEST_RISK)
        yield from self._people(payee)
        if self._spec.phase == "settlement":
            for stream in self._spec.of_kind(Performance):
                for item in stream.indicators:
                    yield self._indicator(stream, item, payee)

    def _people(self, payee: str) -> Iterator[Change]:
        """Each column with people once; all streams that read it move together."""
        seen = set()
        for stream in (*self._spec.of_kind(Need), *self._spec.of_kind(StandardStream)):
            figure = stream.population
            if (figure.table, figure.column) in seen:
                continue
            seen.add((figure.table, figure.column))
            unit = 10_000 if isinstance(stream, StandardStream) and stream.population_in == "wan" else 1
            yield self._moved("people", stream.id, "", figure, Decimal(_PEOPLE) / unit, payee)

    def _moved(
        self, what: str, stream: str, subject: str, figure: Figure, step: Decimal, payee: str, high: int | None = None
    ) -> Change:
        table = figure.table or self._spec.payees.table
        key = (table, figure.column)
        if key not in self._columns:
            own = {"id": self._spec.payees.id, "column": figure.column}
            rows = self._snapshot.rows(table, own, f"streams.{stream}")
            places = {word: at for at, word in enumerate(rows.cells[self._spec.payees.id])}
            self._columns[key] = (places, rows.figures(figure.column))
        places, figures = self._columns[key]
        at = places[payee]
        now, cells = figures[at], {}
        if now is not None:
            cells = {at: step if high is None or now + step <= high else Decimal(0)}
        return Change(what, stream, subject, step, table, figure.column, cells)

    def _indicator(self, stream: Performance, item: PaidIndicator, payee: str) -> Change:
        """The figure of every quarter of the year one point better."""
        if stream.id not in self._reports:
            self._reports[stream.id] = _Reported(stream, self._snapshot)
        found = self._reports[stream.id]
        cells = found.better(item, payee)
        return Change("indicator", stream.id, item.id, item.point, stream.data.table, found.column, cells)


class _Reported:
    """The rows of a performance stream, and which of them are of the year, by payee and indicator."""

    def __init__(self, stream: Performance, snapshot: Snapshot) -> None:
        words = stream.data
        self.column = words.score or words.value or words.numerator or ""
        columns = {name: own for name, own in words.model_dump(exclude={"table"}).items() if own is not None}
        rows = snapshot.rows(words.table, columns, f"streams.{stream.id}.data")
        self._figures = rows.figures(self.column)
        self._cases = rows.figures(words.denominator) if words.denominator else None
        self._data = words
        self._places: dict[tuple[str, str], list[int]] = defaultdict(list)
        quarters = rows.quarters(words.quarter) if words.quarter else [None] * len(rows.numbers)
        keys = zip(rows.cells[words.payee], rows.cells[words.indicator], quarters, strict=True)
        for at, (payee, indicator, quarter) in enumerate(keys):
            if quarter is None or quarter // QUARTERS == snapshot.spec.year:
                self._places[payee, indicator].append(at)

    def better(self, item: PaidIndicator, payee: str) -> dict[int, Decimal]:
        """What a point better adds to each cell; less where a score or a proportion ends."""
        cells = {}
        for at in self._places.get((payee, item.id), []):
            now, cases = self._figures[at], self._cases[at] if self._cases is not None else None
            if now is not None:
                cells[at] = better_figure(self._data, item, now, cases, item.point)[0] - now
        return cells

"""The years that follow an improvement, exactly: the engine itself, year after year.

Budget, people and everybody else stay as they are; this year's need money is next year's `previous`. Put here: changed
tables of each year, the money they lead to, present value. Keep out: which cells are replayed (audit.py), screens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.allocation_spec.auditing import Audit
from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.bounds import Pace
from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.column_levers import Edit
from evaluations.allocation.earning import QUARTERS
from evaluations.allocation.problem import Conflict
from evaluations.allocation.rerun import Column, Rerun, amounts, reads
from evaluations.allocation.snapshot import Snapshot, quarter_name, trimmed

Tables = dict[str, pl.DataFrame]


class NoReplay(Exception):  # noqa: N818  (an answer, not a fault)
    """In one of the years the rules cannot hold together."""

    def __init__(self, year: int, conflict: Conflict) -> None:
        self.year, self.conflict = year, conflict
        super().__init__(f"year {year}: {conflict.rules}")


def audited(spec: AllocationSpec) -> AllocationSpec:
    """The spec as it is replayed: settled with earned money, need money divided anew every year.

    A plan is settled with the last figures that there are (`last_known`).
    """
    # Dividends of the replay look at columns of their own: the data may keep both risks in one that changes.
    own: dict[type, dict[str, Any]] = {
        Performance: {"through": None} if spec.phase == "plan" else {},
        Need: {"planned": None},
        Dividend: {"risk_before": Figure(column="__before"), "risk_improved": Figure(column="__improved")},
    }
    streams = [stream.model_copy(update=own.get(type(stream), {})) for stream in spec.streams]
    return spec.model_copy(update={"streams": streams, "phase": "settlement"})


def last_known(spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> Tables:
    """The tables by which a spec is audited: of a plan, figures of the last year that has any count as of its year."""
    found, snapshot = dict(tables), Snapshot(spec, tables)
    places = {(own.data.table, own.data.quarter): own for own in spec.of_kind(Performance) if spec.phase == "plan"}
    for (table, column), stream in places.items():
        if column is None:
            continue
        data = stream.data
        figure = data.score or data.value or data.numerator or ""
        rows = snapshot.rows(table, {"quarter": column, "figure": figure}, f"streams.{stream.id}.data")
        quarters = rows.quarters(column)
        known = [own for own, word in zip(quarters, rows.words(figure), strict=True) if own is not None and word]
        later = spec.year - max(known, default=spec.year * QUARTERS) // QUARTERS
        if later > 0:
            cells = ["" if own is None else quarter_name(own + later * QUARTERS) for own in quarters]
            found[table] = found[table].with_columns(pl.Series(column, cells, dtype=pl.String))
    return found


def in_year(spec: AllocationSpec, audit: Audit, year: int) -> AllocationSpec:
    """With dividends as of this year of the replay; none before need shares follow."""
    after = year - audit.reset_year + 1
    streams = [
        stream.model_copy(update={"year": after if after >= 1 else len(stream.retention) + 1})
        if isinstance(stream, Dividend)
        else stream
        for stream in spec.streams
    ]
    return spec.model_copy(update={"streams": streams})


def present_value(changes: Sequence[int | Fraction], audit: Audit) -> Fraction:
    """Fen of each year, those after the first discounted."""
    per_year = 1 + Fraction(audit.discount)
    return sum((Fraction(own) / per_year**at for at, own in enumerate(changes)), Fraction(0))


@dataclass(frozen=True)
class _Year:
    tables: Tables
    run: Rerun


class Replay:
    """Years of one spec and its tables; `years`: as they come if nobody gets better.

    `spec`: from `audited`. Raises NoReplay, and as `allocate` does.
    """

    def __init__(self, spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> None:
        self.spec, self.audit = spec, spec.audit
        self.snapshot = Snapshot(spec, tables)
        self._tables = dict(tables)
        self._row_of: dict[str, list[int]] = {}
        self.needs: list[Need] = spec.of_kind(Need)
        self.years: list[_Year] = []
        for year in range(1, self.audit.years + 1):
            now = self._of_year(self._tables, year, self.years[-1].run if self.years else None)
            now = self._dividends(now, None, None)
            self.years.append(_Year(now, self._run(now, year, None, frozenset())))

    def change(self, at: int, edits: Sequence[Edit], risks: Mapping[str, NDArray[np.float64]]) -> list[int]:
        """Fen by which the money of the payee at `at` changes year by year.

        `risks`: need stream → risks of all payees once need shares follow.
        """
        kind, payee = self.snapshot.kind, self.snapshot.ids[at]
        last: Rerun | None = None
        changes: list[int] = []
        edited = frozenset((own.table, own.column) for own in edits)
        apart = not risks and not any(reads(self.spec, need, edited) for need in self.needs)
        for year, base in enumerate(self.years, 1):
            if last is not None and year > 2 and apart and self._same_need(last, self.years[year - 2].run):
                # Nothing that the next years start from differs: they bring what this one brought.
                return changes + changes[-1:] * (len(self.years) - len(changes))
            now = _edited(self._tables, [own for own in edits if own.first or year > 1])
            # What the run of last year may keep: streams that read nothing that differs since.
            touched = {self._place(own) for need in self.needs if (own := _previous(need)) is not None}
            if last is None or any(not own.first for own in edits):
                touched |= {(own.table, own.column) for own in edits}
            for need in self.needs:
                if need.id in risks and need.risk is not None:
                    touched.add(self._place(need.risk))
                    if year >= self.audit.reset_year:
                        now = self._with(now, need.risk, [cell_of(own) for own in risks[need.id]])
                if need.pace is not None and need.pace.population_before is not None:
                    touched.add(self._place(need.pace.population_before))
            now = self._dividends(self._of_year(now, year, last), at, risks)
            last = self._run(now, year, last or base.run, frozenset(touched))
            changes.append(last.paid[kind, payee] - base.run.paid[kind, payee])
        return changes

    def _same_need(self, own: Rerun, other: Rerun) -> bool:
        """Whether two years paid everybody the same need money, and reserved shares ask for the same of it.

        One that is met anyhow may bind in a later year.
        """
        kind, left, right = self.snapshot.kind, own.setting, other.setting
        if left is None or right is None or own.minima != other.minima:
            return False
        return all(left.done[need.id].paid(kind) == right.done[need.id].paid(kind) for need in self.needs)

    def _run(self, tables: Tables, year: int, known: Rerun | None, touched: frozenset[Column]) -> Rerun:
        spec = in_year(self.spec, self.audit, year)
        found = amounts(self._snapshot(spec, tables, known, touched), known, touched)
        if found.conflict is not None:
            raise NoReplay(year, found.conflict)
        return found

    def _snapshot(
        self, spec: AllocationSpec, tables: Tables, known: Rerun | None, touched: frozenset[Column]
    ) -> Snapshot:
        """What was read before is not read again."""
        if known is None or known.setting is None:
            return Snapshot(spec, tables)
        dividends = [(own.risk_before, own.risk_improved) for own in spec.of_kind(Dividend)]
        found = known.setting.snapshot.with_spec(spec)
        for table, column in touched | {self._place(figure) for own in dividends for figure in own}:
            found = found.moved(table, column, trimmed(tables[table][column]))
        return found

    def _of_year(self, tables: Tables, year: int, last: Rerun | None) -> Tables:
        """With last year's need money, and people who do not move, after the first year."""
        if year == 1 or last is None or last.setting is None:
            return dict(tables)
        for need in self.needs:
            previous = _previous(need)
            if need.pace is None or previous is None:
                continue
            paid = last.setting.done[need.id].paid(self.snapshot.kind)
            money = [Decimal(paid.get(payee, 0)) / self.spec.fen_per_unit for payee in self.snapshot.ids]
            tables = self._with(tables, previous, [f"{own:f}" for own in money])
            tables = self._same_people(tables, need, need.pace)
        return dict(tables)

    def _same_people(self, tables: Tables, need: Need, pace: Pace) -> Tables:
        if pace.population_before is None:
            return tables
        people = self.snapshot.figures(need.population, f"streams.{need.id}.population")
        return self._with(tables, pace.population_before, [f"{own:f}" for own in people])

    def _dividends(self, tables: Tables, at: int | None, risks: Mapping[str, NDArray[np.float64]] | None) -> Tables:
        """Nobody's risk fell but that of the payee at `at`."""
        for dividend in self.spec.of_kind(Dividend):
            need = next(own for own in self.needs if own.id == dividend.need)
            if need.risk is None:
                continue
            before: list[Any] = self.snapshot.some_figures(need.risk, f"streams.{need.id}.risk")
            cells = ["" if own is None else f"{own:f}" for own in before]
            tables = self._with(tables, dividend.risk_before, cells)
            if at is not None and risks is not None and need.id in risks:
                cells = [cell_of(risks[need.id][at]) if own == at else cell for own, cell in enumerate(cells)]
            tables = self._with(tables, dividend.risk_improved, cells)
        return dict(tables)

    def _place(self, figure: Figure) -> Column:
        return figure.table or self.spec.payees.table, figure.column

    def _with(self, tables: Tables, figure: Figure, cells: Sequence[str]) -> Tables:
        """With other figures of the payees, given in the order of their ids."""
        name, column = self._place(figure)
        if name not in self._row_of:
            place = {payee: at for at, payee in enumerate(self.snapshot.ids)}
            ids = self._tables[name][self.spec.payees.id].cast(pl.String).str.strip_chars().to_list()
            self._row_of[name] = [place[payee] for payee in ids]
        series = pl.Series(column, [cells[at] for at in self._row_of[name]], dtype=pl.String)
        return {**tables, name: tables[name].with_columns(series)}


def _previous(need: Need) -> Figure | None:
    return None if need.pace is None else need.pace.previous


def cell_of(figure: float) -> str:
    """A figure as it is written in a table; of what is unknown an empty cell."""
    return "" if np.isnan(figure) else f"{Decimal(repr(float(figure))):f}"


def _edited(tables: Mapping[str, pl.DataFrame], edits: Sequence[Edit]) -> Tables:
    found = dict(tables)
    by_place: dict[Column, list[Edit]] = {}
    for own in edits:
        by_place.setdefault((own.table, own.column), []).append(own)
    for (table, column), here in by_place.items():
        cells = found[table][column].cast(pl.String).to_list()
        for own in here:
            cells[own.row] = own.figure if isinstance(own.figure, str) else f"{own.figure:f}"
        found[table] = found[table].with_columns(pl.Series(column, cells, dtype=pl.String))
    return found

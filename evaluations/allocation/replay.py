"""The years that follow an improvement, exactly: the engine itself, year after year.

Budget, people and everybody else stay as they are; this year's need money is next year's `previous`. What no change
reaches is taken over from the years without it. Put here: what changes in each year, the money it leads to, present
value. Keep out: which cells are replayed (audit.py), what a stream takes over (need_again.py, earning_again.py),
screens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.allocation_spec.auditing import Audit
from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.allocation_spec.reached import figures_of
from evaluations.allocation.column_levers import Edit
from evaluations.allocation.earning import QUARTERS
from evaluations.allocation.earning_again import EarningAgain
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.need_again import NeedFigures, NeedYear, divided, figures_of_need
from evaluations.allocation.problem import Conflict
from evaluations.allocation.registry import DIVIDE
from evaluations.allocation.rerun import Column, Instead, Rerun, amounts, reads
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot, quarter_name

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


Risks = Mapping[str, NDArray[np.float64]]
"""Need stream → risks of all payees."""


@dataclass(frozen=True)
class Year:
    """One year: the division, and how each need stream came about."""

    run: Rerun
    needs: Mapping[str, NeedYear]


@dataclass(frozen=True)
class _State:
    """Figures of a year, and what was divided by them: years with the same figures share it.

    `touched`: columns that differ from the figures as they are; `risky`: need streams whose risk follows.
    """

    snapshot: Snapshot
    edits: Sequence[Edit] = ()
    touched: frozenset[Column] = frozenset()
    risky: frozenset[str] = frozenset()
    figures: dict[str, NeedFigures] = field(default_factory=dict)
    results: dict[str, StreamResult] = field(default_factory=dict)


class Replay:
    """Years of one spec and its tables; `years`: as they come if nobody gets better.

    `spec`: from `audited`. Raises NoReplay, and as `allocate` does.
    """

    def __init__(self, spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> None:
        self.spec, self.audit = spec, spec.audit
        self.snapshot = Snapshot(spec, tables)
        self.needs: list[Need] = spec.of_kind(Need)
        self.years: list[Year] = []
        self._specs = [in_year(spec, self.audit, year) for year in range(1, self.audit.years + 1)]
        self._row_of: dict[str, list[int]] = {}
        self._readers: dict[frozenset[Column], set[str]] = {}
        self._pay: dict[str, EarningAgain] = {}
        self._plain = _State(_known(Snapshot(spec, self._with_dividends(tables))))
        for year in range(1, self.audit.years + 1):
            self.years.append(self._run(year, self._plain, self.years))

    def change(self, at: int, edits: Sequence[Edit], risks: Risks) -> list[int]:
        """Fen by which the money of the payee at `at` changes year by year.

        `risks`: need stream → risks of all payees once need shares follow.
        """
        owner = self.snapshot.kind, self.snapshot.ids[at]
        states: dict[tuple[bool, bool], _State] = {}
        years: list[Year] = []
        for year in range(1, self.audit.years + 1):
            every = year > 1 or all(own.first for own in edits)
            follows = bool(risks) and year >= self.audit.reset_year
            if (every, follows) not in states:
                moved = [own for own in edits if own.first or every]
                states[every, follows] = self._state(at, moved, risks if follows else {})
            years.append(self._run(year, states[every, follows], years))
        return [own.run.paid_to(*owner) - base.run.paid_to(*owner) for own, base in zip(years, self.years, strict=True)]

    def _state(self, at: int, edits: Sequence[Edit], risks: Risks) -> _State:
        """The figures of a year in which those of the payee at `at` are others."""
        if not edits and not risks:
            return self._plain
        moved: dict[Column, dict[int, str]] = {}
        for edit in edits:
            figure = edit.figure if isinstance(edit.figure, str) else f"{edit.figure:f}"
            moved.setdefault((edit.table, edit.column), {})[edit.row] = figure
        for need in self.needs:
            if need.id in risks and need.risk is not None:
                place, cells = self._place(need.risk), [cell_of(own) for own in risks[need.id]]
                moved.setdefault(place, {}).update(zip(self._rows(place[0]), cells, strict=True))
                for dividend in self._dividends(need):
                    table, column = self._place(dividend.risk_improved)
                    moved[table, column] = {self._rows(table)[at]: cells[at]}
        snapshot = self._plain.snapshot
        for (table, column), own in moved.items():
            cells = list(snapshot.rows(table, {"column": column}, table).cells[column])
            for row, figure in own.items():
                cells[row] = figure
            snapshot = snapshot.moved(table, column, cells)
        return _State(_known(snapshot), edits, frozenset(moved), frozenset(risks))

    def _run(self, year: int, state: _State, before: Sequence[Year]) -> Year:
        """One year after others with the same change. Raises NoReplay."""
        # Years without improvement are themselves known year by year.
        known = self.years[year - 1 : year] or before[-1:]
        needs: dict[str, NeedYear] = {}
        instead: Instead = {
            need.id: partial(self._need, need, state, [*known, *before], before[-1:], needs) for need in self.needs
        }
        spec = self._specs[year - 1]
        if known:
            instead |= {own.id: partial(self._dividend, own, state, known[0]) for own in spec.of_kind(Dividend)}
            instead |= {name: partial(self._other, name, state) for name in self._reading(state.touched)}
        touched = state.touched if state.touched & self._common else frozenset[Column]()
        found = amounts(state.snapshot.with_spec(spec), known[0].run if known else None, touched, instead)
        if found.conflict is not None:
            raise NoReplay(year, found.conflict)
        return Year(found, needs)

    def _need(
        self, need: Need, state: _State, known: Sequence[Year], before: Sequence[Year], needs: dict[str, NeedYear],
        setting: Setting,
    ) -> StreamResult:  # fmt: skip
        """Need money that follows that of the year before."""
        pool = setting.pools[need.id]
        own = state if need.id in self._reading(state.touched, later=True) else self._plain
        if need.id not in own.figures or own.figures[need.id].pool != pool:
            own.figures[need.id] = figures_of_need(need, pool, setting.snapshot)
        needs[need.id] = divided(
            need, setting, own.figures[need.id], before[0].needs[need.id] if before else None,
            [year.needs[need.id] for year in known],
        )  # fmt: skip
        return needs[need.id].result

    def _dividend(self, stream: Dividend, state: _State, known: Year, setting: Setting) -> StreamResult:
        """As it is while nobody's risk falls, and after the last year of a dividend."""
        if known.run.setting is not None and (stream.need not in state.risky or stream.year > len(stream.retention)):
            return known.run.setting.done[stream.id]
        return DIVIDE[stream.kind](stream, setting.pools[stream.id], setting)

    def _other(self, name: str, state: _State, setting: Setting) -> StreamResult:
        """A stream that reads what changed; years with the same figures divide it once."""
        if name not in state.results:
            stream = next(own for own in setting.spec.streams if own.id == name)
            found = self._earned(stream, state, setting)
            state.results[name] = found or DIVIDE[stream.kind](stream, setting.pools[name], setting)
        return state.results[name]

    def _earned(self, stream: Any, state: _State, setting: Setting) -> StreamResult | None:
        """A performance stream of which figures alone differ."""
        base = self.years[0].run.setting
        if base is None or not isinstance(stream, Performance) or base.pools[stream.id] != setting.pools[stream.id]:
            return None
        if stream.id not in self._pay:
            self._pay[stream.id] = EarningAgain(stream, base)
        own = self._pay[stream.id]
        return own.divided(state.edits, state.snapshot) if own.takes(state.touched) else None

    def _reading(self, touched: frozenset[Column], *, later: bool = False) -> set[str]:
        """Streams that read one of these columns; `later`: those that follow others, else the others."""
        if touched not in self._readers:
            self._readers[touched] = {own.id for own in self.spec.streams if reads(self.spec, own, touched)}
        last = {own.id for own in self.spec.streams if isinstance(own, Need | Dividend)}
        return self._readers[touched] & last if later else self._readers[touched] - last

    @cached_property
    def _common(self) -> set[Column]:
        """Columns that matter to the division as a whole."""
        least = [own for item in (self.spec.budget, *self.spec.streams) for own in item.at_least]
        found = {self._place(figure) for own in least for figure in figures_of(own)}
        return found | {(self.spec.payees.table, column) for column in self.spec.payees.groups.values()}

    def _dividends(self, need: Need) -> list[Dividend]:
        return [own for own in self.spec.of_kind(Dividend) if own.need == need.id]

    def _with_dividends(self, tables: Mapping[str, pl.DataFrame]) -> Tables:
        """With the risk as it is where dividends look for both."""
        found = dict(tables)
        for need in self.needs:
            if need.risk is None:
                continue
            known = self.snapshot.some_figures(need.risk, f"streams.{need.id}.risk")
            for dividend in self._dividends(need):
                for figure in (dividend.risk_before, dividend.risk_improved):
                    table, column = self._place(figure)
                    cells = [""] * found[table].height
                    for row, own in zip(self._rows(table), known, strict=True):
                        cells[row] = "" if own is None else f"{own:f}"
                    found[table] = found[table].with_columns(pl.Series(column, cells, dtype=pl.String))
        return found

    def _place(self, figure: Figure) -> Column:
        return figure.table or self.spec.payees.table, figure.column

    def _rows(self, table: str) -> list[int]:
        """The row of each payee in a table that has one for each."""
        if table not in self._row_of:
            column = self.spec.payees.id
            rows = self.snapshot.rows(table, {"id": column}, table)
            at = {payee: row for row, payee in enumerate(rows.cells[column])}
            self._row_of[table] = [at[payee] for payee in self.snapshot.ids]
        return self._row_of[table]


def _known(snapshot: Snapshot) -> Snapshot:
    """The same snapshot, of which copies know who is in which group."""
    _ = snapshot.members
    return snapshot


def cell_of(figure: float) -> str:
    """A figure as it is written in a table; of what is unknown an empty cell."""
    return "" if np.isnan(figure) else f"{Decimal(repr(float(figure))):f}"

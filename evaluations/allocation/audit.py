"""The incentive audit: nobody may lose money, over the years that follow, by getting better at what it controls.

Every payee × lever × step is screened in floating point; cells near zero, the lowest, a seeded sample, and all that the
screen cannot see are replayed by the engine itself. Where one of them differs from the screen, every cell is. Put here:
which cells, verdicts, tables, whether a spec may be approved. Keep out: the screen (screening.py), the replay
(replay.py), declarations (excuses.py), sentences.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from data_contracts.index_spec.document import IndexSpec
from evaluations.allocation.column_levers import ColumnLever, column_levers
from evaluations.allocation.edges import edges_of
from evaluations.allocation.exact import half_up
from evaluations.allocation.excuses import excuses_of, strays
from evaluations.allocation.levers import AT_LIMIT, NO_FIGURE, NOT_ASKED, OK, Step, steps_of
from evaluations.allocation.lines import frame_of
from evaluations.allocation.replay import NoReplay, Replay, audited, last_known, present_value
from evaluations.allocation.risk_moves import RiskMove, computed_moves, declared_moves
from evaluations.allocation.screening import Screened, Screening
from evaluations.allocation.snapshot import ROW, DataError, Snapshot

PASSED, DRAFT = "passed", "draft"
AUDIT_SCHEMA = {
    "payee_id": pl.String, "indicator": pl.String, "step": pl.String, "step_points": pl.Decimal(20, 6),
    "moved_points": pl.Decimal(20, 6), "status": pl.String, "need_fen": pl.Int64, "performance_fen": pl.Int64,
    "dividend_fen": pl.Int64, "other_fen": pl.Int64, "value_fen": pl.Int64, "exact_fen": pl.Int64,
    "verdict": pl.String,
}  # fmt: skip
SUMMARY_SCHEMA = {
    "indicator": pl.String, "step": pl.String, "step_points": pl.Decimal(20, 6), "cells": pl.Int64,
    "losing": pl.Int64, "total_fen": pl.Int64, "worst_payee": pl.String, "worst_fen": pl.Int64, "exact": pl.Int64,
}  # fmt: skip
REASONS_SCHEMA = {"reason": pl.String, "subject": pl.String, "count": pl.Int64}
NEAR, AGREE, ROUNDING = 100, 50, 2
"""Fen: cells nearer to zero are replayed; screen and replay may differ by so much; a year's rounding is no loss."""
FEW, MOST = 2_000, 300_000
"""Cells × payees: up to so many, all are replayed; beyond so many, not all can be (unless `sample` asks for it)."""
Reasons = list[tuple[str, str, int]]


@dataclass(frozen=True)
class AuditResult:
    """`status`: passed or draft. Tables: audit (every cell), audit_summary, audit_reasons (why it is a draft)."""

    status: str
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class _Cell:
    """A payee and a step.

    `exact`: fen by the engine; `stuck`: the rules could not hold together in a year after it; `beyond`: there is no
    such figure; `skipped`: it ought to be replayed and is not.
    """

    at: int
    step: Step
    screened: Screened
    exact: int | None = None
    stuck: bool = False
    beyond: bool = False
    skipped: bool = False

    @property
    def total(self) -> float:
        """Present value by the screen in fen; NaN where it cannot tell."""
        return float(self.screened.total[self.at])

    @property
    def asked(self) -> bool:
        """Whether the payee can take the step and anything its money depends on changes."""
        return self.step.status[self.at] == OK and not bool(self.screened.still[self.at])

    @property
    def status(self) -> str:
        """As of the step, but at_limit where there is no such figure."""
        return AT_LIMIT if self.beyond else self.step.status[self.at]


def may_be_approved(result: AuditResult | None) -> bool:
    """Whether an allocation may be approved: only with an audit that looked at everything and found no loss."""
    return result is not None and result.status == PASSED and not result.tables["audit_reasons"].height


def audit_of(
    spec: AllocationSpec,
    tables: Mapping[str, pl.DataFrame],
    indices: Mapping[str, IndexSpec],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> AuditResult:
    """Audit a spec that divides. `indices`: need stream → spec of the index that its risk is computed by.

    `progress`: steps done, steps in all. What cannot be audited is a reason, and the result a draft. Raises as
    `allocate` does.
    """
    tables = last_known(spec, tables)
    reasons = excuses_of(spec, Snapshot(spec, tables), indices)
    try:
        replay = Replay(audited(spec), tables)
    except NoReplay as no:
        return _result([], [*reasons, ("no_replay", str(no.year), 1)], replay=None)
    moves, unsaid = _moves(replay, tables, indices)
    need = next(iter(replay.needs), None)
    edges = edges_of(replay.spec, replay.snapshot)
    risky = None if need is None or need.risk is None else (need.risk.table or spec.payees.table, need.risk.column)
    columns = column_levers(replay.spec, replay.snapshot, edges)
    steps, unknown = steps_of(
        _paid(replay.spec), moves, columns, replay.snapshot, edges.get(risky, []) if risky else []
    )  # fmt: skip
    computed = need is not None and need.risk is not None and need.risk.index is not None
    reasons += [*unsaid, *(("no_figures" if computed else "no_spread", name, 1) for name in unknown)]
    reasons += strays(spec, [step.indicator for step in steps])
    screening = Screening(replay, need)
    cells: list[_Cell] = []
    for done, step in enumerate(steps):
        progress(done, len(steps))
        screened = screening.of(step)
        cells += [_Cell(at, step, screened) for at in range(screening.size) if step.status[at] != NOT_ASKED]
    cells, differing = _replayed(cells, replay, screening, need, progress)
    return _result(cells, [*reasons, *differing, *_unasked(cells, moves, columns)], replay)


def _unasked(cells: Sequence[_Cell], moves: Mapping[str, RiskMove], columns: Mapping[str, ColumnLever]) -> Reasons:
    """Levers that nobody can be asked about for want of figures; and an audit that asks nothing at all.

    What only pays, and a column of which more is better, pays nobody while nobody has a figure: there is nothing to
    lose yet. Once one payee has a figure every cell of it is asked, for not even such rules always rise with figures
    (a better score also tells an award by chance how good the others are).
    """
    by_lever: dict[str, set[str]] = {}
    for cell in cells:
        by_lever.setdefault(cell.step.indicator, set()).add(cell.status)
    found = [
        ("nobody_reports", name, 1)
        for name, statuses in by_lever.items()
        if statuses == {NO_FIGURE} and (name in moves or (name in columns and columns[name].known.better != "higher"))
    ]
    silent = [name for name, own in columns.items() if own.known.worst_first and name not in by_lever]
    found += [("nobody_reports", name, 1) for name in silent]
    whole = set().union(*by_lever.values())
    return found if OK in whole or NO_FIGURE not in whole else [*found, ("nothing_asked", "", 1)]


def _paid(spec: AllocationSpec) -> dict[str, list[tuple[Performance, PaidIndicator]]]:
    found: dict[str, list[tuple[Performance, PaidIndicator]]] = {}
    for stream in spec.of_kind(Performance):
        for item in stream.indicators:
            found.setdefault(item.id, []).append((stream, item))
    return found


def _moves(
    replay: Replay, tables: Mapping[str, pl.DataFrame], indices: Mapping[str, IndexSpec]
) -> tuple[dict[str, RiskMove], list[tuple[str, str, int]]]:
    """What moves risk, and what nobody can say of it."""
    risky: list[Need] = [need for need in replay.needs if need.risk is not None]
    if not risky:
        return {}, []
    if len(replay.needs) > 1:
        return {}, [("several_needs", need.id, 1) for need in replay.needs]
    need = risky[0]
    if need.risk is None:
        return {}, []
    risks = replay.snapshot.some_figures(need.risk, f"streams.{need.id}.risk")
    if need.risk.index is None:
        if not need.risk.indicators:
            return {}, [("risk_unknown", need.id, 1)]
        declared, unknown = declared_moves(need.risk, risks)
        return {move.indicator: move for move in declared}, [("effect_unknown", name, 1) for name in unknown]
    better = {
        name: -1 if own[0][1].direction == "lower_is_better" else 1 for name, own in _paid(replay.spec).items()
    }  # fmt: skip
    frame = tables[need.risk.index.table]
    found = computed_moves(indices[need.id], frame.drop(ROW, strict=False), replay.snapshot.ids, need.risk, better)
    stated = np.array([np.nan if own is None else float(own) for own in risks])
    differ = int((np.abs(stated - found.risks) > 1e-9).sum() + (np.isnan(stated) != np.isnan(found.risks)).sum())
    reasons = [("index_differs", need.id, differ)] if differ else []
    return {move.indicator: move for move in found.moves}, reasons


def _replayed(
    cells: list[_Cell], replay: Replay, screening: Screening, need: Need | None, progress: Callable[[int, int], None]
) -> tuple[list[_Cell], Reasons]:
    """The same cells, exact where they are unseen, near zero, lowest, or in the sample; everywhere if one differs."""
    asked = [at for at, cell in enumerate(cells) if cell.asked]
    unseen = [at for at in asked if not np.isfinite(cells[at].total)]
    most = max(MOST // screening.size, replay.audit.sample)
    chosen = {*unseen[:most], *(at for at in asked if abs(cells[at].total) <= NEAR)}
    far = [at for at in asked if abs(cells[at].total) > NEAR]
    chosen |= set(sorted(far, key=lambda at: (cells[at].total, at))[:1])
    chosen |= set(sorted(far, key=lambda at: _ticket(replay, cells[at]))[: replay.audit.sample])
    if len(asked) * screening.size <= FEW:
        chosen = set(asked)
    exact: dict[int, _Cell] = {}

    def replayed(places: set[int]) -> list[int]:
        """Replay them; where the screen had another value."""
        for done, at in enumerate(sorted(places)):
            progress(done, len(places))
            exact[at] = _exact(cells[at], replay, screening, need)
        return [at for at in sorted(places) if _differs(exact[at])]

    differing = replayed(chosen)
    rest = {*asked} - {*exact} - {*unseen}
    reasons: Reasons = []
    if differing and len(rest) <= most:
        replayed(rest)
    elif differing:
        names = [cells[at].step.indicator for at in differing]
        reasons += [("disagrees", name, names.count(name)) for name in dict.fromkeys(names)]
    skipped = {*unseen} - {*exact}
    reasons += [("not_all_replayed", "", len(skipped))] if skipped else []
    return [
        replace(cell, skipped=True) if at in skipped else exact.get(at, cell) for at, cell in enumerate(cells)
    ], reasons


def _differs(cell: _Cell) -> bool:
    """Whether the engine has another present value than the screen."""
    return cell.exact is not None and bool(np.isfinite(cell.total)) and abs(cell.exact - cell.total) > AGREE


def _exact(cell: _Cell, replay: Replay, screening: Screening, need: Need | None) -> _Cell:
    """The cell with its present value by the engine."""
    risks = screening.risks(cell.step, [cell.at])
    moved = {} if risks is None or need is None else {need.id: risks[0]}
    try:
        changes = replay.change(cell.at, cell.step.edits[cell.at], moved)
    except NoReplay:
        return replace(cell, stuck=True)
    except DataError:
        return replace(cell, beyond=True)
    return replace(cell, exact=half_up(present_value(changes, replay.audit)))


def _ticket(replay: Replay, cell: _Cell) -> str:
    words = (replay.audit.seed, replay.snapshot.ids[cell.at], cell.step.indicator, cell.step.size)
    return hashlib.sha256("|".join(words).encode()).hexdigest()


def _result(cells: Sequence[_Cell], reasons: Reasons, replay: Replay | None) -> AuditResult:
    rows = [] if replay is None else [_row(cell, replay) for cell in cells]
    table = frame_of(rows, **AUDIT_SCHEMA)
    losing = table.filter(verdict="loses")
    for indicator, count in losing.group_by("indicator").len().sort("indicator").iter_rows():
        reasons.append(("loses", indicator, count))
    stuck = table.filter(verdict="no_replay").height
    reasons += [("no_replay_then", "", stuck)] if stuck else []
    found = {
        "audit": table.sort("payee_id", "indicator", "step"),
        "audit_summary": _summary(table),
        "audit_reasons": frame_of(list(dict.fromkeys(reasons)), **REASONS_SCHEMA),
    }
    return AuditResult(DRAFT if reasons else PASSED, found)


def _row(cell: _Cell, replay: Replay) -> tuple[object, ...]:
    step, at, own = cell.step, cell.at, cell.screened
    parts = (own.need[at], own.performance[at], own.dividend[at], own.other[at])
    known = cell.status == OK and bool(np.isfinite(cell.total)) and not cell.stuck
    value = cell.exact if cell.exact is not None else half_up(Fraction(cell.total)) if known else None
    verdict = cell.status if cell.status != OK else "skipped" if cell.skipped else _verdict(value, replay.audit.years)
    shown = [half_up(Fraction(float(part))) if known else None for part in parts]
    moved = Decimal(f"{step.moved[at]:.6f}")
    points = moved if step.points is None else step.points
    return (replay.snapshot.ids[at], step.indicator, step.size, points, moved, cell.status, *shown, value, cell.exact,
            verdict)  # fmt: skip


def _verdict(value: int | None, years: int) -> str:
    if value is None:
        return "no_replay"
    return "loses" if value < -ROUNDING * years else "keeps"


def _summary(table: pl.DataFrame) -> pl.DataFrame:
    """A row for each indicator and step: cells, losses, totals, and the payee with the lowest value."""
    rows = []
    for (indicator, step), own in table.group_by(["indicator", "step"], maintain_order=True):
        values = own.filter(pl.col("value_fen").is_not_null()).sort("value_fen", "payee_id")
        worst = values.row(0, named=True) if values.height else {"payee_id": None, "value_fen": None}
        rows.append((indicator, step, own["step_points"].max(), own.height, own.filter(verdict="loses").height,
                     int(values["value_fen"].sum()), worst["payee_id"], worst["value_fen"],
                     own["exact_fen"].drop_nulls().len()))  # fmt: skip
    return frame_of(rows, **SUMMARY_SCHEMA)

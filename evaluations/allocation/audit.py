"""The incentive audit: nobody may lose money, over the years that follow, by getting better at what it controls.

Every payee × controllable indicator × step is screened in floating point; cells near zero, the lowest and a seeded
sample are replayed by the engine itself. Put here: which cells, verdicts, tables, whether a spec may be approved.
Keep out: the screen (screening.py), the replay (replay.py), sentences.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from data_contracts.index_spec.document import IndexSpec
from evaluations.allocation.exact import half_up
from evaluations.allocation.levers import OK, Step, steps_of
from evaluations.allocation.lines import frame_of
from evaluations.allocation.replay import NoReplay, Replay, audited, present_value
from evaluations.allocation.risk_moves import RiskMove, computed_moves, declared_moves
from evaluations.allocation.screening import Screened, Screening
from evaluations.allocation.snapshot import ROW

PASSED, DRAFT = "passed", "draft"
AUDIT_SCHEMA = {
    "payee_id": pl.String, "indicator": pl.String, "step": pl.String, "step_points": pl.Decimal(20, 6),
    "moved_points": pl.Decimal(20, 6), "status": pl.String, "need_fen": pl.Int64, "performance_fen": pl.Int64,
    "dividend_fen": pl.Int64, "value_fen": pl.Int64, "exact_fen": pl.Int64, "verdict": pl.String,
}  # fmt: skip
SUMMARY_SCHEMA = {
    "indicator": pl.String, "step": pl.String, "step_points": pl.Decimal(20, 6), "cells": pl.Int64,
    "losing": pl.Int64, "total_fen": pl.Int64, "worst_payee": pl.String, "worst_fen": pl.Int64, "exact": pl.Int64,
}  # fmt: skip
REASONS_SCHEMA = {"reason": pl.String, "subject": pl.String, "count": pl.Int64}
NEAR, AGREE, ROUNDING = 100, 50, 2
"""Fen: cells nearer to zero are replayed; screen and replay may differ by so much; a year's rounding is no loss."""


class AuditDisagrees(RuntimeError):  # noqa: N818
    """Screen and exact replay differ by more than the tolerance: the audit says nothing."""

    def __init__(self, payee: str, indicator: str, difference: float) -> None:
        super().__init__(f"the screen of {payee} × {indicator} differs from its exact replay by {difference:.2f} fen")


@dataclass(frozen=True)
class AuditResult:
    """`status`: passed or draft. Tables: audit (every cell), audit_summary, audit_reasons (why it is a draft)."""

    status: str
    tables: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class _Cell:
    at: int
    step: Step
    screened: Screened
    exact: int | None = None
    stuck: bool = False
    """The rules could not hold together in a year after the improvement."""


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

    `progress`: steps done, steps in all. What cannot be audited is a reason, and the result a draft. Raises
    AuditDisagrees, and as `allocate` does.
    """
    try:
        replay = Replay(audited(spec), tables)
    except NoReplay as no:
        return _result([], [("no_replay", str(no.year), 1)], replay=None)
    moves, reasons = _moves(replay, tables, indices)
    need = next(iter(replay.needs), None)
    steps, unknown = steps_of(_paid(replay.spec), moves, replay.snapshot)
    computed = need is not None and need.risk is not None and need.risk.index is not None
    reasons += [("no_figures" if computed else "no_spread", name, 1) for name in unknown]
    screening = Screening(replay, need)
    cells: list[_Cell] = []
    for done, step in enumerate(steps):
        progress(done, len(steps))
        screened = screening.of(step)
        cells += [_Cell(at, step, screened) for at in range(screening.size)]
    cells = _replayed(cells, replay, screening, need, progress)
    return _result(cells, reasons, replay)


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
) -> list[_Cell]:
    """The same cells, exact where they are near zero, lowest, or in the sample."""
    totals = [float(cell.screened.total[cell.at]) for cell in cells]
    asked = [
        at for at, cell in enumerate(cells)
        if cell.step.status[cell.at] == OK and not cell.screened.still[cell.at]
    ]  # fmt: skip
    chosen = {at for at in asked if not abs(totals[at]) > NEAR}
    far = [at for at in asked if at not in chosen]
    chosen |= set(sorted(far, key=lambda at: (totals[at], at))[:1])
    chosen |= set(sorted(far, key=lambda at: _ticket(replay, cells[at]))[: replay.audit.sample])
    exact: dict[int, int | None] = {}
    for done, at in enumerate(sorted(chosen)):
        progress(done, len(chosen))
        exact[at] = _exact(cells[at], replay, screening, need, totals[at])
    return [
        _Cell(cell.at, cell.step, cell.screened, exact.get(at),
              at in exact and exact[at] is None)
        for at, cell in enumerate(cells)
    ]  # fmt: skip


def _exact(cell: _Cell, replay: Replay, screening: Screening, need: Need | None, screened: float) -> int | None:
    """Present value by the engine; None where rules cannot hold. Raises AuditDisagrees where the screen had another."""
    risks = screening.risks(cell.step, [cell.at])
    moved = {} if risks is None or need is None else {need.id: risks[0]}
    try:
        changes = replay.change(cell.at, cell.step.edits[cell.at], moved)
    except NoReplay:
        return None
    value = half_up(present_value(changes, replay.audit))
    if np.isfinite(screened) and abs(value - screened) > AGREE:
        raise AuditDisagrees(replay.snapshot.ids[cell.at], cell.step.indicator, value - screened)
    return value


def _ticket(replay: Replay, cell: _Cell) -> str:
    words = (replay.audit.seed, replay.snapshot.ids[cell.at], cell.step.indicator, cell.step.size)
    return hashlib.sha256("|".join(words).encode()).hexdigest()


def _result(cells: Sequence[_Cell], reasons: list[tuple[str, str, int]], replay: Replay | None) -> AuditResult:
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
        "audit_reasons": frame_of(reasons, **REASONS_SCHEMA),
    }
    return AuditResult(DRAFT if reasons else PASSED, found)


def _row(cell: _Cell, replay: Replay) -> tuple[object, ...]:
    step, at = cell.step, cell.at
    parts = (cell.screened.need[at], cell.screened.performance[at], cell.screened.dividend[at])
    known = step.status[at] == OK and bool(np.isfinite(sum(parts))) and not cell.stuck
    value = cell.exact if cell.exact is not None else half_up(Fraction(float(sum(parts)))) if known else None
    verdict = step.status[at] if step.status[at] != OK else _verdict(value, replay.audit.years)
    shown = [half_up(Fraction(float(own))) if known else None for own in parts]
    return (replay.snapshot.ids[at], step.indicator, step.size, step.points, Decimal(f"{step.moved[at]:.6f}"),
            step.status[at], *shown, value, cell.exact, verdict)  # fmt: skip


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
        rows.append((indicator, step, own["step_points"][0], own.height, own.filter(verdict="loses").height,
                     int(values["value_fen"].sum()), worst["payee_id"], worst["value_fen"],
                     own["exact_fen"].drop_nulls().len()))  # fmt: skip
    return frame_of(rows, **SUMMARY_SCHEMA)

"""Two divisions side by side: who gains, who loses and by which step of the statement; differences sum exactly.

Put here: pairing payees and steps of two results. Keep out: dividing, words, drawing.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from data_contracts.statement_lines import step_of
from evaluations.allocation.engine import Allocation
from evaluations.allocation.lines import FUND, PAYEE_KINDS, frame_of

STEPS_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "stream": pl.String, "stage": pl.String, "step": pl.String,
    "subject": pl.String, "subject_zh": pl.String, "subject_en": pl.String, "a_fen": pl.Int64, "b_fen": pl.Int64,
    "difference_fen": pl.Int64,
}  # fmt: skip
PAYEES_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "name": pl.String, "groups": pl.String,
    "population": pl.Decimal(38, 6), "a_fen": pl.Int64, "b_fen": pl.Int64, "difference_fen": pl.Int64,
    "main_step": pl.String, "main_subject": pl.String, "main_fen": pl.Int64,
}  # fmt: skip
_SUBJECTS = ("indicator", "factor", "item", "block", "contract", "request", "project", "class")
Owner = tuple[str, str]
Step = tuple[str, str, str, str]
"""Stream, stage, step and subject."""


@dataclass(frozen=True)
class Comparison:
    """`steps` (STEPS_SCHEMA) and `payees` (PAYEES_SCHEMA); `totals`: by table streams, sources: id, a_fen, b_fen."""

    steps: pl.DataFrame
    payees: pl.DataFrame
    totals: Mapping[str, pl.DataFrame]


def compared(a: Allocation, b: Allocation) -> Comparison:
    """Differences b − a of two results that both hold. Raises ValueError where one does not."""
    if a.conflict is not None or b.conflict is not None:
        raise ValueError("both divisions must hold")
    steps, titles = _steps(a, b)
    payees = _payees(a, b, steps)
    rows = [
        (*owner, *step[:3], step[3], *titles.get(step, ("", "")), before, after, after - before)
        for owner, own in steps.items()
        for step, (before, after) in own.items()
    ]
    totals = {
        "streams": _totals(a, b, "streams", "stream", "pool_fen"),
        "sources": _totals(a, b, "sources", "source", "amount_fen"),
    }
    return Comparison(frame_of(rows, **STEPS_SCHEMA), payees, totals)


def _lines(side: Allocation) -> Iterator[tuple[Owner, Step, tuple[str, str], int]]:
    columns = ("payee_kind", "payee_id", "stream", "stage", "line_id", "params", "amount_fen")
    known: dict[str, tuple[str, tuple[str, str]]] = {}
    for kind, payee, stream, stage, line_id, params, amount in side.tables["lines"].select(columns).iter_rows():
        if params not in known:
            known[params] = _subject(json.loads(params))
        subject, titles = known[params]
        yield (kind, payee), (stream, stage, step_of(line_id), subject), titles, amount


def _subject(params: Mapping[str, str]) -> tuple[str, tuple[str, str]]:
    """What a line is about, apart from its kind, and its titles."""
    name = next((name for name in _SUBJECTS if name in params or f"{name}_zh" in params), None)
    if name is None:
        return "", ("", "")
    subject = params.get(name) or params[f"{name}_zh"]
    return subject, (params.get(f"{name}_zh", subject), params.get(f"{name}_en", subject))


def _steps(
    a: Allocation, b: Allocation
) -> tuple[dict[Owner, dict[Step, tuple[int, int]]], dict[Step, tuple[str, str]]]:
    """Payee → step → fen in a and b, in the order of statements; titles of subjects."""
    sums: dict[Owner, dict[Step, list[int]]] = defaultdict(dict)
    titles: dict[Step, tuple[str, str]] = {}
    for at, side in enumerate((a, b)):
        for owner, step, said, amount in _lines(side):
            sums[owner].setdefault(step, [0, 0])[at] += amount
            titles[step] = said
    order = {kind: at for at, kind in enumerate(PAYEE_KINDS)}
    owners = sorted(sums, key=lambda own: (own[0] == FUND, order[own[0]], own[1]))
    return {own: {step: (two[0], two[1]) for step, two in sums[own].items()} for own in owners}, titles


def _payees(a: Allocation, b: Allocation, steps: Mapping[Owner, Mapping[Step, tuple[int, int]]]) -> pl.DataFrame:
    """Everybody of either side; `main_step`: the step that moved most in the direction of the whole difference."""
    known = {}
    for side in (a, b):
        columns = ("payee_kind", "payee_id", "name", "groups", "population")
        for kind, payee, *more in side.tables["payees"].select(columns).iter_rows():
            known[kind, payee] = more
    rows = []
    order = {kind: at for at, kind in enumerate(PAYEE_KINDS)}
    for owner in sorted(known, key=lambda own: (own[0] == FUND, order[own[0]], own[1])):
        own = steps.get(owner, {})
        before, after = (sum(two[at] for two in own.values()) for at in (0, 1))
        difference = after - before
        moved = {step: two[1] - two[0] for step, two in own.items()}
        sign = 1 if difference > 0 else -1
        main = max(moved, key=lambda step: sign * moved[step]) if difference else None
        reason = (None, None, None) if main is None else (main[2], main[3], moved[main])
        rows.append((*owner, *known[owner], before, after, difference, *reason))
    return frame_of(rows, **PAYEES_SCHEMA)


def _totals(a: Allocation, b: Allocation, table: str, name: str, column: str) -> pl.DataFrame:
    sums: dict[str, list[int]] = {}
    for at, side in enumerate((a, b)):
        if table in side.tables:
            for key, amount in side.tables[table].select(name, column).iter_rows():
                sums.setdefault(key, [0, 0])[at] += amount
    rows = [(key, *two, two[1] - two[0]) for key, two in sums.items()]
    return frame_of(rows, **{name: pl.String, "a_fen": pl.Int64, "b_fen": pl.Int64, "difference_fen": pl.Int64})

"""The need stream as a whole: targets, pace and reserved shares in their order, and the table behind them.

Put here: the order, the table. Keep out: arithmetic of targets (need.py) and bounds (pace.py), lines (need_lines.py).
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import polars as pl

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.need import Need
from evaluations.allocation.lines import Line, StreamResult, frame_of, fund_line
from evaluations.allocation.need import Targets, need_input, targets_of
from evaluations.allocation.need_lines import NeedLines
from evaluations.allocation.pace import Bounds, Paced, bounds_of, distance, leakage_of, paced, planned
from evaluations.allocation.payers import by_reserve, payers_table
from evaluations.allocation.ratios import Ratio
from evaluations.allocation.reaching import NeedRules, years_to_target
from evaluations.allocation.reserves import guarantees
from evaluations.allocation.sensitivity import of_risk, peers
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot
from evaluations.allocation.statement import NeedStatement
from evaluations.waterfill import REST

NEED_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "population": pl.Decimal(38, 6), "risk": pl.Decimal(20, 6),
    "equal_share_fen": pl.Int64, "target_fen": pl.Int64, "before_fen": pl.Int64, "floor_fen": pl.Int64,
    "floor_rule": pl.String, "cap_fen": pl.Int64, "natural_fen": pl.Int64, "amount_fen": pl.Int64, "bound": pl.String,
    "reserve": pl.String, "distance_before": pl.Decimal(20, 6), "distance_after": pl.Decimal(20, 6),
    "years_to_target": pl.Int64, "leakage_fen": pl.Int64, "reserve_paid_fen": pl.Int64,
}  # fmt: skip
_DIGITS = Decimal("0.000001")


def divide(stream: Need, pool: int, setting: Setting) -> StreamResult:
    """Need money of every payee and what a fund holds of it; tables need (NEED_SCHEMA), payers, peers, sensitivity."""
    snapshot, place = setting.snapshot, f"streams.{stream.id}"
    pace = stream.pace
    memory = {} if setting.memory is None else setting.memory
    if pool not in memory:
        memory[pool] = _before_division(stream, pool, setting)
    targets, bounds = memory[pool]
    reserved = guarantees(stream.id, setting)
    if stream.planned is not None:
        found = planned(pool, _planned(stream.planned, snapshot, f"{place}.planned"), stream.id)
    else:
        hold = pace is not None and pace.leakage == "hold_in_transition"
        found = paced(pool, targets, bounds, reserved, snapshot.ids, stream.id, hold=hold)
    if not setting.explained:
        return amounts_only(stream, pool, setting.snapshot, targets, found)
    shares = by_reserve(found)
    explained = NeedLines(stream, setting, NeedStatement(stream, targets), bounds, found, shares)
    lines = [line for at in range(len(snapshot.ids)) for line in explained.of(at)]
    if found.held and pace is not None and pace.hold_in is not None:
        lines.append(fund_line(pace.hold_in, "S3", "leakage_held", stream.id, found.held))
    rules = NeedRules(pool, targets, bounds, pace, reserved, snapshot.ids, stream.id)
    years = years_to_target(rules, found.amounts)
    tables = {
        "need": _table(stream, setting, targets, bounds, found, years),
        "payers": payers_table(stream.id, snapshot.ids, targets.fen, found, shares),
        "peers": peers(stream, targets, found.amounts, snapshot.ids, _groups(snapshot)),
    }
    if stream.risk is not None:
        tables["sensitivity"] = of_risk(stream, pool - _fixed(stream, setting, targets), targets, snapshot.ids)
    return StreamResult(stream.id, pool, lines, tables)


def _before_division(stream: Need, pool: int, setting: Setting) -> tuple[Targets, Bounds]:
    snapshot = setting.snapshot
    figures = need_input(stream, snapshot)
    targets = targets_of(stream, pool, figures, snapshot.ids, setting.spec.fen(stream.fixed_grant))
    return targets, bounds_of(stream.pace, snapshot, targets, f"streams.{stream.id}.pace", stream.id)


def _groups(snapshot: Snapshot) -> list[list[str]]:
    return [snapshot.groups_of(at) for at in range(len(snapshot.ids))]


def amounts_only(stream: Need, pool: int, snapshot: Snapshot, targets: Targets, found: Paced) -> StreamResult:
    """The same money without its explanation; of table `need` only the targets, by which reserves are made good."""
    pace = stream.pace
    lines = [
        Line(snapshot.kind, payee, "S3", "pace", stream.id, amount)
        for payee, amount in zip(snapshot.ids, found.amounts, strict=True)
    ]
    if found.held and pace is not None and pace.hold_in is not None:
        lines.append(fund_line(pace.hold_in, "S3", "leakage_held", stream.id, found.held))
    table = pl.DataFrame({"payee_id": snapshot.ids, "target_fen": targets.fen})
    return StreamResult(stream.id, pool, lines, {"need": table})


def _fixed(stream: Need, setting: Setting, targets: Targets) -> int:
    return setting.spec.fen(stream.fixed_grant) * sum(count > 0 for count in targets.figures.people)


def _planned(figure: Figure, snapshot: Snapshot, place: str) -> list[int]:
    rows = snapshot.rows_of(figure, place)
    return rows.known(figure.column, snapshot.money(figure, place))


def _table(
    stream: Need, setting: Setting, targets: Targets, bounds: Bounds, found: Paced, years: Sequence[int | None]
) -> pl.DataFrame:
    leakage = leakage_of(found, targets, bounds)
    rows = []
    for at, payee in enumerate(setting.snapshot.ids):
        risk = targets.figures.risks[at]
        amount, start = found.amounts[at], bounds.start[at]
        rows.append((
            stream.id, payee, targets.figures.population[at].quantize(_DIGITS),
            None if risk is None else risk.quantize(_DIGITS), _nearest(targets.equal[at]), targets.fen[at],
            bounds.before[at], bounds.floors[at], bounds.rules[at], bounds.caps[at], found.natural[at], amount,
            _bound(stream, start, found.bounds[at]), None if found.owners[at] == REST else found.owners[at],
            distance(bounds.before[at], targets, at), distance(amount, targets, at),
            years[at], leakage[at],
            max(0, found.natural[at] - found.reserved[at]),
        ))  # fmt: skip
    return frame_of(rows, **NEED_SCHEMA)


def _bound(stream: Need, start: Fraction | None, mark: str) -> str:
    """floor, cap, spared, free; new: no money of the year before; none: there is no pace."""
    if stream.pace is None:
        return "none"
    return "new" if stream.pace.previous is not None and start is None and mark == "free" else mark


def _nearest(figure: Ratio) -> int:
    return (2 * figure[0] + figure[1]) // (2 * figure[1])

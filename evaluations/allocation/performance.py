"""Stage S4: what results earn of a stream that follows registered persons, as lines and tables.

Put here: earned and unearned money of every payee. Keep out: which part is earned (earning.py), payment in the year
(quarters.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.earning import QUARTERS, Earning, Potential, earnings_of, potential_of
from evaluations.allocation.lines import MICRO, Line, StreamResult, frame_by_column, fund_line
from evaluations.allocation.ratios import QUANTUM, Column, Ratios, rounded_to, whole_column
from evaluations.allocation.records import named
from evaluations.allocation.reported import WHOLE_YEAR
from evaluations.allocation.scores import FILLED_IN
from evaluations.allocation.sensitivity import of_indicators
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot, quarter_name
from evaluations.rounding import largest_remainder, rows_by_id

SUPPORT_FUND, CARRY_OVER, PENDING = "support_fund", "carry_over", "performance_pending"
PERFORMANCE_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "indicator": pl.String, "quarter": pl.String,
    "value": MICRO, "cases": MICRO, "reliability": MICRO,
    "used": MICRO, "baseline": MICRO, "threshold": MICRO,
    "benchmark": MICRO, "achievement": MICRO, "improvement": MICRO,
    "score": MICRO, "way": pl.String, "potential_fen": pl.Int64, "earned_fen": pl.Int64,
}  # fmt: skip
EARNED_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "quarter": pl.String, "potential_fen": pl.Int64,
    "earned_so_far_fen": pl.Int64, "late": pl.Int64, "settled": pl.Boolean,
}  # fmt: skip
_EQUITY = "equity"
_LATE = ("missing", "gaps", *FILLED_IN)


def divide(stream: Performance, pool: int, setting: Setting) -> StreamResult:
    """Earned money of every payee; tables `performance` (by indicator) and `earned` (by quarter).

    What nobody earned goes to the support fund, to next year or to those who earned. Before the last quarter of the
    year only what is due so far is divided, the rest stands in the fund of pending money.
    """
    snapshot = setting.snapshot
    potential = potential_of(stream, snapshot, pool)
    most = dict(zip(snapshot.ids, potential.fen, strict=True))
    if setting.spec.phase == "plan":
        return StreamResult(stream.id, pool, _plan(stream, setting, potential), potential=most, settled=False)
    earnings = earnings_of(stream, setting, potential)
    quarter = max(earnings)
    elapsed, last = elapsed_in(quarter), earnings[quarter]
    due = [own * elapsed // QUARTERS for own in potential.fen]
    earned = last.earned(due)
    settled = elapsed == QUARTERS
    rest = rest_of(stream, snapshot, earned, pool - sum(earned), settled=settled)
    if not setting.explained:
        paid = [
            Line(snapshot.kind, payee, "S4", "earned_given", stream.id, own)
            for payee, own in zip(snapshot.ids, earned, strict=True)
        ]
        return StreamResult(stream.id, pool, [*paid, *rest], potential=most, settled=settled)
    amounts = _by_indicator(potential, last, due, earned)
    lines = [*_lines(stream, setting, last, due, amounts), *rest]
    tables = {
        "performance": _table(stream, snapshot, potential, last, due, amounts, quarter),
        "sensitivity": of_indicators(stream, potential, last, due, snapshot.ids),
        "earned": _earned_table(stream, snapshot, earnings, potential),
    }
    return StreamResult(stream.id, pool, lines, tables, most, settled)


def _plan(stream: Performance, setting: Setting, potential: Potential) -> list[Line]:
    """Before the year: what each payee can earn at most."""
    snapshot = setting.snapshot
    return [
        Line(snapshot.kind, payee, "S4", "potential", stream.id, amount, persons)
        for payee, amount, persons in zip(snapshot.ids, potential.fen, snapshot.cells(stream.registered), strict=True)
        if amount
    ]


def elapsed_in(quarter: int) -> int:
    """Quarters of the year that are over at the end of this one."""
    return QUARTERS if quarter == WHOLE_YEAR else quarter % QUARTERS + 1


def _name(quarter: int) -> str | None:
    return None if quarter == WHOLE_YEAR else quarter_name(quarter)


def _by_indicator(potential: Potential, last: Earning, due: Sequence[int], earned: Sequence[int]) -> Column:
    """Earned fen of each payee by indicator, and last what the equity bonus changes; they sum to what is earned."""
    weights, money = np.array(potential.weights, dtype=object), whole_column(due)
    whole = weights.sum(axis=1)
    whole[whole == 0] = 1
    exact = [
        (money * weight * own.score[0], whole * own.score[1])
        for weight, own in zip(weights.T, last.scores, strict=True)
    ]
    bonus = (money * whole_column(last.bonus), whole_column([QUANTUM] * len(money)))
    return rounded_to([*exact, bonus], whole_column(earned))


def _lines(stream: Performance, setting: Setting, last: Earning, due: Sequence[int], amounts: Column) -> Iterator[Line]:
    """A line for each indicator, also where nothing is earned for want of figures, and one for the equity bonus."""
    snapshot = setting.snapshot
    columns = []
    for item, own, money in zip(stream.indicators, last.scores, amounts.T, strict=False):
        words = {"indicator": item.id, **named("indicator", item.id, item.titles)}
        ways = {way: f"earned_{way}" for way in set(own.way)}
        columns.append([
            (ways[way], amount, quantity, score, {**words, "score": score})
            for way, amount, quantity, score in zip(
                own.way, money, snapshot.cells(item.registered or stream.registered), percent(own.score), strict=True
            )
        ])  # fmt: skip
    for payee, there, bonus, *own in zip(snapshot.ids, due, amounts[:, -1], *columns, strict=True):
        if not there:
            continue
        for line_id, amount, quantity, score, words in own:
            yield Line(snapshot.kind, payee, "S4", line_id, stream.id, amount, quantity, score, words)
        if bonus:
            yield Line(snapshot.kind, payee, "S4", _EQUITY, stream.id, bonus)


def percent(shares: Ratios) -> list[str]:
    """Shares from 0 to 1 in per cent with two decimals, a half up."""
    hundredths = (shares[0] * (2 * 10**4) + shares[1]) // (2 * shares[1])
    return [f"{own // 100}.{own % 100:02d}" for own in hundredths]


def rest_of(
    stream: Performance, snapshot: Snapshot, earned: Sequence[int], unearned: int, *, settled: bool
) -> list[Line]:
    """What happens to money that is not earned: in the settlement it is shared or kept, before it stays pending."""
    if not settled:
        return [fund_line(PENDING, "S4", "pending", stream.id, unearned)]
    if not unearned:
        return []
    if stream.unearned_to == "earners" and any(earned):
        shared = largest_remainder(list(earned), unearned, snapshot.ids)
        return [
            Line(snapshot.kind, payee, "S4", "from_unearned", stream.id, amount)
            for payee, amount in zip(snapshot.ids, shared, strict=True)
            if amount
        ]
    fund = CARRY_OVER if stream.unearned_to == "carry_over" else SUPPORT_FUND
    return [fund_line(fund, "S4", "unearned", stream.id, unearned)]


def _table(
    stream: Performance, snapshot: Snapshot, potential: Potential, last: Earning, due: Sequence[int], amounts: Column,
    quarter: int,
) -> pl.DataFrame:  # fmt: skip
    ids = [item.id for item in stream.indicators]
    shares = rows_by_id(np.array(potential.weights, dtype=object), whole_column(due), ids)
    frames = []
    for number, scores in enumerate(last.scores):
        columns: dict[str, Sequence[Any]] = {
            name: _shown(getattr(scores, name)) for name, dtype in PERFORMANCE_SCHEMA.items() if dtype == MICRO
        }
        columns |= {
            "stream": [stream.id] * len(due), "payee_id": snapshot.ids, "indicator": [ids[number]] * len(due),
            "quarter": [_name(quarter)] * len(due), "way": scores.way.tolist(),
            "potential_fen": shares[:, number].tolist(), "earned_fen": amounts[:, number].tolist(),
        }  # fmt: skip
        frames.append(frame_by_column(columns, **PERFORMANCE_SCHEMA))
    # Payee by payee.
    return pl.concat([frame.with_row_index("at") for frame in frames]).sort("at", maintain_order=True).drop("at")


def _shown(figures: Ratios) -> list[int | None]:
    """In millionths, a half up."""
    return [
        (top * 2 * 10**6 + bottom) // (2 * bottom) if bottom else None for top, bottom in zip(*figures, strict=True)
    ]


def _earned_table(
    stream: Performance, snapshot: Snapshot, earnings: dict[int, Earning], potential: Potential
) -> pl.DataFrame:
    """Potential and earned money from the first of January up to each quarter; how many figures were late."""
    frames, size = [], len(snapshot.ids)
    for quarter, own in earnings.items():
        elapsed = elapsed_in(quarter)
        due = [fen * elapsed // QUARTERS for fen in potential.fen]
        late = np.sum([np.isin(scores.way.astype(str), _LATE) for scores in own.scores], axis=0)
        columns: dict[str, Sequence[Any]] = {
            "stream": [stream.id] * size, "payee_id": snapshot.ids, "quarter": [_name(quarter)] * size,
            "potential_fen": due, "earned_so_far_fen": own.earned(due), "late": late.tolist(),
            "settled": [elapsed == QUARTERS] * size,
        }  # fmt: skip
        frames.append(frame_by_column(columns, **EARNED_SCHEMA))
    return pl.concat(frames)

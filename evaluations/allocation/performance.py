"""Stage S4: what results earn of a stream that follows registered persons, as lines and tables.

Put here: earned and unearned money of every payee. Keep out: which part is earned (earning.py), payment in the year
(quarters.py).
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.earning import QUARTERS, Earning, Potential, earnings_of, potential_of
from evaluations.allocation.lines import MICRO, Line, StreamResult, frame_by_column, frame_of, fund_line
from evaluations.allocation.ratios import QUANTUM, Ratio, rounded_to
from evaluations.allocation.reported import WHOLE_YEAR
from evaluations.allocation.scoring import Score
from evaluations.allocation.sensitivity import of_indicators
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot, quarter_name
from evaluations.rounding import largest_remainder

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
    elapsed, last = _elapsed(quarter), earnings[quarter]
    due = [own * elapsed // QUARTERS for own in potential.fen]
    earned = [last.earned(at, own) for at, own in enumerate(due)]
    settled = elapsed == QUARTERS
    rest = _rest(stream, snapshot, earned, pool - sum(earned), settled=settled)
    if not setting.explained:
        paid = [
            Line(snapshot.kind, payee, "S4", "earned_given", stream.id, own)
            for payee, own in zip(snapshot.ids, earned, strict=True)
        ]
        return StreamResult(stream.id, pool, [*paid, *rest], potential=most, settled=settled)
    amounts = [_by_indicator(potential, last, at, due[at], earned[at]) for at in range(len(due))]
    lines = [line for at in range(len(due)) if due[at] for line in _lines(stream, setting, last, at, amounts[at])]
    lines += rest
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
        Line(snapshot.kind, payee, "S4", "potential", stream.id, amount, snapshot.words_at(stream.registered, at))
        for at, (payee, amount) in enumerate(zip(snapshot.ids, potential.fen, strict=True))
        if amount
    ]


def _elapsed(quarter: int) -> int:
    return QUARTERS if quarter == WHOLE_YEAR else quarter % QUARTERS + 1


def _name(quarter: int) -> str | None:
    return None if quarter == WHOLE_YEAR else quarter_name(quarter)


def _by_indicator(potential: Potential, last: Earning, at: int, due: int, earned: int) -> list[int]:
    """Earned fen by indicator, and last what the equity bonus changes; they sum to what is earned."""
    weights = potential.weights[at]
    whole = sum(weights) or 1
    exact = [
        (due * weight * own[at].score[0], whole * own[at].score[1])
        for weight, own in zip(weights, last.scores, strict=True)
    ]
    return rounded_to([*exact, (due * last.bonus[at], QUANTUM)], earned)


def _lines(stream: Performance, setting: Setting, last: Earning, at: int, amounts: Sequence[int]) -> list[Line]:
    """A line for each indicator, also where nothing is earned for want of figures, and one for the equity bonus."""
    kind, payee = setting.snapshot.kind, setting.snapshot.ids[at]
    lines = []
    for item, own, amount in zip(stream.indicators, last.scores, amounts, strict=False):
        titles, score = item.titles, percent(own[at].score)
        words = {
            "indicator": item.id,
            "indicator_zh": titles.zh if titles else item.id,
            "indicator_en": titles.en if titles else item.id,
            "score": score,
        }
        quantity = setting.snapshot.words_at(item.registered or stream.registered, at)
        line_id = f"earned_{own[at].way}"
        lines.append(Line(kind, payee, "S4", line_id, stream.id, amount, quantity, score, words))
    if amounts[-1]:
        lines.append(Line(kind, payee, "S4", _EQUITY, stream.id, amounts[-1]))
    return lines


def percent(share: Ratio) -> str:
    """A share from 0 to 1 in per cent with two decimals, a half up."""
    hundredths = (share[0] * 2 * 10**4 + share[1]) // (2 * share[1])
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _rest(
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
    stream: Performance, snapshot: Snapshot, potential: Potential, last: Earning, due: Sequence[int],
    amounts: Sequence[Sequence[int]], quarter: int,
) -> pl.DataFrame:  # fmt: skip
    ids = [item.id for item in stream.indicators]
    shares = [largest_remainder(own, money, ids) for own, money in zip(potential.weights, due, strict=True)]
    frames = []
    for number, (indicator, scores) in enumerate(zip(ids, last.scores, strict=True)):
        own = dict(zip(Score._fields, zip(*scores, strict=True), strict=True))
        columns: dict[str, Sequence[Any]] = {
            "stream": [stream.id] * len(scores),
            "payee_id": snapshot.ids,
            "indicator": [indicator] * len(scores),
            "quarter": [_name(quarter)] * len(scores),
            **{name: _shown(own[name]) for name, dtype in PERFORMANCE_SCHEMA.items() if dtype == MICRO},
            "way": own["way"],
            "potential_fen": [row[number] for row in shares],
            "earned_fen": [row[number] for row in amounts],
        }
        frames.append(frame_by_column({name: columns[name] for name in PERFORMANCE_SCHEMA}, **PERFORMANCE_SCHEMA))
    # Payee by payee.
    return pl.concat([frame.with_row_index("at") for frame in frames]).sort("at", maintain_order=True).drop("at")


def _shown(figures: Sequence[Ratio | None]) -> list[int | None]:
    """In millionths, a half up."""
    return [None if own is None else (own[0] * 2 * 10**6 + own[1]) // (2 * own[1]) for own in figures]


def _earned_table(
    stream: Performance, snapshot: Snapshot, earnings: dict[int, Earning], potential: Potential
) -> pl.DataFrame:
    """Potential and earned money from the first of January up to each quarter; how many figures were late."""
    rows = []
    for quarter, own in earnings.items():
        elapsed, name = _elapsed(quarter), _name(quarter)
        for at, payee in enumerate(snapshot.ids):
            due = potential.fen[at] * elapsed // QUARTERS
            late = sum(scores[at].way in ("missing", "gaps", "carried", "p25") for scores in own.scores)
            rows.append((stream.id, payee, name, due, own.earned(at, due), late, elapsed == QUARTERS))
    return frame_of(rows, **EARNED_SCHEMA)

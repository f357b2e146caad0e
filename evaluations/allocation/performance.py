"""Stage S4: what results earn of a stream that follows registered persons, as lines and tables.

Put here: earned and unearned money of every payee. Keep out: which part is earned (earning.py), payment in the year
(quarters.py).
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import polars as pl

from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.earning import QUARTERS, Earning, Potential, earnings_of, potential_of
from evaluations.allocation.lines import Line, StreamResult, frame_of, fund_line
from evaluations.allocation.ratios import QUANTUM, Ratio
from evaluations.allocation.reported import WHOLE_YEAR
from evaluations.allocation.sensitivity import of_indicators
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Snapshot, quarter_name
from evaluations.allocation.statement import rounded_parts
from evaluations.rounding import largest_remainder

SUPPORT_FUND, CARRY_OVER, PENDING = "support_fund", "carry_over", "performance_pending"
PERFORMANCE_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "indicator": pl.String, "quarter": pl.String,
    "value": pl.Decimal(20, 6), "cases": pl.Decimal(20, 6), "reliability": pl.Decimal(20, 6),
    "used": pl.Decimal(20, 6), "baseline": pl.Decimal(20, 6), "threshold": pl.Decimal(20, 6),
    "benchmark": pl.Decimal(20, 6), "achievement": pl.Decimal(20, 6), "improvement": pl.Decimal(20, 6),
    "score": pl.Decimal(20, 6), "way": pl.String, "potential_fen": pl.Int64, "earned_fen": pl.Int64,
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
    if setting.spec.phase == "plan":
        return StreamResult(stream.id, pool, _plan(stream, setting, potential))
    earnings = earnings_of(stream, setting, potential)
    quarter = max(earnings)
    elapsed, last = _elapsed(quarter), earnings[quarter]
    due = [own * elapsed // QUARTERS for own in potential.fen]
    earned = [last.earned(at, own) for at, own in enumerate(due)]
    rest = _rest(stream, snapshot, earned, pool - sum(earned), settled=elapsed == QUARTERS)
    if not setting.explained:
        paid = [
            Line(snapshot.kind, payee, "S4", "earned_given", stream.id, own)
            for payee, own in zip(snapshot.ids, earned, strict=True)
        ]
        return StreamResult(stream.id, pool, [*paid, *rest])
    amounts = [_by_indicator(potential, last, at, due[at], earned[at]) for at in range(len(due))]
    lines = [line for at in range(len(due)) if due[at] for line in _lines(stream, setting, last, at, amounts[at])]
    lines += rest
    tables = {
        "performance": _table(stream, snapshot, potential, last, due, amounts, quarter),
        "sensitivity": of_indicators(stream, potential, last, due, snapshot.ids),
        "earned": _earned_table(stream, snapshot, earnings, potential),
    }
    return StreamResult(stream.id, pool, lines, tables)


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
        Fraction(due * weight * own[at].score[0], whole * own[at].score[1])
        for weight, own in zip(weights, last.scores, strict=True)
    ]
    return rounded_parts([*exact, Fraction(due * last.bonus[at], QUANTUM)], earned)


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
    name, rows = _name(quarter), []
    ids = [item.id for item in stream.indicators]
    for at, payee in enumerate(snapshot.ids):
        shares = largest_remainder(potential.weights[at], due[at], ids)
        for indicator, scores, share, amount in zip(ids, last.scores, shares, amounts[at], strict=False):
            own = scores[at]
            figures = (own.value, own.cases, own.reliability, own.used, own.baseline, own.threshold, own.benchmark,
                       own.achievement, own.improvement, own.score)  # fmt: skip
            rows.append((stream.id, payee, indicator, name, *map(_shown, figures), own.way, share, amount))
    return frame_of(rows, **PERFORMANCE_SCHEMA)


def _shown(figure: Ratio | None) -> Decimal | None:
    """Six decimals, a half up."""
    if figure is None:
        return None
    return Decimal((figure[0] * 2 * 10**6 + figure[1]) // (2 * figure[1])).scaleb(-6)


def _earned_table(
    stream: Performance, snapshot: Snapshot, earnings: dict[int, Earning], potential: Potential
) -> pl.DataFrame:
    """Potential and earned money from the first of January up to each quarter; how many figures were late."""
    rows = []
    for quarter, own in earnings.items():
        elapsed, name = _elapsed(quarter), _name(quarter)
        for at, payee in enumerate(snapshot.ids):
            due = potential.fen[at] * elapsed // QUARTERS
            late = sum(scores[at].way in ("missing", "carried", "p25") for scores in own.scores)
            rows.append((stream.id, payee, name, due, own.earned(at, due), late, elapsed == QUARTERS))
    return frame_of(rows, **EARNED_SCHEMA)

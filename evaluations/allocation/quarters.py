"""Stage S9: the year's money quarter by quarter.

Performance money as a part of what is earned so far, in bounded steps, settled in the last quarter; contests, and what
makes good reserved shares, whole in the last quarter; all other money in four equal instalments. Put here: payments
within the year. Keep out: what is earned, what a period of the road pays (periods).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import polars as pl

from data_contracts.allocation_spec.contests import Awards, Projects
from data_contracts.allocation_spec.envelope import FundStream
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance, Quarterly
from evaluations.allocation.earning import QUARTERS
from evaluations.allocation.lines import FUND, frame_of
from evaluations.allocation.ratios import ratio, times
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import quarter_name
from evaluations.rounding import instalments

QUARTERS_SCHEMA = {
    "stream": pl.String, "payee_kind": pl.String, "payee_id": pl.String, "quarter": pl.String,
    "earned_so_far_fen": pl.Int64, "paid_fen": pl.Int64, "bound": pl.String, "late": pl.Int64,
    "claw_back_fen": pl.Int64,
}  # fmt: skip


class Payment(NamedTuple):
    """Fen paid in a quarter; `bound`: rise or fall where the largest change held it, settled, or none.

    `claw_back`: fen paid in earlier quarters beyond what the settlement says, to be taken off later.
    """

    paid: int
    bound: str
    claw_back: int = 0


def payments(
    rule: Quarterly, earned: Sequence[int], due: Sequence[int], quarterly_base: Fraction, *, settled: bool
) -> list[Payment]:
    """Payments of one payee from the first quarter on.

    `earned`, `due`: fen earned, and potential, from the start of the year to each quarter. `settled`: the last one is
    the settlement. No payment is negative; what is paid less what is clawed back is what is earned, once settled.
    """
    found: list[Payment] = []
    for at, (own, most) in enumerate(zip(earned, due, strict=True)):
        last = settled and at == len(earned) - 1
        before = [payment.paid for payment in found]
        found.append(next_payment(rule, own, most, before, quarterly_base, settled=last))
    return found


def next_payment(
    rule: Quarterly, earned: int, due: int, before: Sequence[int], quarterly_base: Fraction, *, settled: bool
) -> Payment:
    """The payment of one quarter after those of `before`; `earned`, `due`: up to it. Never negative."""
    paid = sum(before)
    if settled:
        return Payment(max(0, earned - paid), "settled", max(0, paid - earned))
    step = None
    if rule.largest_change is not None:
        top, bottom = times(quarterly_base.as_integer_ratio(), ratio(rule.largest_change))
        step = top // bottom
    share, whole = ratio(rule.advance)
    wanted = max(0, earned * share // whole - paid)
    amount, bound = _bounded(wanted, before[-1] if before else None, step)
    return Payment(max(0, min(amount, due - paid)), bound)


def _bounded(wanted: int, last: int | None, step: int | None) -> tuple[int, str]:
    if last is None or step is None:
        return wanted, "none"
    if wanted > last + step:
        return last + step, "rise"
    if wanted < last - step:
        return last - step, "fall"
    return wanted, "none"


def quarters_table(setting: Setting) -> pl.DataFrame:
    """Payments of every stream by payee that is no fund and quarter (QUARTERS_SCHEMA), as a year is paid (periods)."""
    rows: list[tuple[object, ...]] = []
    need_money: dict[str, int] = defaultdict(int)
    for need in setting.spec.of_kind(Need):
        for payee, amount in setting.done[need.id].paid(setting.snapshot.kind).items():
            need_money[payee] += amount
    for stream in setting.spec.streams:
        if isinstance(stream, Performance) and stream.quarterly is not None and setting.spec.phase == "settlement":
            rows += _performance_rows(stream, stream.quarterly, setting, need_money)
        else:
            # What is made good of reserved shares, and who wins, is known at the settlement only.
            rows += _plain_rows(stream.id, setting, whole=isinstance(stream, FundStream | Awards | Projects))
    return frame_of(rows, **QUARTERS_SCHEMA)


def _plain_rows(stream: str, setting: Setting, *, whole: bool) -> Iterator[tuple[object, ...]]:
    """In equal instalments, or the `whole` of it in the settlement."""
    names = [quarter_name(setting.spec.year * QUARTERS + at) for at in range(QUARTERS)]
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for line in setting.done[stream].lines:
        if line.payee_kind != FUND:
            sums[line.payee_kind, line.payee_id] += line.amount
    for payee, amount in sorted(sums.items()):
        if whole:
            yield (stream, *payee, names[-1], None, amount, "settled", None, 0)
            continue
        for name, part in zip(names, instalments(amount, QUARTERS), strict=True):
            yield (stream, *payee, name, None, part, "none", None, 0)


def base_of(need_money: Mapping[str, int], payee: str, potential: int, quarters: int) -> Fraction:
    """Fen that a change is measured by: a quarter of the payee's need money; of its potential where it has none.

    `potential`: of the first so many quarters.
    """
    own = need_money.get(payee, 0)
    return Fraction(own, QUARTERS) if own else Fraction(potential, quarters)


def _performance_rows(
    stream: Performance, rule: Quarterly, setting: Setting, need_money: dict[str, int]
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    by_payee: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    columns = ("payee_id", "quarter", "potential_fen", "earned_so_far_fen", "late", "settled")
    for payee, *own in setting.done[stream.id].tables["earned"].select(columns).iter_rows():
        by_payee[payee].append(tuple(own))
    others: dict[str, int] = defaultdict(int)
    for line in setting.done[stream.id].lines:
        if line.line_id == "from_unearned":
            others[line.payee_id] += line.amount
    for payee, quarters in by_payee.items():
        names, due, earned, late, settled = zip(*quarters, strict=True)
        base = base_of(need_money, payee, due[-1], len(due))
        made = payments(rule, earned, due, base, settled=settled[-1])
        # Others' money is shared when all is known.
        made[-1] = made[-1]._replace(paid=made[-1].paid + others[payee])
        rows += [
            (stream.id, setting.snapshot.kind, payee, name, so_far, payment.paid, payment.bound, number,
             payment.claw_back)
            for name, so_far, payment, number in zip(names, earned, made, late, strict=True)
        ]  # fmt: skip
    return rows

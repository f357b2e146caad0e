"""Stage S8: the improvement dividend, what a payee keeps of the need money that its own better health costs it.

Put here: the loss of target and the part of it that is made good. Keep out: need itself.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import polars as pl

from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.need import Need
from evaluations.allocation.exact import half_up
from evaluations.allocation.lines import Line, StreamResult, frame_of, fund_line, plain
from evaluations.allocation.need import NeedInput, multipliers, need_input, reference_of
from evaluations.allocation.setting import Setting
from evaluations.rounding import largest_remainder

DIVIDEND_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "risk_before": pl.Decimal(20, 6), "risk_improved": pl.Decimal(20, 6),
    "loss_fen": pl.Int64, "retention": pl.Decimal(20, 6), "due_fen": pl.Int64, "paid_fen": pl.Int64,
}  # fmt: skip
_DIGITS = Decimal("0.000001")


def divide(stream: Dividend, pool: int, setting: Setting) -> StreamResult:
    """Dividends, what the fund keeps, and table `dividend`. A pool too small pays everybody the same part."""
    snapshot, place = setting.snapshot, f"streams.{stream.id}"
    need = next(own for own in setting.spec.streams if isinstance(own, Need) and own.id == stream.need)
    before = snapshot.some_figures(stream.risk_before, f"{place}.risk_before", high=100)
    improved = snapshot.some_figures(stream.risk_improved, f"{place}.risk_improved", high=100)
    rows = snapshot.rows_of(stream.risk_improved, f"{place}.risk_improved")
    rows.refuse([old is not None and new is None for old, new in zip(before, improved, strict=True)],
                "allocate_missing", stream.risk_improved.column)  # fmt: skip
    retention = stream.retention[stream.year - 1] if stream.year <= len(stream.retention) else Decimal(0)
    figures = need_input(need, snapshot)
    money = setting.pools[need.id]
    fixed = setting.spec.fen(need.fixed_grant) * sum(count > 0 for count in figures.people)
    losses = losses_of(need, figures, money - fixed, before, improved)
    due = [half_up(loss * Fraction(retention)) for loss in losses]
    paid = due if sum(due) <= pool else largest_remainder(due, pool, snapshot.ids)
    line_id = "dividend" if paid is due else "dividend_short"
    percent = plain(retention * 100)
    lines = [
        Line(snapshot.kind, payee, "S8", line_id, stream.id, amount, rate=percent,
             params={"before": plain(old or Decimal(0)), "improved": plain(new or Decimal(0)), "retention": percent,
                     "year": str(stream.year)}, one_off=True)
        for payee, amount, old, new in zip(snapshot.ids, paid, before, improved, strict=True)
        if amount
    ]  # fmt: skip
    lines.append(fund_line(stream.fund, "S8", "dividend_rest", stream.id, pool - sum(paid)))
    table = frame_of(
        [
            (stream.id, payee, _shown(old), _shown(new), half_up(loss),
             retention, owed, amount)
            for payee, old, new, loss, owed, amount in zip(
                snapshot.ids, before, improved, losses, due, paid, strict=True
            )
        ],
        **DIVIDEND_SCHEMA,
    )  # fmt: skip
    return StreamResult(stream.id, pool, lines, {"dividend": table})


def losses_of(
    need: Need, figures: NeedInput, money: int, before: Sequence[Decimal | None], improved: Sequence[Decimal | None]
) -> list[Fraction]:
    """Fen of target that each payee loses by its own fall in risk, everybody else at today's risk; never below 0.

    A reference that is the mean of all risks stays as it is today.
    """
    if need.risk is None:
        return [Fraction(0)] * len(figures.people)
    own = dict(figures.factors)["risk"]
    known = [old is not None and new is not None for old, new in zip(before, improved, strict=True)]
    reference = reference_of(need.risk, figures.risks, figures.people)
    old, new = (
        # Today's are known already.
        own if list(risks) == figures.risks else multipliers(need.risk, risks, figures.people, reference)
        for risks in (before, improved)
    )
    core = money * (1 - Fraction(need.inequality.share if need.inequality is not None else 0))
    weights = figures.weights()
    whole, none, found = sum(weights), Fraction(0), []
    for there, at_old, at_new, weight, now in zip(known, old, new, weights, own, strict=True):
        if not (there and now and at_old > at_new):
            found.append(none)
            continue
        # Its part of all weighted people before, less that after: a / (a + others) − b / (b + others).
        others = (whole - weight) * now
        first, then = weight * at_old, weight * at_new
        gone = core.numerator * (first - then) * others
        per = core.denominator * (first + others) * (then + others)
        found.append(Fraction(gone, per) if per else Fraction(core if first and not then else 0))
    return found


def _shown(figure: Decimal | None) -> Decimal | None:
    return None if figure is None else figure.quantize(_DIGITS)

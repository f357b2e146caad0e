"""What one step better means for one figure of a paid indicator.

Put here: the new figure, with its ends. Keep out: which payees, rows and quarters (levers, changes), money.
"""

from decimal import Decimal

from data_contracts.allocation_spec.pay import IndicatorData, PaidIndicator

_NONE, _WHOLE = Decimal(0), Decimal(1)


def better_figure(
    data: IndicatorData, item: PaidIndicator, now: Decimal, cases: Decimal | None, step: Decimal
) -> tuple[Decimal, Decimal]:
    """The figure of a payee that is better by `step`, and how far from `now` it would be if it had no ends.

    `step`: of the score, the value, or numerator ÷ cases. Scores end at 1 and 0, numerators at `cases` and 0; a figure
    beyond its end stays where it is. Without cases a numerator cannot move.
    """
    counted = data.score is None and data.numerator is not None
    top = (cases or _NONE) if counted else _WHOLE
    turn = -1 if data.score is None and item.direction == "lower_is_better" else 1
    change = turn * step * top
    new = now + change
    if data.score is not None or counted:
        new = max(min(new, max(now, top)), min(now, _NONE))
    return new, abs(change)

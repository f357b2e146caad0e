"""What a payee has in one stream in one period: the lines of the year, due so far, paid before, and what is set off.

Put here: the account and the lines that close it. Keep out: why something is due (periods), what was really paid and
what may be set off (settling).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evaluations.allocation.lines import FUND, Line, fund_line, yuan

PENDING = "pending"
"""The fund that holds what of a pool is not due yet."""
Payee = tuple[str, str]
"""Kind and id."""


@dataclass(frozen=True)
class Account:
    """A payee in a stream: the lines of the year that it is shown, fen due so far and, by the same rules, before.

    `recorded`: what earlier periods of the year really paid; None before it is looked up, and `before` counts.
    `by_rules`: nobody knows what was really paid, `recorded` is what the rules say.
    `set_off`: line id → fen that the payment of the period changes by. `bound`: as in the table of quarters.
    """

    payee: Payee
    stream: str
    shown: Sequence[Line]
    due: int
    before: int
    recorded: int | None = None
    set_off: Mapping[str, int] = field(default_factory=dict)
    bound: str = "none"
    by_rules: bool = False

    @property
    def year(self) -> int:
        """Fen of the year."""
        return sum(line.amount for line in self.shown)

    @property
    def paid_before(self) -> int:
        """Fen paid in earlier periods."""
        return self.before if self.recorded is None else self.recorded

    @property
    def amount(self) -> int:
        """Fen of the period."""
        return self.due - self.paid_before + sum(self.set_off.values())

    def lines(self) -> Iterator[Line]:
        """What is shown, what of it is not due yet (or was paid too much), what was paid before, what is set off."""
        yield from self.shown
        if not self.shown and self.payee[0] == FUND:
            if self.amount:
                line_id = "pending_held" if self.amount > 0 else "pending_paid"
                yield fund_line(self.payee[1], "S9", line_id, self.stream, self.amount)
            return
        paid = {"due": yuan(self.before), "paid": yuan(self.paid_before)}
        for line_id, amount, params in (
            ("not_due_yet" if self.due < self.year else "paid_too_much", self.due - self.year, {}),
            ("before_by_rules" if self.by_rules else "paid_before", -self.before, {}),
            ("corrected_before", self.before - self.paid_before, paid),
            *((line_id, amount, {}) for line_id, amount in self.set_off.items()),
        ):
            if amount:
                yield Line(*self.payee, "S9", line_id, self.stream, amount, params=params)

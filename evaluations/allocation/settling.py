"""Settling a period against what earlier periods really paid: never less than nothing, nothing netted silently.

A payee is settled stream by stream: due so far less what earlier periods settled, in money or by setting off. Where
that is less than nothing, nothing is paid, and what the payee owes in the stream is taken off in later periods of the
year, because what was paid stays on record. The balance that the payee carried over, and then what is clawed back, are
taken from what is to be paid, in proportion; what cannot be taken yet waits. What is still owed when the year ends
stands in a column of its own, for the next one.

Put here: the record of what was paid, the set-off of a period, the table of settlement. Keep out: what is due
(periods), where the record comes from.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

from evaluations.allocation.accounts import PENDING, Account, Payee
from evaluations.allocation.lines import FUND, frame_of
from evaluations.allocation.sources import shared_rows
from evaluations.rounding import by_place, instalments

SETTLEMENT = "settlement"
"""The fund that keeps what is set off: money of the budget that payees already hold, less what they owe."""
SETTLEMENT_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "due_fen": pl.Int64, "prepaid_fen": pl.Int64,
    "carried_over_fen": pl.Int64, "claw_back_fen": pl.Int64, "payable_fen": pl.Int64,
    "offset_next_year_fen": pl.Int64, "true_up_fen": pl.Int64,
}  # fmt: skip
Key = tuple[str, str, str]
"""Kind and id of the payee, stream."""


@dataclass(frozen=True)
class Record:
    """What the earlier periods of the year settled, and what is set off in the year, in fen.

    `paid`: payee and stream → fen settled in each earlier period, oldest first; `taken`: what of them all together was
    set off instead of paid. `carried_over`: the balance of earlier years that a payee held when the year began;
    `claw_back`: what it gives back in the year; both ≥ 0. `by_rules`: nobody knows what was really paid, and `paid` is
    what the rules would have paid.
    """

    paid: Mapping[Key, Sequence[int]]
    taken: Mapping[Key, int] = field(default_factory=dict)
    carried_over: Mapping[Payee, int] = field(default_factory=dict)
    claw_back: Mapping[Payee, int] = field(default_factory=dict)
    by_rules: bool = False

    def history(self, payee: Payee, stream: str, periods: int) -> list[int]:
        """Fen settled in each of so many earlier periods."""
        return list(self.paid.get((*payee, stream), [0] * periods))

    @cached_property
    def taken_of(self) -> Mapping[Payee, int]:
        """Payee → fen that earlier periods set off."""
        found: dict[Payee, int] = defaultdict(int)
        for key, amount in self.taken.items():
            found[key[:2]] += amount
        return found

    @property
    def total(self) -> int:
        """Fen of the budget that all earlier periods handed out."""
        return sum(sum(own) for own in self.paid.values()) - sum(self.taken.values())


@dataclass(frozen=True)
class Prepaid:
    """As Record where only one sum of each payee is known: `paid`, payee → fen of all earlier periods of the year."""

    paid: Mapping[Payee, int]
    carried_over: Mapping[Payee, int] = field(default_factory=dict)
    claw_back: Mapping[Payee, int] = field(default_factory=dict)

    def recorded(self, accounts: Sequence[Account], pools: Mapping[str, int], periods: int) -> Record:
        """The record that these sums make: `accounts` by the rules alone, `pools`: fen of streams in those periods.

        What was paid less than the rules say counts as set off, as far as there was something to set off. A sum is
        shared among streams as the rules would have paid them, and taken as paid in equal instalments; funds hold what
        the rules say, and what is left of a stream is pending.
        """
        paid: dict[Key, int] = {}
        taken: dict[Key, int] = {}
        own: dict[Payee, dict[str, int]] = defaultdict(dict)
        for account in accounts:
            if account.payee[0] != FUND:
                own[account.payee][account.stream] = max(0, account.before)
            elif account.payee[1] != PENDING:
                paid[*account.payee, account.stream] = account.before
        for payee, amount in self.paid.items():
            before = own[payee] or {next(iter(pools)): 0}
            most = self.carried_over.get(payee, 0) + self.claw_back.get(payee, 0)
            set_off = min(most, max(0, sum(before.values()) - amount))
            weights = list(before.values()) if any(before.values()) else [1] * len(before)
            for stream, whole, part in zip(
                before, by_place(weights, amount + set_off), by_place(weights, set_off), strict=True
            ):
                paid[*payee, stream], taken[*payee, stream] = whole, part
        for stream, pool in pools.items():
            held = sum(amount for key, amount in paid.items() if key[2] == stream)
            away = sum(amount for key, amount in taken.items() if key[2] == stream)
            paid[FUND, PENDING, stream] = pool - held + away
        history = {key: instalments(amount, periods) for key, amount in paid.items()}
        return Record(history, taken, self.carried_over, self.claw_back)


def assumed(accounts: Sequence[Account], quarters: pl.DataFrame, periods: int) -> Record:
    """The record of so many earlier periods that `accounts` by the rules alone make; `quarters`: paid by quarter.

    So that the year is closed in its last period also where no record is kept: what the rules would have paid too much
    is owed, and stands as owed.
    """
    paid = {(*own.payee, own.stream): instalments(own.before, periods) for own in accounts}
    by_quarter: dict[Key, list[int]] = defaultdict(list)
    columns = ("payee_kind", "payee_id", "stream", "paid_fen")
    for kind, payee, stream, amount in quarters.sort("quarter", maintain_order=True).select(columns).iter_rows():
        by_quarter[kind, payee, stream].append(amount)
    paid |= {key: own[:periods] for key, own in by_quarter.items() if key in paid}
    return Record(paid, by_rules=True)


def settle(accounts: Sequence[Account], record: Record) -> list[Account]:
    """The accounts with what was really paid and set off, and the fund that keeps what is set off.

    Whoever was paid and is due nothing now has an account, too. No payee that is no fund gets less than nothing.
    """
    there = {(*account.payee, account.stream) for account in accounts}
    lost = [key for key in sorted(record.paid) if key not in there and key[:2] != (FUND, SETTLEMENT)]
    gone = [Account(key[:2], key[2], (), 0, 0) for key in lost]
    known = [
        replace(own, recorded=sum(record.paid.get((*own.payee, own.stream), ())), by_rules=record.by_rules)
        for own in (*accounts, *gone)
    ]
    by_payee: dict[Payee, list[int]] = defaultdict(list)
    for at, account in enumerate(known):
        if account.payee[0] != FUND:
            by_payee[account.payee].append(at)
    kept: dict[str, int] = defaultdict(int)
    for (_, _, stream), amount in record.taken.items():
        kept[stream] += amount
    for payee, places in by_payee.items():
        left = _left(record, payee)
        for at, set_off in zip(places, _set_off([known[at].amount for at in places], left), strict=True):
            known[at] = replace(known[at], set_off=set_off)
            kept[known[at].stream] -= sum(set_off.values())
    held = {key[2]: sum(own) for key, own in record.paid.items() if key[:2] == (FUND, SETTLEMENT)}
    for stream in sorted({*kept, *held}):
        before = held.get(stream, 0)
        if kept[stream] or before:
            known.append(Account((FUND, SETTLEMENT), stream, (), kept[stream], before, recorded=before))
    return known


def _left(record: Record, payee: Payee) -> tuple[int, int]:
    """What is still to be set off: carried over, which goes first, and clawed back."""
    carried, back = record.carried_over.get(payee, 0), record.claw_back.get(payee, 0)
    taken = record.taken_of.get(payee, 0)
    return max(0, carried - taken), max(0, back - max(0, taken - carried))


def _set_off(amounts: Sequence[int], left: tuple[int, int]) -> list[dict[str, int]]:
    """Line id → fen for each stream of a payee; `left`: carried over and clawed back, as far as there is money."""
    positive = [max(amount, 0) for amount in amounts]
    carried = min(left[0], sum(positive))
    back = min(left[1], sum(positive) - carried)
    rows = shared_rows(by_place(positive, carried + back), [carried, back])
    found = [
        {"carried_over_used": -own[0], "clawed_back": -own[1], "owed": max(-amount, 0)}
        for amount, own in zip(amounts, rows, strict=True)
    ]
    return [{line_id: amount for line_id, amount in own.items() if amount} for own in found]


def settlement_of(accounts: Sequence[Account], record: Record) -> pl.DataFrame:
    """SETTLEMENT_SCHEMA, a row for each payee that is no fund, also for one that is gone and still owes or holds.

    due + offset_next_year = prepaid + carried_over + claw_back + payable. `true_up_fen`: what of the payment makes good
    that earlier periods would pay something else with the figures known now.
    """
    sums: dict[Payee, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for account in accounts:
        if account.payee[0] != FUND:
            own = (account.due, account.paid_before, account.amount, account.before - account.paid_before)
            sums[account.payee] = [a + b for a, b in zip(sums[account.payee], own, strict=True)]
    # Who still owes or holds something has a row, also without an account.
    open_sums = {payee for own in (record.carried_over, record.claw_back) for payee, amount in own.items() if amount}
    rows = []
    for payee in sorted({*sums, *open_sums}):
        due, before, payable, true_up = sums[payee]
        carried, back = record.carried_over.get(payee, 0), record.claw_back.get(payee, 0)
        prepaid = before - record.taken_of.get(payee, 0)
        offset = prepaid + carried + back + payable - due
        rows.append((*payee, due, prepaid, carried, back, payable, offset, true_up))
    return frame_of(rows, **SETTLEMENT_SCHEMA)


def settled_quarters(quarters: pl.DataFrame, accounts: Sequence[Account], record: Record) -> pl.DataFrame:
    """The quarters of performance streams with what was really settled; `bound` of earlier ones is `recorded`.

    Or `by_rules`, where nobody knows what they really paid.
    """
    periods = sorted(quarters["quarter"].unique())
    now = {(*own.payee, own.stream): own for own in accounts}
    rows = []
    for row in quarters.iter_rows(named=True):
        key = (row["payee_kind"], row["payee_id"], row["stream"])
        at, own = periods.index(row["quarter"]), now.get(key)
        if own is None:
            # Nobody is registered, so nothing is due, and nothing was.
            paid, bound, back = 0, row["bound"], 0
        elif at + 1 < len(periods):
            bound = "by_rules" if record.by_rules else "recorded"
            paid, back = record.history(key[:2], key[2], len(periods) - 1)[at], 0
        else:
            owed = own.set_off.get("owed", 0)
            paid, bound, back = own.due - own.paid_before + owed, own.bound, owed
        rows.append((paid, bound, back))
    columns = frame_of(rows, paid_fen=pl.Int64, bound=pl.String, claw_back_fen=pl.Int64)
    return quarters.with_columns(*columns.get_columns())

"""From the division of a year to what is paid in one period of it: due so far less paid before, to the fen.

Most streams are due in equal instalments. Quarterly performance money is due as its quarters say, and settled in the
last; contests (awards, projects), and what makes good reserved shares, are paid when the year is over. What is not due
yet of a pool stands in the fund `pending`, which gives it back later: in a period in which it gives more than it takes
its amount is negative.
Paid before is what a record says was really paid, and the difference to what is due is made good; without a record,
what the same rules give for the periods before, with the figures known now.

Put here: due, paid before and payment of each payee and stream, who pays its lines. Keep out: the division of the year,
what a record changes (settling), the lines of an account (accounts), sentences.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_contracts.allocation_spec.contests import Awards, Projects
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.envelope import FundStream
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.statement_lines import OF_PERIOD
from evaluations.allocation.accounts import PENDING, Account, Payee
from evaluations.allocation.funding import cut_lines, portions, split_by_stream
from evaluations.allocation.lines import FUND, Line, frame_of
from evaluations.allocation.quarters import base_of, next_payment
from evaluations.allocation.settling import Prepaid, Record, assumed, settle, settled_quarters, settlement_of
from evaluations.allocation.sources import shared_lines, shared_rows
from evaluations.allocation.tables import lines_table
from evaluations.rounding import by_place, instalments

PAYMENTS_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "stream": pl.String, "year_fen": pl.Int64, "due_fen": pl.Int64,
    "before_fen": pl.Int64, "set_off_fen": pl.Int64, "amount_fen": pl.Int64,
}  # fmt: skip
Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Part:
    """The period `index` of `of` in the year."""

    index: int
    of: int

    @property
    def is_last(self) -> bool:
        """Whether the year ends with it."""
        return self.index == self.of


@dataclass(frozen=True)
class PeriodPayment:
    """`lines` (as of the year), `payments` (PAYMENTS_SCHEMA) and `sources`, None where the spec names none.

    Lines sum to payments, payments to `amount`, sources in cash to lines. `amount`: fen of the period. `quarters`: of
    performance streams. `settlement`: of every payee, None without a record where nobody owes anything either.
    """

    amount: int
    lines: pl.DataFrame
    payments: pl.DataFrame
    sources: pl.DataFrame | None
    quarters: pl.DataFrame
    settlement: pl.DataFrame | None


def paid_in(
    spec: AllocationSpec, tables: Frames, budget: int, part: Part, known: Record | Prepaid | None = None
) -> PeriodPayment:
    """What is paid in a part of the year of which `tables` are the division and `budget` the fen.

    A stream that is paid by quarters needs a year of four parts. `known`: what the earlier parts really paid, None
    where nobody knows; what is due and not paid is then paid, whatever the reason. Raises ValueError where a fen is
    lost.
    """
    pools = dict(tables["streams"].select("stream", "pool_fen").iter_rows())
    whole = instalments(budget, part.of)
    parts = dict(zip(pools, shared_rows(list(pools.values()), whole), strict=True))
    quarterly = [stream.id for stream in spec.streams if _is_quarterly(spec, stream)]
    quarters, settlement = tables["quarters"].filter(pl.col("stream").is_in(quarterly)), None
    record = known if isinstance(known, Record) else None
    if isinstance(known, Prepaid):
        before = {stream: sum(share[: part.index - 1]) for stream, share in parts.items()}
        record = known.recorded(_accounts(spec, tables, parts, part, None), before, part.index - 1)
    elif record is None and part.index > 1:
        record = assumed(_accounts(spec, tables, parts, part, None), quarters, part.index - 1)
    accounts = _accounts(spec, tables, parts, part, record)
    amount = whole[part.index - 1]
    if record is not None:
        accounts = settle(accounts, record)
        quarters = settled_quarters(quarters, accounts, record)
        # A reckoned record settles nothing but what somebody owes by it.
        if not record.by_rules or any("owed" in account.set_off for account in accounts):
            settlement = settlement_of(accounts, record)
        amount = sum(whole[: part.index]) - record.total
    lines = [line for account in accounts for line in account.lines()]
    # A statement shows the year first, then what is of the period, and numbers its lines so.
    lines.sort(key=lambda line: line.line_id in OF_PERIOD)
    if sum(line.amount for line in lines) != amount:
        raise ValueError("the lines do not sum to the money of the period")
    table = lines_table(lines)
    sources = _sources(spec, tables, table, parts, part)
    return PeriodPayment(amount, table, _payments(accounts), sources, quarters, settlement)


def undecided(spec: AllocationSpec, tables: Frames, part: Part) -> pl.DataFrame:
    """What contests would give by the figures known now, by payee and stream, before the last part decides them.

    Nothing of it is an amount of anybody: figures, and who wins, may still change.
    """
    contests = [stream.id for stream in spec.streams if isinstance(stream, Awards | Projects) and not part.is_last]
    own = tables["lines"].filter(pl.col("stream").is_in(contests))
    return own.group_by("payee_kind", "payee_id", "stream").agg(pl.col("amount_fen").sum())


def _accounts(
    spec: AllocationSpec, tables: Frames, parts: Mapping[str, Sequence[int]], part: Part, record: Record | None
) -> list[Account]:
    """Every payee and fund in every stream, before anything is set off."""
    by_stream: dict[str, list[Line]] = defaultdict(list)
    for line in _lines(tables["lines"]):
        by_stream[line.stream].append(line)
    accounts: list[Account] = []
    for stream in spec.streams:
        own, share = by_stream[stream.id], parts[stream.id]
        if isinstance(stream, Awards | Projects):
            accounts += _contest(stream.id, own, share, part)
        elif isinstance(stream, Performance) and _is_quarterly(spec, stream):
            due = None if record is None else _quarter_due(spec, stream, tables, part, record)
            accounts += _by_quarters(stream.id, own, share, part, tables["quarters"], due)
        elif isinstance(stream, FundStream):
            accounts += _with_true_ups(stream.id, own, share, part)
        else:
            accounts += _in_instalments(stream.id, own, share, part)
    return accounts


def _is_quarterly(spec: AllocationSpec, stream: object) -> bool:
    return isinstance(stream, Performance) and stream.quarterly is not None and spec.phase == "settlement"


def _lines(frame: pl.DataFrame) -> Iterator[Line]:
    for row in frame.drop("line_no").rename({"amount_fen": "amount"}).iter_rows(named=True):
        yield Line(**{**row, "params": json.loads(row["params"])})


def _by_payee(lines: Iterable[Line]) -> dict[Payee, list[Line]]:
    found: dict[Payee, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.payee_kind, line.payee_id].append(line)
    return found


def _in_instalments(stream: str, lines: Sequence[Line], share: Sequence[int], part: Part) -> Iterator[Account]:
    payees = _by_payee(lines)
    nets = [sum(line.amount for line in own) for own in payees.values()]
    for (payee, own), row in zip(payees.items(), shared_lines(nets, share, share), strict=True):
        yield Account(payee, stream, own, sum(row[: part.index]), sum(row[: part.index - 1]))


def _with_true_ups(stream: str, lines: Sequence[Line], share: Sequence[int], part: Part) -> Iterator[Account]:
    """What a fund makes good of reserved shares is due in the last part, whole; until then the fund holds it."""
    payees = _by_payee(lines)
    given = sum(line.amount for line in lines if line.payee_kind != FUND)
    for payee, own in payees.items():
        year = sum(line.amount for line in own)
        if payee[0] != FUND:
            if part.is_last:
                yield Account(payee, stream, own, year, 0)
            continue
        held = own if part.is_last else [own[0]._replace(amount=year + given)]
        due = year if part.is_last else sum(share[: part.index])
        yield Account(payee, stream, held, due, sum(share[: part.index - 1]))


def _contest(stream: str, lines: Sequence[Line], share: Sequence[int], part: Part) -> Iterator[Account]:
    """Nothing is due before the year is over: until then figures, and who wins, may still change."""
    if part.is_last:
        for payee, own in _by_payee(lines).items():
            yield Account(payee, stream, own, sum(line.amount for line in own), 0)
    held = 0 if part.is_last else sum(share[: part.index])
    yield Account((FUND, PENDING), stream, (), held, sum(share[: part.index - 1]))


def _by_quarters(
    stream: str, lines: Sequence[Line], share: Sequence[int], part: Part, quarters: pl.DataFrame,
    known: Mapping[Payee, tuple[int, str]] | None,
) -> Iterator[Account]:  # fmt: skip
    """Payees as the quarters say, and in the last also what others did not earn; the rest of the pool is pending.

    `known`: where a record is kept, fen due to each payee and the bound; in the settlement nobody: all that is earned.
    """
    paid: dict[Payee, list[int]] = defaultdict(list)
    own = quarters.filter(pl.col("stream") == stream).sort("quarter", maintain_order=True)
    for kind, payee, amount in own.select("payee_kind", "payee_id", "paid_fen").iter_rows():
        paid[kind, payee].append(amount)
    due, before, kept = 0, 0, 0
    for payee, shown in _by_payee(lines).items():
        if payee[0] == FUND:
            # Before the settlement the engine, too, holds here what is not due; this account says it period by period.
            if part.is_last:
                kept += sum(line.amount for line in shown)
                yield Account(payee, stream, shown, sum(line.amount for line in shown), 0)
            continue
        now, then = sum(paid[payee][: part.index]), sum(paid[payee][: part.index - 1])
        bound = "none"
        if known is not None:
            now, bound = known.get(payee, (sum(line.amount for line in shown), "settled"))
        due, before = due + now, before + then
        yield Account(payee, stream, shown, now, then, bound=bound)
    yield Account(
        (FUND, PENDING), stream, (), sum(share[: part.index]) - due - kept, sum(share[: part.index - 1]) - before
    )


def _quarter_due(
    spec: AllocationSpec, stream: Performance, tables: Frames, part: Part, record: Record
) -> dict[Payee, tuple[int, str]]:
    """Fen due to each payee before the settlement, where the advance follows on what was really paid; and its bound."""
    rule = stream.quarterly
    if rule is None or part.is_last:
        return {}
    kind: str = spec.payees.kind
    needs = pl.col("stream").is_in([need.id for need in spec.of_kind(Need)]) & (pl.col("payee_kind") == kind)
    sums = tables["lines"].filter(needs).group_by("payee_id").agg(pl.col("amount_fen").sum())
    need_money: dict[str, int] = dict(sums.iter_rows())
    now = tables["earned"].filter(stream=stream.id).filter(pl.col("quarter") == pl.col("quarter").max())
    found = {}
    for payee, potential, earned in now.select("payee_id", "potential_fen", "earned_so_far_fen").iter_rows():
        before = record.history((kind, payee), stream.id, part.index - 1)
        base = base_of(need_money, payee, potential, part.index)
        made = next_payment(rule, earned, potential, before, base, settled=False)
        found[kind, payee] = (sum(before) + made.paid, made.bound)
    return found


def _payments(accounts: Sequence[Account]) -> pl.DataFrame:
    rows = [
        (*own.payee, own.stream, own.year, own.due, own.paid_before, sum(own.set_off.values()), own.amount)
        for own in accounts
        if own.shown or own.due or own.paid_before
    ]
    return frame_of(rows, **PAYMENTS_SCHEMA)


def _sources(
    spec: AllocationSpec, tables: Frames, lines: pl.DataFrame, parts: Mapping[str, Sequence[int]], part: Part
) -> pl.DataFrame | None:
    """Lines of the period split as those of the year: what a source gives a stream in the year, it gives in parts."""
    if "sources" not in tables:
        return None
    year = tables["sources"]
    cash = [source for source in spec.sources if source.kind != "in_kind"]
    in_kind = year.filter(~pl.col("cash"))
    parts_of = [instalments(amount, part.of)[part.index - 1] for amount in in_kind["amount_fen"]]
    beside = in_kind.with_columns(pl.Series("amount_fen", parts_of, dtype=pl.Int64))
    if spec.sources_cut_to is not None:
        return pl.concat([portions(cash, lines, cut_lines(spec, cash, lines)), beside])
    sums = year.filter("cash").group_by("stream", "source").agg(pl.col("amount_fen").sum())
    money = {(stream, source): amount for stream, source, amount in sums.iter_rows()}
    due = defaultdict(int, lines.group_by("stream").agg(pl.col("amount_fen").sum()).iter_rows())
    given = {}
    for stream, share in parts.items():
        # A source that may not pay a stream is not named for it, so that lines that cancel do not fall to it.
        may = [source.id for source in cash if stream in (source.streams or parts)]
        year_of = [money.get((stream, source), 0) for source in may]
        split = [row[part.index - 1] for row in shared_rows(year_of, share)]
        if due[stream] != share[part.index - 1]:
            # What was really paid before is not what these rules would have paid.
            weights = year_of if any(year_of) else [1] * len(may)
            split = [own if due[stream] > 0 else -own for own in by_place(weights, abs(due[stream]))]
        given[stream] = dict(zip(may, split, strict=True))
    paid = portions(cash, lines, split_by_stream(given, [source.id for source in cash], lines))
    return pl.concat([paid, beside])

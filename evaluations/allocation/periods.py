"""From the division of a year to what is paid in one period of it: due so far less paid before, to the fen.

Most streams are due in equal instalments. Quarterly performance money is due as its quarters say, and settled in the
last; contests (awards, projects) are paid when the year is over. What is not due yet of a pool stands in the fund
`pending`, which gives it back later: in a period in which it gives more than it takes its amount is negative.
Paid before is what the same rules give for the periods before, with the figures known now.

Put here: due, paid before and payment of each payee and stream, the lines that say so, who pays them. Keep out: the
division of the year, sentences.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data_contracts.allocation_spec.contests import Awards, Projects
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.pay import Performance
from evaluations.allocation.funding import portions, sources_table, split_by_stream
from evaluations.allocation.lines import FUND, Line, frame_of, fund_line
from evaluations.allocation.sources import shared_lines, shared_rows
from evaluations.allocation.tables import in_order, lines_table
from evaluations.rounding import instalments

PENDING = "pending"
PAYMENTS_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "stream": pl.String, "year_fen": pl.Int64, "due_fen": pl.Int64,
    "before_fen": pl.Int64, "amount_fen": pl.Int64,
}  # fmt: skip
Payee = tuple[str, str]


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

    Lines sum to payments, payments to `amount`, sources in cash to lines. `amount`: fen of the period.
    """

    amount: int
    lines: pl.DataFrame
    payments: pl.DataFrame
    sources: pl.DataFrame | None


@dataclass(frozen=True)
class _Account:
    """A payee in a stream: the lines of the year that it is shown, fen due so far and paid before."""

    payee: Payee
    stream: str
    shown: Sequence[Line]
    due: int
    before: int

    @property
    def year(self) -> int:
        return sum(line.amount for line in self.shown)

    def lines(self) -> Iterator[Line]:
        """What is shown, what of it is not due yet (or was paid too much), and what was paid before."""
        yield from self.shown
        if not self.shown:
            change = self.due - self.before
            if change:
                yield fund_line(self.payee[1], "S9", "pending_held" if change > 0 else "pending_paid", self.stream,
                                change)  # fmt: skip
            return
        for line_id, amount in (
            ("not_due_yet" if self.due < self.year else "paid_too_much", self.due - self.year),
            ("paid_before", -self.before),
        ):
            if amount:
                yield Line(*self.payee, "S9", line_id, self.stream, amount)


def paid_in(spec: AllocationSpec, tables: Mapping[str, pl.DataFrame], budget: int, part: Part) -> PeriodPayment:
    """What is paid in a part of the year of which `tables` are the division and `budget` the fen.

    A stream that is paid by quarters needs a year of four parts. Raises ValueError where a fen is lost.
    """
    by_stream: dict[str, list[Line]] = defaultdict(list)
    for line in _lines(tables["lines"]):
        by_stream[line.stream].append(line)
    pools = dict(tables["streams"].select("stream", "pool_fen").iter_rows())
    whole = instalments(budget, part.of)
    parts = dict(zip(pools, shared_rows(list(pools.values()), whole), strict=True))
    accounts: list[_Account] = []
    for stream in spec.streams:
        own, share = by_stream[stream.id], parts[stream.id]
        if isinstance(stream, Awards | Projects):
            accounts += _contest(stream.id, own, share, part)
        elif isinstance(stream, Performance) and stream.quarterly is not None and spec.phase == "settlement":
            accounts += _by_quarters(stream.id, own, share, part, tables["quarters"])
        else:
            accounts += _in_instalments(stream.id, own, share, part)
    lines = in_order([line for account in accounts for line in account.lines()])
    amount = whole[part.index - 1]
    if sum(line.amount for line in lines) != amount:
        raise ValueError("the lines do not sum to the money of the period")
    numbered = lines_table(lines)
    sources = _sources(spec, tables, lines, numbered["line_no"].to_list(), parts, part)
    return PeriodPayment(amount, numbered, _payments(accounts), sources)


def _lines(frame: pl.DataFrame) -> Iterator[Line]:
    for row in frame.drop("line_no").rename({"amount_fen": "amount"}).iter_rows(named=True):
        yield Line(**{**row, "params": json.loads(row["params"])})


def _by_payee(lines: Iterable[Line]) -> dict[Payee, list[Line]]:
    found: dict[Payee, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.payee_kind, line.payee_id].append(line)
    return found


def _in_instalments(stream: str, lines: Sequence[Line], share: Sequence[int], part: Part) -> Iterator[_Account]:
    payees = _by_payee(lines)
    nets = [sum(line.amount for line in own) for own in payees.values()]
    for (payee, own), row in zip(payees.items(), shared_lines(nets, share, share), strict=True):
        yield _Account(payee, stream, own, sum(row[: part.index]), sum(row[: part.index - 1]))


def _contest(stream: str, lines: Sequence[Line], share: Sequence[int], part: Part) -> Iterator[_Account]:
    """Nothing is due before the year is over: until then figures, and who wins, may still change."""
    if part.is_last:
        for payee, own in _by_payee(lines).items():
            yield _Account(payee, stream, own, sum(line.amount for line in own), 0)
    held = 0 if part.is_last else sum(share[: part.index])
    yield _Account((FUND, PENDING), stream, (), held, sum(share[: part.index - 1]))


def _by_quarters(
    stream: str, lines: Sequence[Line], share: Sequence[int], part: Part, quarters: pl.DataFrame
) -> Iterator[_Account]:
    """Payees as the quarters say, and in the last also what others did not earn; the rest of the pool is pending."""
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
                yield _Account(payee, stream, shown, sum(line.amount for line in shown), 0)
            continue
        others = sum(line.amount for line in shown if line.line_id == "from_unearned")
        now, then = sum(paid[payee][: part.index]) + others, sum(paid[payee][: part.index - 1])
        due, before = due + now, before + then
        yield _Account(payee, stream, shown, now, then)
    yield _Account(
        (FUND, PENDING), stream, (), sum(share[: part.index]) - due - kept, sum(share[: part.index - 1]) - before
    )


def _payments(accounts: Sequence[_Account]) -> pl.DataFrame:
    rows = [
        (*account.payee, account.stream, account.year, account.due, account.before, account.due - account.before)
        for account in accounts
        if account.shown or account.due or account.before
    ]
    return frame_of(rows, **PAYMENTS_SCHEMA)


def _sources(
    spec: AllocationSpec, tables: Mapping[str, pl.DataFrame], lines: Sequence[Line], numbers: Sequence[int],
    parts: Mapping[str, Sequence[int]], part: Part,
) -> pl.DataFrame | None:  # fmt: skip
    """Lines of the period split as those of the year: what a source gives a stream in the year, it gives in parts."""
    if "sources" not in tables:
        return None
    if spec.sources_cut_to is not None:
        return sources_table(spec, lines, numbers)
    year = tables["sources"]
    cash = [source for source in spec.sources if source.kind != "in_kind"]
    sums = year.filter("cash").group_by("stream", "source").agg(pl.col("amount_fen").sum())
    money = {(stream, source): amount for stream, source, amount in sums.iter_rows()}
    given = {}
    for stream, share in parts.items():
        # A source that may not pay a stream is not named for it, so that lines that cancel do not fall to it.
        may = [source.id for source in cash if stream in (source.streams or parts)]
        split = shared_rows([money.get((stream, source), 0) for source in may], share)
        given[stream] = {source: row[part.index - 1] for source, row in zip(may, split, strict=True)}
    paid = portions(cash, lines, numbers, split_by_stream(given, [source.id for source in cash], lines))
    in_kind = year.filter(~pl.col("cash"))
    parts_of = [instalments(amount, part.of)[part.index - 1] for amount in in_kind["amount_fen"]]
    return pl.concat([paid, in_kind.with_columns(pl.Series("amount_fen", parts_of, dtype=pl.Int64))])

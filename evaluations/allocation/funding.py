"""What happens to divided money: who pays each line, what is sent now, which institutions it reaches.

Put here: from the words of funding, settlement and serves-map, and the lines of all streams, to frames. Keep out: their
arithmetic (sources, settlement, serving), the gain-share simulator (gainsharing).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import FundingSource, ServesMap, Settlement, iso_day
from evaluations.allocation.exact import shown, split
from evaluations.allocation.gainsharing import gain_share_table
from evaluations.allocation.lines import FUND, frame_of
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.records import figures
from evaluations.allocation.serving import MapFault, Serves, passed_on, served_between
from evaluations.allocation.settlement import settled
from evaluations.allocation.snapshot import DataError, Rows, Snapshot
from evaluations.allocation.source_conflict import GIVES, LIMIT, NEEDS, TAKES, SourcesProblem, in_conflict
from evaluations.allocation.sources import (
    SharedBase,
    Source,
    SourcesConflict,
    amounts_of,
    by_stream,
    cut_rows,
    shared_lines,
    shared_lines_of_many,
    stated_amounts,
)
from evaluations.rounding import Whole

KEYS = ("payee_kind", "payee_id")
SOURCES_SCHEMA = {
    "payee_kind": str, "payee_id": str, "line_no": int, "stream": str, "source": str, "source_kind": str,
    "amount_fen": int, "cash": bool,
}  # fmt: skip


def sources_table(spec: AllocationSpec, lines: pl.DataFrame) -> pl.DataFrame:
    """Every line of the table `lines` split among the sources in cash; then values in kind, without a line.

    For each line the sources sum to the line, and each source sums to its amount over all lines. Raises Infeasible
    where sources, earmarks and streams do not fit.
    """
    cash = [source for source in spec.sources if source.kind != "in_kind"]
    split_of = cut_lines(spec, cash, lines) if spec.sources_cut_to is not None else _shared(spec, cash, lines)
    beside = [_in_kind(spec, source, lines) for source in spec.sources if source.kind == "in_kind"]
    return pl.concat([portions(cash, lines, split_of), *beside])


def portions(cash: Sequence[FundingSource], lines: pl.DataFrame, split_of: Whole) -> pl.DataFrame:
    """SOURCES_SCHEMA: a row for each line and source with money, in their order; `split_of`: lines × sources."""
    places = np.flatnonzero(split_of)
    line, source = np.divmod(places, max(1, len(cash)))
    return lines[line].select(
        *KEYS,
        "line_no",
        "stream",
        source=pl.Series([own.id for own in cash], dtype=pl.String)[source],
        source_kind=pl.Series([own.kind for own in cash], dtype=pl.String)[source],
        amount_fen=pl.Series(split_of.ravel()[places], dtype=pl.Int64),
        cash=pl.lit(True),
    )


def cut_lines(spec: AllocationSpec, cash: Sequence[FundingSource], lines: pl.DataFrame) -> Whole:
    """As notices do it: each line by shares cut down to the unit, the residual source takes the rest."""
    unit = spec.fen(spec.sources_cut_to or Decimal(0))
    shares = [None if source.residual else Fraction(source.share or 0) for source in cash]
    amounts = lines["amount_fen"]
    parts = np.array(cut_rows(amounts.abs().to_list(), shares, unit), dtype=np.int64).reshape(-1, len(cash))
    return np.asarray(parts * amounts.sign().to_numpy()[:, None], dtype=np.int64)


def _shared(spec: AllocationSpec, cash: Sequence[FundingSource], lines: pl.DataFrame) -> Whole:
    paid: dict[str, int] = dict(lines.group_by("stream").agg(pl.col("amount_fen").sum()).iter_rows())
    need = {stream.id: paid.get(stream.id, 0) for stream in spec.streams}
    return split_by_stream(_given(spec, cash, need), [source.id for source in cash], lines)


def split_by_stream(given: Mapping[str, Mapping[str, int]], sources: Sequence[str], lines: pl.DataFrame) -> Whole:
    """Each line split among `sources`; `given`: stream → source → fen, which sum to the lines of the stream.

    First the whole money of each payee in a stream, one payee after the other, then the lines of all of them. Raises
    Infeasible where money moves between lines of a stream that no source may pay.
    """
    payees = (
        lines.with_row_index("at")
        .group_by("stream", *KEYS, maintain_order=True)
        .agg("at", net=pl.col("amount_fen").sum())
    )
    amounts = lines["amount_fen"].to_numpy()
    parts, otherwise = np.zeros((2, payees.height, len(sources)), dtype=np.int64)
    for (stream,), own in payees.with_row_index("row").group_by(["stream"], maintain_order=True):
        money = [given[str(stream)].get(source, 0) for source in sources]
        # A stream without money may have lines that cancel: they fall to sources that could pay it.
        weights = [
            abs(amount) or int(not any(money) and source in given[str(stream)])
            for amount, source in zip(money, sources, strict=True)
        ]
        giving = np.flatnonzero(weights)
        if not giving.size:
            _refuse_moved(str(stream), amounts[own["at"].explode().to_numpy()].tolist())
            continue
        rows, columns, weights = own["row"].to_numpy(), [money[at] for at in giving], [weights[at] for at in giving]
        parts[np.ix_(rows, giving)] = shared_lines(own["net"].to_list(), columns, weights)
        otherwise[np.ix_(rows, giving)] = weights
    found = np.zeros((lines.height, len(sources)), dtype=np.int64)
    at = payees["at"].explode().to_numpy()
    payee = np.repeat(np.arange(payees.height), payees["at"].list.len().to_numpy())
    found[at] = shared_lines_of_many(amounts[at], payee, parts, otherwise)
    return found


def _refuse_moved(stream: str, amounts: Sequence[int]) -> None:
    """A stream that no source may pay has no money in any line; otherwise Infeasible with what moves."""
    moved = max(sum(own for own in amounts if own > 0), -sum(own for own in amounts if own < 0))
    if moved:
        raise Infeasible(Conflict(("sources",), stream, moved, 0))


def _given(spec: AllocationSpec, cash: Sequence[FundingSource], need: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Stream → source → fen. What was carried over pays its stream first; the others share what is left."""
    carried = spec.carried_over()
    need = {stream: fen - carried.get(stream, 0) for stream, fen in need.items()}
    held = {source.streams[0]: source.id for source in cash if source.kind == "carried_over"}
    cash = [source for source in cash if source.kind != "carried_over"]
    total = sum(need.values())
    fixed = {source.id: spec.fen(source.amount) for source in cash if source.amount is not None}
    shares: dict[frozenset[str], dict[str, Fraction]] = defaultdict(dict)
    for source in cash:
        if source.share is not None:
            shares[frozenset(source.streams)][source.id] = Fraction(source.share)
    shared = [
        SharedBase(sum(need[stream] for stream in streams) if streams else total, own)
        for streams, own in shares.items()
    ]
    residual = next((source.id for source in cash if source.residual), None)
    try:
        amounts = amounts_of(total, fixed, shared, residual, [source.id for source in cash])
        marks = {source.id: frozenset(source.streams) or None for source in cash}
        given = by_stream([Source(name, amount, marks[name]) for name, amount in amounts.items()], need)
    except SourcesConflict:
        stated = stated_amounts(total, fixed, shared, residual)
        bases = {name: (share, group.base) for group in shared for name, share in group.shares.items()}
        marks = {source.id: frozenset(source.streams) or None for source in cash}
        problem = SourcesProblem(
            [Source(source.id, stated[source.id], marks[source.id]) for source in cash if source.id in stated],
            need, None if residual is None else Source(residual, 0, marks[residual]), bases,
        )  # fmt: skip
        raise Infeasible(_sources_conflict(problem)) from None
    return {
        stream: {**sources, **({held[stream]: carried[stream]} if stream in held else {})}
        for stream, sources in given.items()
    }


def _sources_conflict(problem: SourcesProblem) -> Conflict:
    """Money that may not be spent is reachable up to what its streams take; lacking money up to what is given."""
    rules = in_conflict(problem)
    given = sum(rule.amount for rule in rules if rule.kind in (GIVES, LIMIT))
    wanted = sum(rule.amount for rule in rules if rule.kind in (TAKES, NEEDS))
    named = tuple(f"source:{rule.subject}" for rule in rules if rule.kind in (GIVES, LIMIT))
    streams = [rule.subject for rule in rules if rule.kind in (TAKES, NEEDS) and rule.subject is not None]
    subject = ", ".join(streams) or "budget"
    return Conflict((*named, "sources"), subject, abs(given - wanted), min(given, wanted), sources=problem)


def _in_kind(spec: AllocationSpec, source: FundingSource, lines: pl.DataFrame) -> pl.DataFrame:
    """The value of goods beside the money of the streams they are for, in proportion to it."""
    theirs = pl.col("stream").is_in(source.streams) & (pl.col("payee_kind") != FUND)
    paid = lines.filter(theirs).group_by("stream", *KEYS).agg(pl.col("amount_fen").sum())
    paid = paid.filter(pl.col("amount_fen") > 0).sort("stream", *KEYS)
    value = spec.fen(source.amount or Decimal(0))
    if paid.is_empty() and value:
        raise Infeasible(Conflict((f"source:{source.id}", "sources"), ", ".join(source.streams), value, 0))
    ids = paid.select(pl.concat_str("stream", *KEYS, separator="|")).to_series().to_list()
    parts = pl.Series(split(paid["amount_fen"].to_list(), value, ids), dtype=pl.Int64)
    found = paid.select(
        *KEYS, pl.lit(None, dtype=pl.Int64).alias("line_no"), "stream", source=pl.lit(source.id),
        source_kind=pl.lit(source.kind), amount_fen=parts, cash=pl.lit(False),
    )  # fmt: skip
    return found.filter(pl.col("amount_fen") != 0)


DECLARED = ("prepaid", "carried_over", "claw_back")


def declared(snapshot: Snapshot, words: Settlement, name: str) -> list[int] | None:
    """One of DECLARED in fen, in the order of the payees; None where the spec does not give it."""
    figure: Figure | None = getattr(words, name)
    if figure is None:
        return None
    place = f"settlement.{name}"
    return snapshot.rows_of(figure, place).known(figure.column, snapshot.money(figure, place))


def settlement_table(snapshot: Snapshot, paid: Mapping[str, int]) -> pl.DataFrame:
    """Per payee of the table of payees: due, prepaid, carried over, clawed back, payable, offset for next year, in fen.

    An empty cell is refused: what was paid before is not guessed.
    """
    words, ids = snapshot.spec.settlement, snapshot.ids
    if words is None:
        raise ValueError("the spec has no settlement")
    found = settled([paid.get(own, 0) for own in ids], *(declared(snapshot, words, name) for name in DECLARED))
    return frame_of(
        list(zip([snapshot.kind] * len(ids), ids, found.due, found.prepaid, found.carried_over, found.claw_back,
                 found.payable, found.offset, strict=True)),
        payee_kind=str, payee_id=str, due_fen=int, prepaid_fen=int, carried_over_fen=int, claw_back_fen=int,
        payable_fen=int, offset_next_year_fen=int,
    )  # fmt: skip


def institutions_table(
    snapshot: Snapshot, serves: ServesMap, paid: Mapping[str, int], since: str | None = None
) -> pl.DataFrame:
    """Money of communities by institution: community_id, institution_id, share, amount_fen; sums to `paid` of each.

    By the map of the day that the spec names; from `since` to that day, each map counts for its days.
    """
    words = {"institution": serves.institution, "community": serves.community, "share": serves.share}
    words |= {word: column for word, column in (("from", serves.start), ("to", serves.end)) if column is not None}
    rows = snapshot.rows(serves.table, words, "serves")
    institutions = rows.known(serves.institution, rows.words(serves.institution))
    snapshot.places(rows, serves.community)
    starts, ends = _days(rows, serves.start), _days(rows, serves.end)
    listed = [
        Serves(*item)
        for item in zip(
            institutions, rows.cells[serves.community], figures(rows, serves.share, high=1), starts, ends, strict=True
        )
    ]
    if serves.day is None:
        raise ValueError("a map of institutions without a day")
    day = serves.day.isoformat()
    try:
        shares = served_between(listed, since or day, day, snapshot.ids)
    except MapFault as fault:
        sentence = "allocate_serves_sum" if fault.twice is None else "allocate_serves_twice"
        raise DataError(sentence, table=serves.table, community=fault.community, total=shown(fault.total),
                        day=fault.day, institution=fault.twice) from None  # fmt: skip
    passed = passed_on({own: paid.get(own, 0) for own in snapshot.ids}, shares)
    return frame_of(
        [(community, name, shown(shares[community][name]), part) for (community, name), part in passed.items()],
        community_id=str, institution_id=str, share=str, amount_fen=int,
    )  # fmt: skip


def _days(rows: Rows, column: str | None) -> list[str | None]:
    if column is None:
        return [None] * len(rows.numbers)
    words = rows.words(column)
    found = [None if word is None else iso_day(word) for word in words]
    rows.refuse(
        [word is not None and day is None for word, day in zip(words, found, strict=True)], "allocate_not_day", column
    )
    return found


def after(snapshot: Snapshot, lines: pl.DataFrame, paid: Mapping[str, int]) -> dict[str, pl.DataFrame]:
    """Name → frame, for all that the spec asks to be done with divided money.

    `lines`: the table of lines; `paid`: payee of the table of payees → fen.
    """
    spec = snapshot.spec
    tables = {}
    if spec.sources:
        tables["sources"] = sources_table(spec, lines)
    if spec.settlement is not None:
        tables["settlement"] = settlement_table(snapshot, paid)
    if spec.serves is not None:
        tables["institutions"] = institutions_table(snapshot, spec.serves, paid)
    if spec.gain_share is not None:
        tables["gain_share"] = gain_share_table(snapshot, spec.gain_share)
    return tables

"""What happens to divided money: who pays each line, what is sent now, which institutions it reaches.

Put here: from the words of funding, settlement and serves-map, and the lines of all streams, to frames. Keep out: their
arithmetic (sources, settlement, serving), the gain-share simulator (gainsharing).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.funding import FundingSource, ServesMap, Settlement, iso_day
from evaluations.allocation.exact import shown, split
from evaluations.allocation.gainsharing import gain_share_table
from evaluations.allocation.lines import Line, frame_by_column, frame_of
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.records import figures
from evaluations.allocation.serving import MapFault, Serves, passed_on, served_between
from evaluations.allocation.settlement import settled
from evaluations.allocation.snapshot import DataError, Rows, Snapshot
from evaluations.allocation.sources import (
    SharedBase,
    Source,
    SourcesConflict,
    amounts_of,
    by_stream,
    cut_rows,
    shared_lines,
)

SOURCES_SCHEMA = {
    "payee_kind": str, "payee_id": str, "line_no": int, "stream": str, "source": str, "source_kind": str,
    "amount_fen": int, "cash": bool,
}  # fmt: skip


def sources_table(spec: AllocationSpec, lines: Sequence[Line], numbers: Sequence[int]) -> pl.DataFrame:
    """Every line of every payee split among the sources in cash; then values in kind, without a line (line_no null).

    `numbers`: the number of each line on the statement of its payee. For each line the sources sum to the line, and
    each source sums to its amount over all lines. Raises Infeasible where sources, earmarks and streams do not fit.
    """
    cash = [source for source in spec.sources if source.kind != "in_kind"]
    split_of = cut_lines(spec, cash, lines) if spec.sources_cut_to is not None else _shared(spec, cash, lines)
    rows: list[tuple[object, ...]] = []
    for source in spec.sources:
        if source.kind == "in_kind":
            rows += _in_kind(spec, source, lines)
    return pl.concat([portions(cash, lines, numbers, split_of), frame_of(rows, **SOURCES_SCHEMA)])


def portions(
    cash: Sequence[FundingSource],
    lines: Sequence[Line],
    numbers: Sequence[int],
    split_of: NDArray[np.int64] | Sequence[Sequence[int]],
) -> pl.DataFrame:
    """A row for each line and source with money, in their order."""
    if not lines or not cash:
        return frame_of([], **SOURCES_SCHEMA)
    columns: dict[str, Sequence[str | int]] = {
        name: list(map(attrgetter(name), lines)) for name in ("payee_kind", "payee_id", "stream")
    }
    columns["line_no"] = numbers
    each = frame_by_column(columns, **dict(list(SOURCES_SCHEMA.items())[:4]))
    amounts = np.asarray(split_of, dtype=np.int64).ravel()
    places = np.flatnonzero(amounts)
    row, source = np.divmod(places, len(cash))
    return each[row].with_columns(
        source=pl.Series([own.id for own in cash], dtype=pl.String)[source],
        source_kind=pl.Series([own.kind for own in cash], dtype=pl.String)[source],
        amount_fen=pl.Series(amounts[places]), cash=pl.lit(True),
    )  # fmt: skip


def cut_lines(spec: AllocationSpec, cash: Sequence[FundingSource], lines: Sequence[Line]) -> list[list[int]]:
    """As notices do it: each line by shares cut down to the unit, the residual source takes the rest."""
    unit = spec.fen(spec.sources_cut_to or Decimal(0))
    shares = [None if source.residual else Fraction(source.share or 0) for source in cash]
    parts = cut_rows([abs(line.amount) for line in lines], shares, unit)
    return [[-part for part in row] if line.amount < 0 else row for line, row in zip(lines, parts, strict=True)]


def _shared(spec: AllocationSpec, cash: Sequence[FundingSource], lines: Sequence[Line]) -> NDArray[np.int64]:
    need: dict[str, int] = {stream.id: 0 for stream in spec.streams}
    for line in lines:
        need[line.stream] += line.amount
    return split_by_stream(_given(spec, cash, need), [source.id for source in cash], lines)


def split_by_stream(
    given: Mapping[str, Mapping[str, int]], sources: Sequence[str], lines: Sequence[Line]
) -> NDArray[np.int64]:
    """Each line split among `sources`; `given`: stream → source → fen, which sum to the lines of the stream."""
    places: dict[str, dict[tuple[str, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    amounts = [line.amount for line in lines]
    for at, line in enumerate(lines):
        places[line.stream][line.payee_kind, line.payee_id].append(at)
    found = np.zeros((len(lines), len(sources)), dtype=np.int64)
    for stream, payees in places.items():
        money = [given[stream].get(source, 0) for source in sources]
        # A stream without money may have lines that cancel: they fall to sources that could pay it.
        weights = money if any(money) else [int(source in given[stream]) for source in sources]
        giving = [at for at, weight in enumerate(weights) if weight]
        columns, weights = [money[at] for at in giving], [weights[at] for at in giving]
        each = [[amounts[at] for at in own] for own in payees.values()]
        nets = shared_lines(list(map(sum, each)), columns, weights)
        rows = [row for own, parts in zip(each, nets, strict=True) for row in shared_lines(own, parts, weights)]
        found[np.ix_([at for own in payees.values() for at in own], giving)] = rows
    return found


def _given(spec: AllocationSpec, cash: Sequence[FundingSource], need: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Stream → source → fen."""
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
        return by_stream([Source(name, amount, marks[name]) for name, amount in amounts.items()], need)
    except SourcesConflict as no:
        rules = tuple(f"source:{name}" for name in no.sources)
        # Money that may not be spent is reachable only up to what its streams need; lacking money up to what is held.
        reachable = no.need if no.idle else no.held
        subject = ", ".join(no.streams) or "budget"
        raise Infeasible(Conflict((*rules, "sources"), subject, no.short, reachable)) from None


def _in_kind(spec: AllocationSpec, source: FundingSource, lines: Sequence[Line]) -> list[tuple[object, ...]]:
    """The value of goods beside the money of the streams they are for, in proportion to it."""
    paid: dict[tuple[str, str, str], int] = defaultdict(int)
    for line in lines:
        if line.stream in source.streams and line.payee_kind != "fund":
            paid[line.stream, line.payee_kind, line.payee_id] += line.amount
    keys = sorted(key for key, amount in paid.items() if amount > 0)
    value = spec.fen(source.amount or Decimal(0))
    if not keys and value:
        raise Infeasible(Conflict((f"source:{source.id}", "sources"), ", ".join(source.streams), value, 0))
    parts = split([paid[key] for key in keys], value, ["|".join(key) for key in keys])
    return [
        (kind, own, None, stream, source.id, source.kind, part, False)
        for (stream, kind, own), part in zip(keys, parts, strict=True)
        if part
    ]


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


def after(
    snapshot: Snapshot, lines: Sequence[Line], numbers: Sequence[int], paid: Mapping[str, int]
) -> dict[str, pl.DataFrame]:
    """Name → frame, for all that the spec asks to be done with divided money.

    `numbers`: of the lines on their statements; `paid`: payee of the table of payees → fen.
    """
    spec = snapshot.spec
    tables = {}
    if spec.sources:
        tables["sources"] = sources_table(spec, lines, numbers)
    if spec.settlement is not None:
        tables["settlement"] = settlement_table(snapshot, paid)
    if spec.serves is not None:
        tables["institutions"] = institutions_table(snapshot, spec.serves, paid)
    if spec.gain_share is not None:
        tables["gain_share"] = gain_share_table(snapshot, spec.gain_share)
    return tables

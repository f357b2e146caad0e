"""Streams of the customary ways: work points (B), costs (C), weighted factors (E).

Put here: from the words of these streams and the tables to lines. Keep out: their arithmetic (workpoints, costs,
factors), money by a standard per head (standards).
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from operator import add, mul

from data_contracts.allocation_spec.customary import (
    Block,
    Costs,
    Factors,
    WeightedFactor,
    Work,
    WorkPoints,
)
from evaluations.allocation.costs import cost_shares
from evaluations.allocation.exact import shown, split, total
from evaluations.allocation.factors import NobodyCounts, best, factor_shares
from evaluations.allocation.lines import Line, StreamResult, frame_of
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.records import columns_of, figures, named, repeated, with_fund
from evaluations.allocation.setting import Setting
from evaluations.allocation.workpoints import work_points

_STAGE = "S2"
_FEN = 100


def by_work_points(stream: WorkPoints, pool: int, setting: Setting) -> StreamResult:
    """A line `work_points` per payee and block; table `work_points`."""
    ids, kind = setting.snapshot.ids, setting.snapshot.kind
    names = [item.id for item in stream.items]
    work, _ = _work(stream.id, stream.work, names, setting)
    pools = split([Fraction(block.share) for block in stream.blocks], pool, [block.id for block in stream.blocks])
    lines, found = [], []
    for block, own in zip(stream.blocks, pools, strict=True):
        places = [at for at, item in enumerate(stream.items) if item.block == block.id]
        points = [Fraction(stream.items[at].points) for at in places]
        counts = [[row[at] for at in places] for row in work]
        quality = _quality(stream.id, block, [any(row) for row in counts], setting)
        shares = work_points(counts, points, quality, own, ids)
        points_of_all = total(shares.corrected)
        rate = shown(Fraction(own, _FEN) / points_of_all) if points_of_all else "0"
        for at, paid in enumerate(shares.paid):
            found.append((stream.id, block.id, ids[at], float(shares.points[at]), float(quality[at]),
                          float(shares.corrected[at]), paid))  # fmt: skip
            if shares.points[at]:
                params = {**named("block", block.id, block.titles), "points": shown(shares.points[at]),
                          "quality": shown(quality[at])}  # fmt: skip
                lines.append(Line(kind, ids[at], _STAGE, "work_points", stream.id, paid, shown(shares.corrected[at]),
                                  rate, params))  # fmt: skip
    tables = {"work_points": frame_of(found, stream=str, block=str, payee_id=str, points=float, quality=float,
                                      corrected=float, paid_fen=int)}  # fmt: skip
    return StreamResult(stream.id, pool, with_fund(lines, stream.unspent_to, _STAGE, stream.id, pool), tables)


def _quality(stream: str, block: Block, works: Sequence[bool], setting: Setting) -> list[Fraction]:
    """Part of full marks; unknown quality is refused where there is work, and does not matter where there is none."""
    if block.quality is None:
        return [Fraction(1)] * len(works)
    place = f"streams.{stream}.{block.id}.quality"
    found = setting.snapshot.some_figures(block.quality, place)
    rows, column = setting.snapshot.rows_of(block.quality, place), block.quality.column
    rows.refuse([score is None and work for score, work in zip(found, works, strict=True)], "allocate_missing", column)
    full = block.full_marks
    rows.refuse([score is not None and score > full for score in found], "allocate_outside", column, low=0, high=full)
    return [Fraction(score or 0) / Fraction(full) for score in found]


def _work(
    stream: str, words: Work, items: Sequence[str], setting: Setting
) -> tuple[list[list[Fraction]], list[list[Fraction]]]:
    """Counts and performance (1 where it is not asked for) per payee and item."""
    place = f"streams.{stream}.work"
    rows = setting.snapshot.rows(words.table, columns_of(words.model_dump()), place)
    payees, named = setting.snapshot.places(rows, words.payee), rows.cells[words.item]
    at = {name: number for number, name in enumerate(items)}
    rows.refuse([name not in at for name in named], "allocate_unknown_item", words.item)
    rows.refuse(
        repeated(list(zip(payees, named, strict=True))),
        "allocate_row_again",
        words.payee,
        columns=f"{words.payee}, {words.item}",
    )
    counts = [[Fraction(0)] * len(items) for _ in setting.snapshot.ids]
    done = [[Fraction(words.performance is None)] * len(items) for _ in setting.snapshot.ids]
    for payee, name, count in zip(payees, named, figures(rows, words.count), strict=True):
        counts[payee][at[name]] = count
    if words.performance is not None:
        found = rows.figures(words.performance)
        rows.between(words.performance, found, 0, 1)
        works = [bool(counts[payee][at[name]]) for payee, name in zip(payees, named, strict=True)]
        rows.refuse([item is None and work for item, work in zip(found, works, strict=True)], "allocate_missing",
                    words.performance)  # fmt: skip
        for payee, name, part in zip(payees, named, rows.fractions(words.performance), strict=True):
            done[payee][at[name]] = part or Fraction(0)
    return counts, done


def by_costs(stream: Costs, pool: int, setting: Setting) -> StreamResult:
    """A line `cost_item` per payee and item; table `cost_balance` with K."""
    ids, kind = setting.snapshot.ids, setting.snapshot.kind
    names = [item.id for item in stream.items]
    counts, done = _work(stream.id, stream.work, names, setting)
    costs = [Fraction(item.unit_cost) * _FEN for item in stream.items]
    found = cost_shares(counts, costs, done, pool, ids, names)
    balance = shown(found.balance, 9) if found.balance is not None else "—"
    lines = [
        Line(kind, own, _STAGE, "cost_item", stream.id, amount, shown(counts[at][item]),
             f"{shown(Fraction(stream.items[item].unit_cost))} × {shown(done[at][item])} × {balance}",
             {**named("item", names[item], stream.items[item].titles), "balance": balance})
        for at, own in enumerate(ids)
        for item, amount in enumerate(found.items[at])
        if counts[at][item]
    ]  # fmt: skip
    due = total(found.due)
    row = (stream.id, shown(due / _FEN, 2), pool, balance, _reading(found.balance))
    tables = {"cost_balance": frame_of([row], stream=str, due_yuan=str, pool_fen=int, balance=str, reading=str)}
    return StreamResult(stream.id, pool, with_fund(lines, stream.unspent_to, _STAGE, stream.id, pool), tables)


def _reading(balance: Fraction | None) -> str:
    if balance is None:
        return "nothing_due"
    return "costs_low_or_volume_low" if balance > 1 else "costs_high_or_volume_high" if balance < 1 else "balanced"


def by_factors(stream: Factors, pool: int, setting: Setting) -> StreamResult:
    """A line `factor` per payee and factor. Raises Infeasible where nobody counts for one."""
    ids, kind = setting.snapshot.ids, setting.snapshot.kind
    columns = [_factor(stream.id, factor, setting) for factor in stream.factors]
    weights, names = [Fraction(factor.weight) for factor in stream.factors], [factor.id for factor in stream.factors]
    if not pool:
        return StreamResult(stream.id, pool, [])
    try:
        found = factor_shares(columns, weights, pool, ids, names)
    except NobodyCounts as no:
        rules = ("no_weights", f"factor:{no.factor}")
        lost = int(pool * weights[names.index(no.factor)])
        raise Infeasible(Conflict(rules, stream.id, lost, pool - lost)) from None
    totals = [shown(total(column)) for column in columns]
    lines = [
        Line(kind, own, _STAGE, "factor", stream.id, amount, shown(columns[item][at]),
             shown(weights[item] * 100),
             {**named("factor", names[item], stream.factors[item].titles), "total": totals[item]})
        for at, own in enumerate(ids)
        for item, amount in enumerate(found.parts[at])
        if columns[item][at]
    ]  # fmt: skip
    return StreamResult(stream.id, pool, lines)


def _factor(stream: str, factor: WeightedFactor, setting: Setting) -> list[Fraction]:
    snapshot, place = setting.snapshot, f"streams.{stream}.{factor.id}"
    high = 1 if factor.complement else None
    if factor.best is not None and len(factor.sum) == 1:
        # Who has no figure is not among the best; nobody has to have one.
        known = snapshot.some_figures(factor.sum[0], f"{place}.sum", low=None)
        return best(known, factor.best)
    columns = []
    for term in factor.sum:
        column, count = snapshot.fractions(term, f"{place}.sum", high=high), Fraction(term.times)
        columns.append(column if count == 1 else [item * count for item in column])
    values = reduce(lambda left, right: list(map(add, left, right)), columns)
    if factor.complement:
        values = [1 - value for value in values]
    if factor.times is not None:
        by = snapshot.fractions(factor.times, f"{place}.times")
        values = list(map(mul, values, by))
    return best(list(values), factor.best) if factor.best is not None else values

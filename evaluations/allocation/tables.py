"""The tables of a whole allocation: lines, payees, streams, funds.

Put here: shapes and order of published tables. Keep out: arithmetic of any stage, sentences.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from json.encoder import encode_basestring as quoted
from operator import attrgetter
from typing import Any

import polars as pl

from data_contracts.allocation_spec.need import Need
from evaluations.allocation.lines import FUND, PAYEE_KINDS, Line, frame_by_column, frame_of, paid_of
from evaluations.allocation.setting import Setting

LINES_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "line_no": pl.Int64, "stage": pl.String, "line_id": pl.String,
    "stream": pl.String, "quantity": pl.String, "rate": pl.String, "amount_fen": pl.Int64, "params": pl.String,
    "one_off": pl.Boolean,
}  # fmt: skip
PAYEES_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "name": pl.String, "groups": pl.String, "amount_fen": pl.Int64,
    "next_base_fen": pl.Int64,
    "population": pl.Decimal(38, 6), "equal_share_fen": pl.Int64, "target_fen": pl.Int64, "before_fen": pl.Int64,
    "need_fen": pl.Int64, "bound": pl.String, "distance_before": pl.Decimal(20, 6),
    "distance_after": pl.Decimal(20, 6), "years_to_target": pl.Int64, "leakage_fen": pl.Int64,
    "reserve_paid_fen": pl.Int64,
}  # fmt: skip
STREAMS_SCHEMA = {
    "stream": pl.String, "kind": pl.String, "pool_fen": pl.Int64, "paid_fen": pl.Int64, "held_fen": pl.Int64,
    "held_by": pl.String,
}  # fmt: skip
_NEED = ("population", "equal_share_fen", "target_fen", "before_fen", "amount_fen", "bound", "distance_before",
         "distance_after", "years_to_target", "leakage_fen", "reserve_paid_fen")  # fmt: skip


def all_lines(setting: Setting) -> list[Line]:
    """Lines of all streams as on statements."""
    return in_order([line for stream in setting.spec.streams for line in setting.done[stream.id].lines])


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Lines by kind and id of the payee, funds last, otherwise as they come."""
    order = {kind: at for at, kind in enumerate(PAYEE_KINDS)}
    order[FUND] = len(order)
    return sorted(lines, key=lambda line: (order[line.payee_kind], line.payee_id))


def lines_table(lines: Sequence[Line]) -> pl.DataFrame:
    """LINES_SCHEMA; a payee's lines sum to its amount, all lines to the budget."""
    last, numbers = defaultdict[tuple[str, str], int](int), []
    for line in lines:
        last[line.payee_kind, line.payee_id] += 1
        numbers.append(last[line.payee_kind, line.payee_id])
    columns: dict[str, list[Any]] = {
        name: list(map(attrgetter(name), lines))
        for name in ("payee_kind", "payee_id", "stage", "line_id", "stream", "quantity", "rate", "one_off")
    }
    columns |= {"line_no": numbers, "amount_fen": list(map(attrgetter("amount"), lines))}
    columns["params"] = [_json(line.params) for line in lines]
    return frame_by_column(columns, **LINES_SCHEMA)


def _json(params: Mapping[str, str]) -> str:
    """The same text whatever the order of words; every value is a text."""
    if not params:
        return "{}"
    order, form = _form(tuple(params))
    return form % tuple([quoted(params[word]) for word in order])


@cache
def _form(words: tuple[str, ...]) -> tuple[list[str], str]:
    """The words in order, and the text of an object with them, its values open."""
    order = sorted(words)
    return order, "{" + ",".join(quoted(word).replace("%", "%%") + ":%s" for word in order) + "}"


def payees_table(setting: Setting, lines: Sequence[Line], need: pl.DataFrame | None) -> pl.DataFrame:
    """PAYEES_SCHEMA: every payee of the table of payees, others that a stream pays, and the funds.

    `next_base_fen`: money of need streams, which is what `previous` of a pace is next year; results, awards, true-ups
    and other streams never enter it. Figures of need are those of the one need stream; empty where there are several.
    """
    snapshot, all_paid, next_base = setting.snapshot, paid_of(lines), _next_base(setting)
    known = {} if need is None or need["stream"].n_unique() > 1 else {
        row["payee_id"]: tuple(row[name] for name in _NEED) for row in need.iter_rows(named=True)
    }  # fmt: skip
    nothing = (None,) * len(_NEED)
    rows = []
    for kind in (*(kind for kind in PAYEE_KINDS if kind != FUND), FUND):
        paid, base = all_paid[kind], next_base if kind == snapshot.kind else {}
        own = {payee: at for at, payee in enumerate(snapshot.ids)} if kind == snapshot.kind else {}
        for payee in sorted({*paid, *own}):
            name = snapshot.names[own[payee]] if payee in own else None
            groups = ";".join(snapshot.groups_of(own[payee])) if payee in own else None
            figures = known.get(payee, nothing) if payee in own else nothing
            rows.append((kind, payee, name, groups, paid.get(payee, 0), base.get(payee, 0), *figures))
    return frame_of(rows, **PAYEES_SCHEMA)


def _next_base(setting: Setting) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for stream in setting.spec.of_kind(Need):
        for payee, amount in setting.done[stream.id].paid(setting.snapshot.kind).items():
            found[payee] += amount
    return found


def streams_table(setting: Setting) -> pl.DataFrame:
    """STREAMS_SCHEMA: where the money of each stream is."""
    rows = []
    for stream in setting.spec.streams:
        result = setting.done[stream.id]
        held = result.paid(FUND)
        kept = sum(held.values())
        funds = ";".join(sorted(fund for fund, amount in held.items() if amount))
        rows.append((stream.id, stream.kind, result.pool, result.pool - kept, kept, funds or None))
    return frame_of(rows, **STREAMS_SCHEMA)

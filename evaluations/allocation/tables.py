"""The tables of a whole allocation: lines, payees, streams, funds.

Put here: shapes and order of published tables. Keep out: arithmetic of any stage, sentences.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from json.encoder import encode_basestring as quoted
from typing import Any

import polars as pl

from data_contracts.allocation_spec.need import Need
from evaluations.allocation.lines import FUND, PAYEE_KINDS, Line, by_column, frame_by_column, frame_of
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
KEYS = ("payee_kind", "payee_id")
_NEED = ("population", "equal_share_fen", "target_fen", "before_fen", "bound", "distance_before", "distance_after",
         "years_to_target", "leakage_fen", "reserve_paid_fen")  # fmt: skip


def lines_table(lines: Sequence[Line]) -> pl.DataFrame:
    """LINES_SCHEMA by kind and id of the payee, funds last, else as the lines come; numbered payee by payee.

    A payee's lines sum to its amount, all lines to the budget.
    """
    columns: dict[str, Sequence[Any]] = by_column(lines, Line._fields)
    columns |= {"amount_fen": columns.pop("amount"), "params": _texts(columns["params"])}
    unnumbered = {name: dtype for name, dtype in LINES_SCHEMA.items() if name != "line_no"}
    frame = in_order(frame_by_column(columns, **unnumbered))
    return frame.with_columns(line_no=pl.int_range(1, pl.len() + 1).over(KEYS)).select(*LINES_SCHEMA)


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by kind and id of the payee, funds last, otherwise as they come."""
    kinds = [*(kind for kind in PAYEE_KINDS if kind != FUND), FUND]
    return frame.sort(pl.col("payee_kind").replace_strict(kinds, range(len(kinds))), "payee_id", maintain_order=True)


def _texts(params: Sequence[Mapping[str, str]]) -> list[str]:
    """Each as JSON; where many lines hold the very same words, their text is made once."""
    known = {id(own): own for own in params}
    texts = {key: _json(own) for key, own in known.items()}
    return [texts[id(own)] for own in params]


def _json(params: Mapping[str, str]) -> str:
    """The same text whatever the order of words; every value is a text."""
    order, form = _form(tuple(params))
    return form % tuple([quoted(params[word]) for word in order])


@cache
def _form(words: tuple[str, ...]) -> tuple[list[str], str]:
    """The words in order, and the text of an object with them, its values open."""
    order = sorted(words)
    return order, "{" + ",".join(quoted(word).replace("%", "%%") + ":%s" for word in order) + "}"


def payees_table(setting: Setting, lines: pl.DataFrame, need: pl.DataFrame | None) -> pl.DataFrame:
    """PAYEES_SCHEMA: every payee of the table of payees, others that a stream pays, and the funds.

    `next_base_fen`: money of need streams, which is what `previous` of a pace is next year; results, awards, true-ups
    and other streams never enter it. Figures of need are those of the one need stream; empty where there are several.
    """
    snapshot, base = setting.snapshot, _next_base(setting)
    groups = [";".join(snapshot.groups_of(at)) for at in range(len(snapshot.ids))]
    own = pl.DataFrame(
        {
            "payee_kind": [snapshot.kind] * len(snapshot.ids), "payee_id": snapshot.ids, "name": snapshot.names,
            "groups": groups, "next_base_fen": [base.get(payee, 0) for payee in snapshot.ids],
        }
    )  # fmt: skip
    paid = lines.group_by(KEYS).agg(pl.col("amount_fen").sum())
    rows = own.join(paid, on=KEYS, how="full", coalesce=True)
    rows = rows.with_columns(pl.col("amount_fen", "next_base_fen").fill_null(0))
    if need is not None and need["stream"].n_unique() == 1:
        # Money of need stands beside money of all streams.
        figures = need.select("payee_id", *_NEED, need_fen="amount_fen").with_columns(payee_kind=pl.lit(snapshot.kind))
        rows = rows.join(figures, on=KEYS, how="left")
    known = [name if name in rows.columns else pl.lit(None).alias(name) for name in PAYEES_SCHEMA]
    return in_order(rows.select(known).cast(PAYEES_SCHEMA))  # type: ignore[arg-type]


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

"""What a finance office pays: one row for each payee, who pays it, and the same table in a coarser unit.

Put here: from the tables of an allocation to a row for each payee; amounts in a printed unit that still sum. Keep out:
why anything is due, words, files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from evaluations.controlled import Arc, controlled
from evaluations.rounding import largest_remainder

PolarsType = pl.DataType | type[pl.DataType]
KEYS = ("payee_kind", "payee_id")
USES = ("prepaid_fen", "carried_over_fen", "claw_back_fen", "payable_fen")
OFFSET = "offset_next_year_fen"
_PEOPLE = pl.Decimal(38, 6)
ROWS_SCHEMA: dict[str, PolarsType] = {
    "payee_kind": pl.String, "payee_id": pl.String, "name": pl.String, "population": _PEOPLE,
    "standard": pl.String, "due_fen": pl.Int64, "score": pl.String, "coefficient": pl.String, "prepaid_fen": pl.Int64,
    "carried_over_fen": pl.Int64, "claw_back_fen": pl.Int64, "payable_fen": pl.Int64, OFFSET: pl.Int64,
}  # fmt: skip
SOURCES_SCHEMA: dict[str, PolarsType] = {
    "payee_kind": pl.String, "payee_id": pl.String, "source": pl.String, "cash": pl.Boolean, "amount_fen": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Payment:
    """`rows`: ROWS_SCHEMA, a row for each payee and fund, in their order; what is not known is null.

    due + offset_next_year = prepaid + carried_over + claw_back + payable, null counting 0. `sources`: SOURCES_SCHEMA,
    a row for each payee and source; those in cash sum to `due_fen` of every payee, or there are none.
    """

    rows: pl.DataFrame
    sources: pl.DataFrame

    def __post_init__(self) -> None:
        """Raises ValueError where a row does not add up."""
        used = sum((pl.col(name).fill_null(0) for name in USES), pl.lit(0))
        wrong = self.rows.filter(pl.col("due_fen") + pl.col(OFFSET).fill_null(0) != used)
        if wrong.height:
            raise ValueError(f"what is due to {wrong['payee_id'][0]} is not what becomes of it")
        cash = self.sources.filter("cash").group_by(KEYS).agg(pl.col("amount_fen").sum().alias("paid"))
        both = self.rows.join(cash, on=KEYS, how="full", coalesce=True, maintain_order="left")
        if cash.height and both.filter(pl.col("due_fen").fill_null(0) != pl.col("paid").fill_null(0)).height:
            raise ValueError("sources do not sum to what is due")


def payment_of(tables: Mapping[str, pl.DataFrame]) -> Payment:
    """The payment of an allocation from its tables: payees and, where they are there, standard, settlement, sources."""
    rows = tables["payees"].select(*KEYS, "name", "population", due_fen="amount_fen")
    rows = _with_standard(rows, tables.get("standard"))
    if (settled := tables.get("settlement")) is not None:
        rows = rows.join(settled.drop("due_fen"), on=KEYS, how="left", maintain_order="left")
    known = [pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in ROWS_SCHEMA]
    rows = rows.select(known).with_columns(pl.coalesce("payable_fen", "due_fen").alias("payable_fen"))
    return Payment(rows.cast(ROWS_SCHEMA), by_source(tables.get("sources")))  # type: ignore[arg-type]


def _with_standard(rows: pl.DataFrame, standard: pl.DataFrame | None) -> pl.DataFrame:
    """People, standard, score and coefficient of each payee, where its streams say one thing."""
    if standard is None:
        return rows
    names = {"population": "people", "standard_yuan": "standard", "score": "score", "coefficient": "coefficient"}
    one = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(own) for name, own in names.items()]
    said = standard.group_by("payee_id").agg(one)
    kinds = rows.filter(~pl.col("payee_kind").is_in(["fund", "family_total", "partner"]))["payee_kind"].unique()
    keyed = said.join(kinds.to_frame(), how="cross")
    joined = rows.join(keyed, on=KEYS, how="left", maintain_order="left")
    people = pl.col("people").cast(_PEOPLE)
    return joined.with_columns(pl.coalesce(pl.col("population").cast(_PEOPLE), people)).drop("people")


def by_source(sources: pl.DataFrame | None) -> pl.DataFrame:
    """The split of lines among sources as a row for each payee and source (SOURCES_SCHEMA)."""
    if sources is None:
        return pl.DataFrame(schema=SOURCES_SCHEMA)
    summed = sources.group_by(*KEYS, "source", "cash", maintain_order=True).agg(pl.col("amount_fen").sum())
    return summed.select(list(SOURCES_SCHEMA))


def printed(payment: Payment, unit: int) -> Payment:
    """The same payment in whole `unit`s of fen: every figure goes down or up to the unit, and every sum still holds.

    Σ payees, Σ sources of a payee, Σ of what is due over what becomes of it: all as in the exact table. The total of
    what is due goes to the nearest unit. Values in kind stand beside it and are rounded for themselves.
    """
    cash = payment.sources.filter("cash")
    names = cash["source"].unique(maintain_order=True).to_list()
    payees = [f"{kind}|{own}" for kind, own in payment.rows.select(KEYS).iter_rows()]
    places = {name: at for at, name in enumerate(payees)}
    due = payment.rows["due_fen"].to_list()
    given = [[0] * len(names) for _ in payees]
    for kind, own, source, amount in cash.select(*KEYS, "source", "amount_fen").iter_rows():
        given[places[f"{kind}|{own}"]][names.index(source)] += amount
    used = [payment.rows[name].fill_null(0).to_list() for name in USES]
    offset = payment.rows[OFFSET].fill_null(0).to_list()
    arcs = [Arc("all", "due", sum(due)), Arc("all", "offset", sum(offset))]
    arcs += [Arc("due", f"source|{name}", sum(row[at] for row in given)) for at, name in enumerate(names)]
    arcs += [Arc(f"use|{name}", "all", sum(own)) for name, own in zip(USES, used, strict=True)]
    starts, fields = [], 2 + len(USES) + max(len(names), 1)
    for at in range(len(payees)):
        starts.append(len(arcs))
        arcs.append(Arc(f"in|{at}", f"out|{at}", due[at]))
        arcs.append(Arc("offset", f"out|{at}", offset[at]))
        arcs += [Arc(f"out|{at}", f"use|{name}", own[at]) for name, own in zip(USES, used, strict=True)]
        if names:
            arcs += [Arc(f"source|{name}", f"in|{at}", given[at][place]) for place, name in enumerate(names)]
        else:
            arcs.append(Arc("due", f"in|{at}", due[at]))
    whole = controlled(arcs, unit, 0, starts)
    cells = [whole[start : start + fields] for start in starts]
    rows = _replaced(payment.rows, [("due_fen", 0), (OFFSET, 1), *((name, 2 + at) for at, name in enumerate(USES))],
                     cells)  # fmt: skip
    amounts = [
        cells[places[f"{kind}|{own}"]][2 + len(USES) + names.index(source)]
        for kind, own, source in cash.select(*KEYS, "source").iter_rows()
    ]
    return Payment(rows, pl.concat([cash.with_columns(pl.Series("amount_fen", amounts, pl.Int64)),
                                    _in_kind(payment.sources, unit)]))  # fmt: skip


def _replaced(rows: pl.DataFrame, columns: Sequence[tuple[str, int]], cells: Sequence[Sequence[int]]) -> pl.DataFrame:
    new = [pl.Series(name, [row[at] for row in cells], pl.Int64) for name, at in columns]
    kept = [pl.when(pl.col(name).is_not_null()).then(own).alias(name) for (name, _), own in
            zip(columns, new, strict=True)]  # fmt: skip
    return rows.with_columns(kept)


def _in_kind(sources: pl.DataFrame, unit: int) -> pl.DataFrame:
    parts = [sources.clear()]
    for own in sources.filter(~pl.col("cash")).partition_by("source", maintain_order=True):
        value = int(own["amount_fen"].sum())
        ids = own.select(pl.concat_str(KEYS, separator="|")).to_series().to_list()
        whole = largest_remainder(own["amount_fen"].to_list(), (2 * value + unit) // (2 * unit), ids)
        parts.append(own.with_columns(pl.Series("amount_fen", whole, pl.Int64)))
    return pl.concat(parts)

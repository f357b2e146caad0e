"""What a finance office pays: one row for each payee, who pays it, and the same table in a coarser unit.

Put here: from the tables of an allocation to a row for each payee; amounts in a printed unit that still sum. Keep out:
why anything is due, words, files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import polars as pl

from data_contracts.finance import Split
from evaluations.allocation.exact import half_up
from evaluations.controlled import Arc, controlled
from evaluations.rounding import largest_remainder

PolarsType = pl.DataType | type[pl.DataType]
KEYS = ("payee_kind", "payee_id")
PAYABLE: Split = "payable_fen"
USES = ("prepaid_fen", "carried_over_fen", "claw_back_fen", PAYABLE)
OFFSET = "offset_next_year_fen"
_PEOPLE = pl.Decimal(38, 6)
_OTHERS = ("fund", "family_total", "partner")
_MICRO = 10**6
_WITHOUT = ("missing", "no_baseline", "too_few")
"""Ways of scoring without a figure."""
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
    a row for each payee and source; those in cash sum to the `split` column of every payee, or there are none.
    """

    rows: pl.DataFrame
    sources: pl.DataFrame
    split: Split = "due_fen"

    def __post_init__(self) -> None:
        """Raises ValueError where a row does not add up."""
        used = sum((pl.col(name).fill_null(0) for name in USES), pl.lit(0))
        wrong = self.rows.filter(pl.col("due_fen") + pl.col(OFFSET).fill_null(0) != used)
        if wrong.height:
            raise ValueError(f"what is due to {wrong['payee_id'][0]} is not what becomes of it")
        cash = self.sources.filter("cash").group_by(KEYS).agg(pl.col("amount_fen").sum().alias("paid"))
        both = self.rows.join(cash, on=KEYS, how="full", coalesce=True, maintain_order="left")
        if cash.height and both.filter(pl.col(self.split).fill_null(0) != pl.col("paid").fill_null(0)).height:
            raise ValueError(f"sources do not sum to {self.split}")


def payment_of(tables: Mapping[str, pl.DataFrame]) -> Payment:
    """The payment of an allocation from its tables: payees and, where they are there, standard, settlement, sources."""
    rows = tables["payees"].select(*KEYS, "name", "population", due_fen="amount_fen")
    rows = with_scores(with_standard(rows, tables.get("standard")), tables.get("performance"))
    if (settled := tables.get("settlement")) is not None:
        rows = rows.join(settled.drop("due_fen"), on=KEYS, how="left", maintain_order="left")
    known = [pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in ROWS_SCHEMA]
    rows = rows.select(known).with_columns(pl.coalesce("payable_fen", "due_fen").alias("payable_fen"))
    return Payment(rows.cast(ROWS_SCHEMA), by_source(tables.get("sources")))  # type: ignore[arg-type]


def with_standard(rows: pl.DataFrame, standard: pl.DataFrame | None) -> pl.DataFrame:
    """People, standard, score and coefficient of each payee, where its streams say one thing."""
    if standard is None:
        return rows
    names = {"population": "people", "standard_yuan": "standard", "score": "score", "coefficient": "coefficient"}
    one = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(own) for name, own in names.items()]
    said = standard.group_by("payee_id").agg(one)
    kinds = rows.filter(~pl.col("payee_kind").is_in(_OTHERS))["payee_kind"].unique()
    keyed = said.join(kinds.to_frame(), how="cross")
    joined = rows.join(keyed, on=KEYS, how="left", maintain_order="left")
    people = pl.col("people").cast(_PEOPLE)
    return joined.with_columns(pl.coalesce(pl.col("population").cast(_PEOPLE), people)).drop("people")


def with_scores(rows: pl.DataFrame, performance: pl.DataFrame | None) -> pl.DataFrame:
    """Rows with the score of performance streams, where no standard is paid by a score or a coefficient.

    Score: from 0 to 100, of all indicators by the money that each is worth to the payee, two decimals. Coefficient: the
    part of that money that it earns, four decimals. A payee without any figure has neither.
    """
    lacking = [
        pl.lit(None, dtype=pl.String).alias(name) for name in ("score", "coefficient") if name not in rows.columns
    ]
    rows = rows.with_columns(lacking)
    plain = rows["score"].null_count() == rows.height and set(rows["coefficient"].drop_nulls()) <= {"1"}
    if performance is None or performance.is_empty() or not plain:
        return rows
    figured = performance.filter(~pl.col("way").is_in(_WITHOUT)).select("payee_id").unique()
    known = performance.filter(pl.col("score").is_not_null(), pl.col("potential_fen") > 0)
    known = known.join(figured, on="payee_id", how="semi")
    worth, earned = pl.col("potential_fen"), pl.col("potential_fen") * (pl.col("score") * _MICRO).cast(pl.Int128)
    sums = known.group_by("payee_id").agg(worth.sum().alias("worth"), earned.sum().alias("earned"))
    scores = [
        (payee, *(plain_decimal(half_up(Fraction(earned * unit, whole * _MICRO)), digits)
                  for unit, digits in ((10_000, 2), (10_000, 4))))
        for payee, whole, earned in sums.iter_rows()
    ]  # fmt: skip
    said = pl.DataFrame(scores, {"payee_id": pl.String, "_score": pl.String, "_part": pl.String}, orient="row")
    paid = ~pl.col("payee_kind").is_in(_OTHERS)
    joined = rows.join(said, on="payee_id", how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(paid).then(pl.col("_score")).alias("score"),
        pl.when(paid).then(pl.coalesce("_part", "coefficient")).otherwise(pl.col("coefficient")).alias("coefficient"),
    ).drop("_score", "_part")


def plain_decimal(steps: int, digits: int) -> str:
    """An integer of so many decimals as text without trailing zeros."""
    return f"{Decimal(steps).scaleb(-digits).normalize():f}"


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
    paid_now = payment.split == "payable_fen"
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
    totals = [(f"source|{name}", sum(row[at] for row in given)) for at, name in enumerate(names)]
    arcs += [Arc(own, f"use|{PAYABLE}", whole) if paid_now else Arc("due", own, whole) for own, whole in totals]
    arcs += [Arc(f"use|{name}", "all", sum(own)) for name, own in zip(USES, used, strict=True)]
    starts, fields = [], 2 + len(USES) + len(names)
    for at in range(len(payees)):
        starts.append(len(arcs))
        arcs.append(Arc(f"in|{at}", f"out|{at}", due[at]))
        arcs.append(Arc("offset", f"out|{at}", offset[at]))
        # What is paid now goes through the sources that pay it.
        ends = {name: f"pay|{at}" if paid_now and names and name == PAYABLE else f"use|{name}" for name in USES}
        arcs += [Arc(f"out|{at}", ends[name], own[at]) for name, own in zip(USES, used, strict=True)]
        parts = list(zip(names, given[at], strict=True))
        if paid_now:
            arcs += [Arc(f"pay|{at}", f"source|{name}", amount) for name, amount in parts]
        else:
            arcs += [Arc(f"source|{name}", f"in|{at}", amount) for name, amount in parts]
        if paid_now or not names:
            arcs.append(Arc("due", f"in|{at}", due[at]))
    whole = controlled(arcs, unit, 0, starts)
    cells = [whole[start : start + fields] for start in starts]
    rows = _replaced(payment.rows, [("due_fen", 0), (OFFSET, 1), *((name, 2 + at) for at, name in enumerate(USES))],
                     cells)  # fmt: skip
    amounts = [
        cells[places[f"{kind}|{own}"]][2 + len(USES) + names.index(source)]
        for kind, own, source in cash.select(*KEYS, "source").iter_rows()
    ]
    rounded = cash.with_columns(pl.Series("amount_fen", amounts, pl.Int64))
    return Payment(rows, pl.concat([rounded, _in_kind(payment.sources, unit)]), payment.split)


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

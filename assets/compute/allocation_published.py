"""Published tables of money: from the tables of the engine and the payment of a period to those of a release.

Put here: the shape of every table of an allocation but its audit, and what is held back until it is decided. Keep out:
the arithmetic (evaluations.allocation), when money is divided (allocation), reading figures (allocation_tables).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import polars as pl

from assets.compute.allocation_tables import PayeeAreas
from assets.compute.baselines import SCHEMA as BASELINES
from assets.compute.succession import OWN
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.pay import Performance
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.tables import output_tables
from evaluations.allocation.accounts import PENDING
from evaluations.allocation.funding import institutions_table
from evaluations.allocation.lines import FUND
from evaluations.allocation.periods import Part, PeriodPayment, undecided
from evaluations.allocation.snapshot import Snapshot

TABLES = (
    "alloc__lines", "alloc__payees", "alloc__payments", "alloc__settlement", "alloc__quarters", "alloc__sources",
    "alloc__streams", "alloc__carried", "alloc__reserves", "alloc__institutions", "alloc__standard", "alloc__dividend",
    "alloc__gain_share", "alloc__awards", "alloc__payers", "alloc__performance", "alloc__sensitivity", "alloc__peers",
    "alloc__conflict", "alloc__relaxations", "alloc__best_shares", "alloc__proposal", "alloc__changes",
    "alloc__intervals",
)  # fmt: skip
_OF_PAYEES = ("performance", "sensitivity", "peers", "payers", "standard", "dividend", "gain_share")
_DIGITS = Decimal("0.000001")
_STANDARD = ("population", "standard_yuan", "funded", "score", "coefficient")


@dataclass(frozen=True)
class Published:
    """The tables of a release; payees of the engine are areas of the payee level."""

    document: AllocationDocument
    spec: AllocationSpec
    period: Period
    areas: PayeeAreas
    part: Part
    baselines: Mapping[str, pl.DataFrame]
    last_year_from: Mapping[str, str]
    """Payee → recoded, merged or divided, where its money of the year before was that of other areas."""
    unsure: pl.DataFrame
    """Payees whose scores nobody knows the error of (unsure.SCHEMA)."""

    def tables(self, year: Mapping[str, pl.DataFrame], paid: PeriodPayment) -> dict[str, pl.DataFrame]:
        """All of TABLES; `year`: tables of the engine."""
        waits = undecided(self.spec, year, self.part)
        found: dict[str, pl.DataFrame | None] = {
            "alloc__lines": _with_sentences(paid.lines),
            "alloc__payees": self._payees(year["payees"], paid, waits),
            "alloc__payments": paid.payments,
            "alloc__settlement": paid.settlement,
            "alloc__quarters": paid.quarters,
            "alloc__streams": self._streams(year["streams"], paid.payments, waits),
            "alloc__reserves": year["reserves"].rename({"reserve": "reserve_id", "group": "payee_group"}),
        }
        if paid.sources is not None:
            # What is given in kind stands beside the lines.
            found["alloc__sources"] = paid.sources.with_columns(pl.col("line_no").fill_null(0))
        for name in _OF_PAYEES:
            if name in year:
                found[f"alloc__{name}"] = year[name].with_columns(pl.lit(self.spec.payees.kind).alias("payee_kind"))
        if (standard := found.get("alloc__standard")) is not None:
            found["alloc__standard"] = _numbers(standard, *_STANDARD)
        if "awards" in year:
            found["alloc__awards"] = self._awards(year["awards"])
        if "alloc__performance" in found:
            found["alloc__performance"] = self._with_marks(year["performance"])
        return {name: self.shaped(name, found.get(name)) for name in TABLES}

    def _awards(self, year: pl.DataFrame) -> pl.DataFrame:
        """Nothing is due to anybody before the contest is decided."""
        due = pl.col("due_fen") if self.part.is_last else pl.lit(0, dtype=pl.Int64)
        keys = ["stream", "award_class", "payee_id"]
        return (
            year.join(self.unsure, on=keys, how="left", maintain_order="left")
            .with_columns(
                pl.lit(self.spec.payees.kind).alias("payee_kind"),
                pl.lit(self.part.is_last).alias("decided"),
                due.alias("due_fen"),
            )
            .pipe(_numbers, "chance")
        )

    def _with_marks(self, performance: pl.DataFrame) -> pl.DataFrame:
        """Where the baselines come from that were used."""
        frames = [pl.DataFrame(schema={"stream": pl.String, **BASELINES})]
        frames += [
            self.baselines[stream.data.table].with_columns(pl.lit(stream.id).alias("stream"))
            for stream in self.spec.of_kind(Performance)
            if stream.data.baseline is not None and stream.data.table in self.baselines
        ]
        marks = pl.concat(frames, how="diagonal").select("stream", "indicator", "baseline_from", payee_id="payee")
        own = performance.join(marks, on=["stream", "indicator", "payee_id"], how="left", maintain_order="left")
        return own.with_columns(pl.lit(self.spec.payees.kind).alias("payee_kind"))

    def shaped(self, name: str, frame: pl.DataFrame | None) -> pl.DataFrame:
        """A published table; empty where there is no frame."""
        table = output_tables()[name]
        if frame is None:
            return table.empty()
        kinds = {self.spec.payees.kind: self.document.payee_level}
        marks = [pl.lit(self.period.key).alias("period"), pl.lit(self.document.id).alias("allocation_id")]
        if "payee_kind" in frame.columns:
            marks.append(pl.col("payee_kind").replace(kinds))
        return gate(table_schema(table), table.shape(frame.with_columns(marks)))

    def _payees(self, year: pl.DataFrame, paid: PeriodPayment, waits: pl.DataFrame) -> pl.DataFrame:
        """Every area of the payee level, also those left out, other payees, and the funds with money or a payment.

        Areas that are gone and were paid in the year, or owe something, are payees still.
        """
        keys = ["payee_kind", "payee_id"]
        sums = paid.payments.group_by(keys).agg(
            pl.col("amount_fen", "year_fen", "due_fen", "before_fen")
            .sum()
            .name.map(lambda name: f"paid_{name}" if name in ("due_fen", "before_fen") else name)
        )
        sums = sums.join(_undecided(waits, keys), on=keys, how="full", coalesce=True)
        rows = year.drop("amount_fen").rename({"before_fen": "last_year_fen"})
        # Money that the engine holds until it is settled is told apart by period in the fund `pending`.
        rows = rows.join(sums, on=keys, how="full", coalesce=True)
        kind = self.spec.payees.kind
        others = pl.DataFrame(
            {"payee_kind": [kind] * len(self.areas.left_out), "payee_id": self.areas.left_out},
            schema=dict.fromkeys(keys, pl.String),
        )
        if paid.settlement is not None:
            others = pl.concat([others, paid.settlement.select(keys)]).unique(maintain_order=True)
        rows = pl.concat([rows, others.join(rows, on=keys, how="anti", maintain_order="left")], how="diagonal")
        own = pl.col("payee_kind") == kind
        rural = {area: row["is_rural"] for area, row in self.areas.areas.items()}
        money = ["year_fen", "undecided_fen", "amount_fen", "paid_due_fen", "paid_before_fen", "next_base_fen"]
        rows = rows.with_columns(
            pl.when(own).then(_by_area(rural, pl.Boolean())).alias("is_rural"),
            pl.when(own).then(_by_area(self.areas.people, pl.Decimal(38, 6))).alias("population"),
            pl.when(own & pl.col("last_year_fen").is_not_null())
            .then(pl.col("payee_id").replace_strict(self.last_year_from, default=OWN, return_dtype=pl.String))
            .alias("last_year_from"),
            pl.col("bound").fill_null("none"),
            pl.col(money).fill_null(0),
        )
        kept = (pl.col("payee_kind") != FUND) | pl.col("paid_due_fen").ne(0) | pl.col("amount_fen").ne(0)
        return rows.filter(kept)

    def _streams(self, year: pl.DataFrame, payments: pl.DataFrame, waits: pl.DataFrame) -> pl.DataFrame:
        """The pool of a contest is held until it is decided."""
        paid = payments.group_by("stream").agg(pl.col("amount_fen").sum())
        payees = _undecided(waits.filter(pl.col("payee_kind") != FUND), ["stream"])
        rows = year.join(paid, on="stream", how="left").join(payees, on="stream", how="left")
        held = pl.col("stream").is_in(waits["stream"].unique().to_list())
        return rows.with_columns(
            pl.col("amount_fen", "undecided_fen").fill_null(0),
            pl.when(held).then(0).otherwise("paid_fen").alias("paid_fen"),
            pl.when(held).then("pool_fen").otherwise("held_fen").alias("held_fen"),
            pl.when(held).then(pl.lit(PENDING)).otherwise("held_by").alias("held_by"),
        )


def _undecided(waits: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return waits.group_by(keys).agg(pl.col("amount_fen").sum().alias("undecided_fen"))


def _by_area(values: Mapping[str, object], dtype: pl.DataType) -> pl.Expr:
    return pl.col("payee_id").replace_strict(
        list(values), pl.Series(list(values.values()), dtype=dtype), default=None, return_dtype=dtype
    )


def _with_sentences(lines: pl.DataFrame) -> pl.DataFrame:
    """Each line with the id of its sentence, its parameters, and its quantity as a number where it is one."""
    params = [
        _json({**json.loads(given), "quantity": quantity, "rate": rate})
        for given, quantity, rate in lines.select("params", "quantity", "rate").iter_rows()
    ]
    return lines.with_columns(
        ("allocate.line." + pl.col("line_id")).alias("sentence_id"),
        pl.Series("sentence_params", params, dtype=pl.String),
    ).pipe(_numbers, "quantity")


def _numbers(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Columns of text as decimals; what is no number is empty."""
    columns = [pl.Series(name, [_decimal(own) for own in frame[name]], dtype=pl.Decimal(38, 6)) for name in names]
    return frame.with_columns(columns)


def _json(params: Mapping[str, object]) -> str:
    known = {name: value for name, value in params.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text).quantize(_DIGITS, rounding=ROUND_HALF_EVEN)
    except InvalidOperation:
        return None


def passed_on(
    spec: AllocationSpec, given: Mapping[str, pl.DataFrame], paid: PeriodPayment, period: Period | None
) -> pl.DataFrame:
    """Money of areas by institution: of the period by who served in it, of the year by who served so far.

    Without `period` both by the one day that the spec names.
    """
    if spec.serves is None:
        raise ValueError("the spec has no map of institutions")
    snapshot, own = Snapshot(spec, given), paid.payments.filter(payee_kind=spec.payees.kind)
    sums = own.group_by("payee_id").agg(pl.col("year_fen", "amount_fen").sum())
    first = period.start.isoformat() if period is not None else None
    january = period.start.replace(month=1).isoformat() if period is not None else None
    year, now = (
        institutions_table(snapshot, spec.serves, dict(sums.select("payee_id", name).iter_rows()), since)
        for name, since in (("year_fen", january), ("amount_fen", first))
    )
    keys = ["community_id", "institution_id"]
    both = now.join(year.select(*keys, year_fen="amount_fen"), on=keys, how="full", coalesce=True)
    # Who served earlier in the year only has a part of the year's money and none of the period's.
    both = both.with_columns(pl.col("amount_fen", "year_fen").fill_null(0), pl.col("share").fill_null("0"))
    return _numbers(both, "share")

"""Dividing the money of a period: settings and the road's tables given to the engine, published tables back.

Put here: the period's money, the statuses of a division, and the shape of published tables. Keep out: the arithmetic
(evaluations.allocation), reading figures (allocation_tables) and the wording (messages).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Literal

import polars as pl

from assets.compute.allocation_tables import PayeeAreas, RoadTables
from assets.compute.auditing import RoadAudit, road_audit
from assets.compute.inputs import periods_per_year
from assets.compute.refusals import conflict_words, summary, titles_of, worded_conflict
from assets.lake.home import Home
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.pay import Performance
from data_contracts.messages import LANGUAGES, both
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.allocation import engine
from evaluations.allocation.lines import FUND
from evaluations.allocation.periods import Part, PeriodPayment, paid_in
from evaluations.allocation.problem import Conflict
from evaluations.allocation.snapshot import DataError
from evaluations.rounding import instalments

TABLES = (
    "alloc__lines", "alloc__payees", "alloc__payments", "alloc__quarters", "alloc__sources", "alloc__streams",
    "alloc__reserves", "alloc__performance", "alloc__sensitivity", "alloc__peers", "alloc__conflict",
    "alloc__relaxations",
)  # fmt: skip
_DIGITS = Decimal("0.000001")
_NAMED = 10
Status = Literal["ok", "none", "no_budget", "no_population", "no_data", "infeasible"]


@dataclass(frozen=True)
class Allocation:
    """The result for one period. All tables of money are empty unless `status` is `ok`.

    Where rules cannot hold together `alloc__conflict` and `alloc__relaxations` name them and the ways out.

    `budget`: money of the period in minor units. `message`: both languages, why there is no table or who got nothing.
    `audit`: what the incentive audit of the division starts from; None where nothing is divided.
    """

    status: Status
    tables: Mapping[str, pl.DataFrame]
    budget: int = 0
    message: dict[str, str] | None = None
    audit: RoadAudit | None = None

    @property
    def lines(self) -> pl.DataFrame:
        """alloc__lines."""
        return self.tables["alloc__lines"]

    @property
    def payees(self) -> pl.DataFrame:
        """alloc__payees."""
        return self.tables["alloc__payees"]


def allocate(home: Home, settings: Settings, period: Period) -> Allocation:
    """Divide the money of the year by the figures known now, and pay what is due in the period.

    Reads mart__areas, ind__counts, ind__values, risk and score tables of the period, and marts that the settings name.
    """
    document = settings.allocation
    if document is None:
        return _without("none")
    spec = document.spec(period.year)
    if spec is None or spec.budget.amount is None:
        return _without("no_budget", message=both("alloc.no_budget", year=period.year))
    part = Part(period.index, periods_per_year(period))
    budget = instalments(spec.fen(spec.budget.amount), part.of)[part.index - 1]
    reading = RoadTables(home, settings, document, period)
    areas = reading.areas()
    if not areas.payees:
        return _without("no_population", budget, both("alloc.no_population", measure=document.population))
    try:
        given = reading.all(areas)
        found = engine.allocate(spec, given)
    except DataError as error:
        return _without("no_data", budget, both("allocation_data", reason=error.words))
    published = _Published(document, spec, period, areas)
    if found.conflict is not None:
        return _infeasible(found.conflict, published, budget)
    tables = published.tables(found.tables, paid_in(spec, found.tables, found.budget, part))
    return Allocation("ok", tables, budget, _left_out(areas), road_audit(reading, spec, given))


def _without(status: Status, budget: int = 0, message: dict[str, str] | None = None) -> Allocation:
    known = output_tables()
    return Allocation(status, {name: known[name].empty() for name in TABLES}, budget, message)


def _infeasible(conflict: Conflict, published: "_Published", budget: int) -> Allocation:
    said = [conflict_words(conflict, titles_of(published.document))]
    found = worded_conflict(published.spec, conflict)
    said += summary(found)
    names = {f"alloc__{name}": found[name] for name in ("conflict", "relaxations")}
    tables = {name: published.shaped(name, names.get(name)) for name in TABLES}
    between = {"zh": "；", "en": "; "}
    message = {name: between[name].join(words[name].rstrip("。.") for words in said) for name in LANGUAGES}
    return Allocation("infeasible", tables, budget, message)


def _left_out(areas: PayeeAreas) -> dict[str, str] | None:
    missing = areas.left_out
    named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
    return both("alloc.left_out", count=len(missing), areas=named) if missing else None


@dataclass(frozen=True)
class _Published:
    """The tables of a release; payees of the engine are areas of the payee level."""

    document: AllocationDocument
    spec: AllocationSpec
    period: Period
    areas: PayeeAreas

    def tables(self, year: Mapping[str, pl.DataFrame], paid: PeriodPayment) -> dict[str, pl.DataFrame]:
        """All of TABLES; `year`: tables of the engine."""
        quarterly = [stream.id for stream in self.spec.of_kind(Performance)]
        found = {
            "alloc__lines": _with_sentences(paid.lines),
            "alloc__payees": self._payees(year["payees"], paid.payments),
            "alloc__payments": paid.payments,
            "alloc__quarters": year["quarters"].filter(pl.col("stream").is_in(quarterly)),
            "alloc__streams": self._streams(year["streams"], paid.payments),
            "alloc__reserves": year["reserves"].rename({"reserve": "reserve_id", "group": "payee_group"}),
        }
        if paid.sources is not None:
            # What is given in kind stands beside the lines.
            found["alloc__sources"] = paid.sources.with_columns(pl.col("line_no").fill_null(0))
        for name in ("performance", "sensitivity", "peers"):
            if name in year:
                found[f"alloc__{name}"] = year[name].with_columns(pl.lit(self.spec.payees.kind).alias("payee_kind"))
        return {name: self.shaped(name, found.get(name)) for name in TABLES}

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

    def _payees(self, year: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
        """Every area of the payee level, also those left out, other payees, and the funds with money or a payment."""
        keys = ["payee_kind", "payee_id"]
        sums = payments.group_by(keys).agg(
            pl.col("amount_fen", "due_fen", "before_fen")
            .sum()
            .name.map(lambda name: name if name == "amount_fen" else f"paid_{name}")
        )
        rows = year.rename({"amount_fen": "year_fen", "before_fen": "last_year_fen"})
        # Money that the engine holds until it is settled is told apart by period in the fund `pending`.
        rows = rows.join(sums, on=keys, how="full", coalesce=True)
        kind = self.spec.payees.kind
        others = pl.DataFrame(
            {"payee_kind": [kind] * len(self.areas.left_out), "payee_id": self.areas.left_out},
            schema=dict.fromkeys(keys, pl.String),
        )
        rows = pl.concat([rows, others], how="diagonal")
        own = pl.col("payee_kind") == kind
        rural = {area: row["is_rural"] for area, row in self.areas.areas.items()}
        money = ["year_fen", "amount_fen", "paid_due_fen", "paid_before_fen", "recurring_fen"]
        rows = rows.with_columns(
            pl.when(own).then(_by_area(rural, pl.Boolean())).alias("is_rural"),
            pl.when(own).then(_by_area(self.areas.people, pl.Decimal(38, 6))).alias("population"),
            pl.col("bound").fill_null("none"),
            pl.col(money).fill_null(0),
        )
        kept = (pl.col("payee_kind") != FUND) | pl.col("paid_due_fen").ne(0) | pl.col("amount_fen").ne(0)
        return rows.filter(kept)

    def _streams(self, year: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
        paid = payments.group_by("stream").agg(pl.col("amount_fen").sum())
        return year.join(paid, on="stream", how="left").with_columns(pl.col("amount_fen").fill_null(0))


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
        pl.Series("quantity", [_decimal(quantity) for quantity in lines["quantity"]], dtype=pl.Decimal(38, 6)),
    )


def _json(params: Mapping[str, object]) -> str:
    known = {name: value for name, value in params.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text).quantize(_DIGITS, rounding=ROUND_HALF_EVEN)
    except InvalidOperation:
        return None

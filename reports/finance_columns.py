"""The customary columns of an allocation table: what each says of every payee and of all together.

Put here: columns and their order. Keep out: cells, formats, foot (finance_workbook), any sum but that of a column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from data_contracts.messages import both, text
from reports import format as shown
from reports.finance_document import FinanceDocument, ordered_sources

Pair = dict[str, str]
_PER_WAN = 10_000
_AMOUNTS = {
    "prepaid": "prepaid_fen",
    "payable": "payable_fen",
    "carried_over": "carried_over_fen",
    "claw_back": "claw_back_fen",
    "offset": "offset_next_year_fen",
}


@dataclass(frozen=True)
class Scale:
    """How a sheet shows amounts: its integers are `unit` with so many `decimals`. `rows`, `sources`: the payment."""

    unit: Pair
    decimals: int
    rows: pl.DataFrame
    sources: pl.DataFrame

    def value(self, steps: int) -> float:
        """An integer of this scale for a cell, which holds a double; files for systems hold the integers."""
        return float(Decimal(steps).scaleb(-self.decimals))

    @property
    def cell_format(self) -> str:
        """Number format: zero is 0, a negative amount has the minus sign of printed tables."""
        places = "0" + ("." + "0" * self.decimals if self.decimals else "")
        return f"{places};{shown.MINUS}{places};0"


@dataclass(frozen=True)
class Column:
    """`values` of the payees in their order, None where it is not known; `total` None where a column has no sum.

    `kind`: words, figure (as it is) or amount (integers of the scale). `group`: the common word over columns.
    """

    titles: Pair
    width: float
    kind: Literal["words", "figure", "amount"]
    values: Sequence[Any]
    total: Any = None
    group: Pair | None = None


def coarse_scale(document: FinanceDocument) -> Scale:
    """Ten thousands, with the decimals of the notice."""
    unit = both("finance.ten_thousand", major=major_title(document))
    return Scale(unit, document.notice.decimals, document.coarse_rows, document.coarse_sources)


def exact_scale(document: FinanceDocument) -> Scale:
    """The major unit, with every minor unit."""
    return Scale(major_title(document), document.currency.decimals, document.rows, document.sources)


def major_title(document: FinanceDocument) -> Pair:
    """Name of the major unit."""
    return {"zh": document.currency.major.zh, "en": document.currency.major.en}


def minor_title(document: FinanceDocument) -> Pair:
    """Name of the minor unit."""
    return {"zh": document.currency.minor.zh, "en": document.currency.minor.en}


def columns_of(document: FinanceDocument, scale: Scale) -> list[Column]:
    """All columns in the customary order: sources behind what they pay, values in kind behind them, in no sum."""
    rows = scale.rows
    keys = list(rows.select("payee_kind", "payee_id").iter_rows())
    names = [document.names[key] for key in keys]
    remarks = [document.remarks.get(key, "") for key in keys]
    parts = [_source(document, scale, source, keys, cash=cash) for source, cash in ordered_sources(document)]
    return [
        Column(both("finance.serial"), 6, "words", [str(number) for number in range(1, len(keys) + 1)], ""),
        Column(both("finance.payee"), 26, "words", names, text("finance.total", "zh")),
        Column(both("finance.code"), 16, "words", [payee for _, payee in keys], ""),
        _population(rows),
        _figure(both("finance.standard", major=major_title(document)), 10, rows["standard"]),
        _amount(both("finance.due"), rows["due_fen"]),
        *(parts if document.split == "due_fen" else []),
        _figure(both("finance.score"), 9, rows["score"]),
        _figure(both("finance.coefficient"), 9, rows["coefficient"]),
        *(
            column
            for word, name in _AMOUNTS.items()
            if word != "offset" or document.rows[name].drop_nulls().ne(0).any()
            for column in [_amount(both(f"finance.{word}"), rows[name]), *(parts if name == document.split else [])]
        ),
        Column(both("finance.remark"), 24, "words", remarks, ""),
    ]


def _population(rows: pl.DataFrame) -> Column:
    """In ten thousands; summed where it is known of every payee that is no fund."""
    served = rows.filter(pl.col("payee_kind") != "fund")["population"]
    whole = None if served.is_empty() or served.has_nulls() else Decimal(served.sum()) / _PER_WAN
    values = [None if people is None else people / _PER_WAN for people in rows["population"]]
    return Column(both("finance.population"), 11, "figure", values, whole)


def _figure(titles: Pair, width: float, values: pl.Series) -> Column:
    return Column(titles, width, "figure", [None if value is None else Decimal(value) for value in values])


def _amount(titles: Pair, values: pl.Series) -> Column:
    known = values.drop_nulls()
    return Column(titles, 13, "amount", values.to_list(), int(known.sum()) if known.len() else None)


def _source(
    document: FinanceDocument, scale: Scale, source: str, keys: Sequence[tuple[str, str]], *, cash: bool
) -> Column:
    """What a source gives; a payee that it does not pay gets 0 of it."""
    own = scale.sources.filter(pl.col("source") == source, pl.col("cash") == cash)
    given = {
        (kind, payee): amount for kind, payee, amount in own.select("payee_kind", "payee_id", "amount_fen").iter_rows()
    }
    titles = source_title(document, source)
    values = [given.get(key, 0) for key in keys]
    if not cash:
        return Column(both("finance.in_kind", source=titles), 15, "amount", values, sum(values))
    return Column(titles, 13, "amount", values, sum(values), both("finance.of_which"))


def source_title(document: FinanceDocument, source: str) -> Pair:
    """Name of a source, with its mark where it is passed directly."""
    own = document.source_views[source].titles
    titles = {"zh": own.zh, "en": own.en}
    return both("finance.mark.direct", source=titles) if source in document.notice.direct_funds else titles

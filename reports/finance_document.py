"""What the finance office's files are drawn from: a payment with the words and marks that stand around it.

Put here: the document, its rows as records, its file for a finance system. Keep out: layout of the workbook
(finance_workbook), where tables come from.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import polars as pl

from data_contracts.allocation_spec.funding import SourceKind
from data_contracts.allocation_spec.notice import Notice
from data_contracts.closed import Bilingual
from data_contracts.finance import (
    FinanceControl,
    FinanceFile,
    FinanceLine,
    FinancePart,
    FinancePayee,
    FinanceSource,
    Split,
    table_hash,
)
from reports.context import CurrencyView

Key = tuple[str, str]
_ORDER = get_args(SourceKind)


@dataclass(frozen=True)
class SourceView:
    """A source as tables name it; `kind` as in the spec."""

    kind: str
    titles: Bilingual
    reference: str | None = None


@dataclass(frozen=True)
class FinanceDocument:
    """An allocation for the finance office. Amounts in minor units.

    `rows`, `sources`: a payment (evaluations.allocation.payment). `coarse_rows`, `coarse_sources`: the same in whole
    steps of the table in ten thousands. `lines`: payee_kind, payee_id, line_no, stream, quantity, rate, amount_fen,
    words_zh, words_en; `detailed`: they stand in the workbook too. `names`: of every payee; `remarks`: of some.
    `basis`: what is due of what time; `issued_as`: where the table is from (release, rule set); both in further words.
    `split`: what lines explain and sources pay. `draft`: nobody may approve it, whatever records say.
    """

    allocation_id: str
    titles: Bilingual
    period: str
    references: Sequence[str]
    rows: pl.DataFrame
    sources: pl.DataFrame
    coarse_rows: pl.DataFrame
    coarse_sources: pl.DataFrame
    lines: pl.DataFrame
    names: Mapping[Key, str]
    kinds: Mapping[str, Bilingual]
    streams: Mapping[str, Bilingual]
    source_views: Mapping[str, SourceView] = field(default_factory=dict)
    remarks: Mapping[Key, str] = field(default_factory=dict)
    notice: Notice = field(default_factory=Notice)
    currency: CurrencyView = field(default_factory=CurrencyView)
    basis: Bilingual | None = None
    issued_as: Bilingual | None = None
    detailed: bool = False
    split: Split = "due_fen"
    draft: bool = False

    @property
    def total(self) -> int:
        """All that is due."""
        return int(self.rows["due_fen"].sum())


def finance_file(document: FinanceDocument) -> FinanceFile:
    """The document as a finance system reads it."""
    parts: dict[Key, list[FinancePart]] = defaultdict(list)
    given: dict[tuple[str, bool], int] = defaultdict(int)
    for kind, payee, source, cash, amount in document.sources.iter_rows():
        parts[kind, payee].append(FinancePart(source=source, cash=cash, amount_fen=amount))
        given[source, cash] += amount
    payees = [
        FinancePayee(
            number=number,
            name=document.names[record["payee_kind"], record["payee_id"]],
            sources=parts[record["payee_kind"], record["payee_id"]],
            population=plain(record["population"]),
            remark=document.remarks.get((record["payee_kind"], record["payee_id"])),
            **{key: value for key, value in record.items() if key not in ("name", "population")},
        )
        for number, record in enumerate(document.rows.iter_rows(named=True), 1)
    ]
    columns = list(FinanceLine.model_fields)
    lines = [FinanceLine(**record) for record in document.lines.select(columns).iter_rows(named=True)]
    views, notice = document.source_views, document.notice
    sources = [
        FinanceSource(
            source=source,
            kind=views[source].kind,
            title=views[source].titles.zh,
            reference=views[source].reference,
            direct_funds=source in notice.direct_funds,
            cash=cash,
            amount_fen=amount,
        )
        for (source, cash), amount in ((key, given[key]) for key in ordered_sources(document))
    ]
    return FinanceFile(
        allocation_id=document.allocation_id,
        title=document.titles.zh,
        period=document.period,
        currency=document.currency.code,
        minor_per_major=10**document.currency.decimals,
        number=notice.number,
        addressed_to=notice.addressed_to,
        references=list(document.references),
        function_code=notice.function_code,
        function_title=notice.function_title,
        use=notice.use,
        split_of=document.split,
        sources=sources,
        payees=payees,
        lines=lines,
        control=FinanceControl(
            payees=len(payees),
            lines=len(lines),
            due_fen=document.total,
            payable_fen=int(document.rows["payable_fen"].sum()),
            table_hash=table_hash(payees, lines, sources),
        ),
    )


def ordered_sources(document: FinanceDocument) -> list[tuple[str, bool]]:
    """Sources that pay anything, and whether in cash: tiers from the top, then others, values in kind last."""
    used = document.sources.select("source", "cash").unique(maintain_order=True).iter_rows()
    return sorted(used, key=lambda own: (not own[1], _ORDER.index(document.source_views[own[0]].kind)))


def plain(figure: object) -> str | None:
    """An exact decimal without trailing zeros."""
    if figure is None:
        return None
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

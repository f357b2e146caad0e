"""From the tables of an allocation to the document that the finance office's files are drawn from.

Put here: names, titles and remarks of payees, of an engine alone and of the road. Keep out: layout, rounding, files.
"""

from collections.abc import Mapping

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.notice import Notice
from data_contracts.closed import Bilingual
from data_contracts.messages import LANGUAGES, both, text
from evaluations.allocation.accounts import PENDING
from evaluations.allocation.lines import FUND
from evaluations.allocation.payment import (
    KEYS,
    OFFSET,
    PAYABLE,
    ROWS_SCHEMA,
    USES,
    Payment,
    by_source,
    payment_of,
    printed,
    with_scores,
    with_standard,
)
from evaluations.allocation.settling import SETTLEMENT
from reports import format as shown
from reports import money_data
from reports.context import ReportContext
from reports.finance_document import FinanceDocument, Key, SourceView
from reports.site_data import Frames

_PER_WAN = 10_000
_FAMILIES = "family_total"
_KIND = "finance.kind."
_BOUNDS = ("floor", "cap")
_TABLES = ("payees", "lines", "sources", "settlement", "standard", "performance")


def document_of_spec(spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> FinanceDocument:
    """The document of an engine alone. `tables`: of its result, lines with `words_zh` and `words_en`."""
    payment = payment_of(tables)
    notice = spec.notice or Notice()
    coarse = printed(payment, _PER_WAN * 100 // 10**notice.decimals)
    return FinanceDocument(
        allocation_id=spec.id,
        titles=spec.titles,
        period=str(spec.year),
        references=spec.references,
        rows=payment.rows,
        sources=payment.sources,
        coarse_rows=coarse.rows,
        coarse_sources=coarse.sources,
        lines=tables["lines"],
        names=_names(spec, payment.rows),
        kinds=_kinds(payment.rows),
        streams={stream.id: stream.titles or Bilingual(zh=stream.id, en=stream.id) for stream in spec.streams},
        source_views=_sources_of(spec),
        remarks=_remarks(tables["payees"]),
        notice=notice,
    )


def document_of_road(context: ReportContext, frames: Frames, spec: AllocationSpec | None = None) -> FinanceDocument:
    """The document of a period's allocation on the road. Raises ValueError where the period has none.

    Also where payees do not sum to the money that was to be divided. `spec`: the rules of the year, for its sources and
    its notice.
    """
    own = {name: _of_period(context, frames, f"alloc__{name}") for name in _TABLES}
    payees, lines = own["payees"], own["lines"]
    if payees.is_empty() or context.allocation is None:
        raise ValueError(f"there is no allocation for {context.period}; the finance workbook needs one")
    if int(payees["amount_fen"].sum()) != context.allocation.budget_minor:
        raise ValueError("payees do not add up to the sum to be divided; no table for the finance office")
    titles = money_data.payee_titles(context, frames)
    payment = payment_of_road(own)
    notice = spec.notice if spec is not None and spec.notice is not None else Notice()
    coarse = printed(payment, _PER_WAN * 10**context.currency.decimals // 10**notice.decimals)
    rule_sets = {
        language: " · ".join(title.get(language) for title in context.rule_sets.values()) for language in LANGUAGES
    }
    kinds = payees["payee_kind"].unique(maintain_order=True)
    return FinanceDocument(
        allocation_id=str(payees["allocation_id"][0]),
        titles=Bilingual(**both("finance.road", home={"zh": context.home.zh, "en": context.home.en})),
        period=context.period,
        references=context.allocation.references,
        rows=payment.rows,
        sources=payment.sources,
        coarse_rows=coarse.rows,
        coarse_sources=coarse.sources,
        lines=_lines_of_road(lines, context.currency.major),
        names={key: title["zh"] for key, title in titles.items()},
        kinds={kind: Bilingual(**money_data.payee_kind_title(context, kind)) for kind in kinds},
        streams={stream: Bilingual(**title) for stream, title in money_data.stream_titles(context, frames).items()},
        source_views=_sources_of(spec) if spec is not None else {},
        remarks={**_remarks(payees), **_of_year(payees, context)},
        notice=notice,
        currency=context.currency,
        basis=Bilingual(**both("finance.foot.basis", period=_period(context))),
        issued_as=Bilingual(**both("finance.foot.release", release=context.release_id, rule_set=rule_sets)),
        detailed=True,
        split=payment.split,
    )


def _period(context: ReportContext) -> dict[str, str]:
    return {language: shown.period(context.period, language) for language in LANGUAGES}


def _sources_of(spec: AllocationSpec) -> dict[str, SourceView]:
    return {
        source.id: SourceView(
            source.kind, source.titles or Bilingual(**both(f"finance.source.{source.kind}")), source.reference
        )
        for source in spec.sources
    }


def _of_period(context: ReportContext, frames: Frames, name: str) -> pl.DataFrame:
    frame = frames.get(name)
    if frame is None:
        return pl.DataFrame()
    own = frame.filter(pl.col("period") == context.period)
    places = [column for column in ("line_no", "line_id", "stream", "source") if column in own.columns]
    return own.sort(pl.col("payee_kind") == FUND, *KEYS, *places)


def payment_of_road(frames: Mapping[str, pl.DataFrame]) -> Payment:
    """Released payees as a payment: what is due so far in the year, paid before and paid now, which sources pay.

    `frames`: released payees, sources, settlement, standard and performance of one period. Where settings keep no
    record of what was really paid, paid before is what the rules say for the earlier periods. Funds stand on the same
    footing as all others, so that what is due to all, less what was paid to all, is paid now: nothing of the budget is
    due to the fund that keeps what payees set off, and their balances, claw-backs and debts stand in its row once more,
    with the opposite sign. Raises ValueError where that is not so.
    """
    payees, settlement = frames["payees"], frames["settlement"]
    rows = payees.select(
        *KEYS, "population", due_fen="paid_due_fen", prepaid_fen="paid_before_fen", payable_fen="amount_fen"
    )
    if settlement.height:
        names = ["due_fen", *USES, OFFSET]
        known = settlement.select(*KEYS, *(pl.col(name).alias(f"_{name}") for name in names))
        own = {name: [name] if name in rows.columns else [] for name in names}
        rows = rows.join(known, on=KEYS, how="left", maintain_order="left").with_columns(
            pl.coalesce(f"_{name}", *there).alias(name) for name, there in own.items()
        )
        rows = _with_counterpart(rows, settlement)
    if rows.select(pl.col("due_fen") - pl.col("prepaid_fen") - pl.col("payable_fen")).sum().item():
        raise ValueError("due to all payees, less paid before, does not add up to what is paid now")
    rows = with_scores(with_standard(rows, _standard(frames["standard"])), frames["performance"])
    lacking = [pl.lit(None).alias(name) for name in ROWS_SCHEMA if name not in rows.columns]
    rows = rows.with_columns(lacking).select(list(ROWS_SCHEMA)).cast(ROWS_SCHEMA)  # type: ignore[arg-type]
    sources = frames["sources"]
    return Payment(rows, by_source(sources if sources.height else None), PAYABLE)


def _with_counterpart(rows: pl.DataFrame, settlement: pl.DataFrame) -> pl.DataFrame:
    """Rows with what payees set off and owe against the fund that keeps it, which is due nothing."""
    ours = (pl.col("payee_kind") == FUND) & (pl.col("payee_id") == SETTLEMENT)
    back = {name: -int(settlement[name].sum()) for name in ("carried_over_fen", "claw_back_fen", OFFSET)}
    return rows.with_columns(
        pl.when(ours).then(0).otherwise("due_fen").alias("due_fen"),
        *(pl.when(ours).then(amount).otherwise(name).alias(name) for name, amount in back.items()),
    )


def _standard(frame: pl.DataFrame) -> pl.DataFrame | None:
    """Figures of standards as text without trailing zeros."""
    names = ("population", "standard_yuan", "score", "coefficient")
    plain = [pl.col(name).cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".") for name in names]
    return None if frame.is_empty() else frame.with_columns(plain)


def _lines_of_road(lines: pl.DataFrame, major: Bilingual) -> pl.DataFrame:
    """Released lines with their sentences and figures as text."""
    quantity = pl.col("quantity").cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".")
    return money_data.worded(lines, major).with_columns(quantity)


def _of_year(payees: pl.DataFrame, context: ReportContext) -> dict[Key, str]:
    """Money of the year where not all of it is due yet, and funds that are not of the year."""
    said = {}
    columns = (*KEYS, "bound", "year_fen", "paid_due_fen")
    for kind, payee, bound, amount, due in payees.select(columns).iter_rows():
        if kind == FUND and payee in (PENDING, SETTLEMENT):
            said[kind, payee] = text(f"finance.remark.{payee}", "zh")
        elif amount != due:
            words = text("finance.remark.of_year", "zh", year=shown.money(amount, context.currency, "zh"))
            said[kind, payee] = f"{text(f'finance.remark.{bound}', 'zh')}；{words}" if bound in _BOUNDS else words
    return said


def _names(spec: AllocationSpec, rows: pl.DataFrame) -> dict[Key, str]:
    """What payees are called: by the table of payees, funds by their streams, families by their community."""
    known = {payee: name for kind, payee, name in rows.select(*KEYS, "name").iter_rows() if name is not None}
    names = {}
    for kind, payee, name in rows.select(*KEYS, "name").iter_rows():
        if kind == FUND:
            names[kind, payee] = spec.fund_title(payee).zh
        elif kind == _FAMILIES:
            names[kind, payee] = text("finance.family", "zh", name=known.get(payee, payee))
        else:
            names[kind, payee] = name or payee
    return names


def _kinds(rows: pl.DataFrame) -> dict[str, Bilingual]:
    return {kind: Bilingual(**both(f"{_KIND}{kind}")) for kind in rows["payee_kind"].unique(maintain_order=True)}


def _remarks(payees: pl.DataFrame) -> dict[Key, str]:
    remarks = {}
    for kind, payee, bound in payees.select(*KEYS, "bound").iter_rows():
        word = {FUND: "fund", _FAMILIES: "families"}.get(kind) or (bound if bound in _BOUNDS else None)
        if word is not None:
            remarks[kind, payee] = text(f"finance.remark.{word}", "zh")
    return remarks

"""The finance office's workbook: allocation table in customary form, its lines in words, control totals.

Put here: layout of the three sheets. Keep out: how money is divided, and formulas (values only).
"""

from pathlib import Path
from typing import Any

import polars as pl

from data_contracts.messages import both, text
from reports import format as shown
from reports import money_data, sheets
from reports import site_data as data
from reports.context import ReportContext

Pair = dict[str, str]


def write_finance_workbook(context: ReportContext, frames: data.Frames, path: Path) -> Path:
    """Write the workbook of the allocation of `context.period` and return its path.

    Uses alloc__payees, alloc__lines and areas. Amounts stand in major units and, for control, as integer minor
    units. Raises ValueError when the period has no allocation or its lines do not add up to payees and budget.
    """
    payees, lines = _rows(context, frames)
    budget = context.allocation.budget_minor if context.allocation else int(payees["amount_fen"].sum())
    _refuse_unequal(payees, lines, budget)
    names, streams = money_data.payee_titles(context, frames), money_data.stream_titles(context, frames)
    title = text("reports.finance.title", "zh", home=context.home.zh, period=shown.period(context.period, "zh"))
    with sheets.workbook(path, title) as book:
        formats = _formats(book, context)
        _payee_sheet(book, formats, context, payees, lines, names, streams)
        _line_sheet(book, formats, context, lines, names, streams)
        _control_sheet(book, formats, context, payees, lines, streams, budget)
    return path


def _rows(context: ReportContext, frames: data.Frames) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = [data.table(frames, name) for name in ("alloc__payees", "alloc__lines")]
    parts = [frame.filter(pl.col("period") == context.period) for frame in found if frame is not None]
    if len(parts) < 2 or parts[0].is_empty():
        raise ValueError(f"there is no allocation for {context.period}; the finance workbook needs one")
    return (
        parts[0].sort("payee_kind", "payee_id"),
        parts[1].sort("payee_kind", "payee_id", "line_no", "line_id"),
    )


def _refuse_unequal(payees: pl.DataFrame, lines: pl.DataFrame, budget: int) -> None:
    keys = ["payee_kind", "payee_id"]
    sums = lines.group_by(keys).agg(lines=pl.col("amount_fen").sum())
    joined = payees.join(sums, on=keys, how="full", coalesce=True).fill_null(0).sort(keys)
    wrong = joined.filter(pl.col("amount_fen") != pl.col("lines"))
    if wrong.height:
        raise ValueError(f"lines of payee {wrong['payee_id'][0]} do not add up to its amount; no workbook written")
    if int(payees["amount_fen"].sum()) != budget:
        raise ValueError("payees do not add up to the sum to be divided; no workbook written")


def _formats(book: Any, context: ReportContext) -> dict[str, Any]:
    decimals = context.currency.decimals
    amount = "#,##0" + ("." + "0" * decimals if decimals else "")
    cell = {"border": 1}
    return {
        "title": sheets.style(book, bold=True, font_size=18, align="center"),
        "english": sheets.style(book, font_size=11, align="center", font_color="#555555"),
        "right": sheets.style(book, align="right"),
        "left": sheets.style(book),
        "small": sheets.style(book, font_size=9, font_color="#555555"),
        "header": sheets.style(book, bold=True, align="center", text_wrap=True, bg_color="#EEF2F5", **cell),
        "header_en": sheets.style(
            book, font_size=9, align="center", text_wrap=True, bg_color="#EEF2F5", font_color="#555555", **cell
        ),
        "text": sheets.style(book, **cell),
        "wrapped": sheets.style(book, text_wrap=True, **cell),
        "id": sheets.style(book, num_format="@", **cell),
        "count": sheets.style(book, num_format="#,##0", **cell),
        "quantity": sheets.style(book, num_format="#,##0.######", **cell),
        "major": sheets.style(book, num_format=amount, **cell),
        "minor": sheets.style(book, num_format="0", font_color="#555555", **cell),
        "total_text": sheets.style(book, bold=True, **cell),
        "total_count": sheets.style(book, bold=True, num_format="#,##0", **cell),
        "total_major": sheets.style(book, bold=True, num_format=amount, **cell),
        "total_minor": sheets.style(book, bold=True, num_format="0", **cell),
    }


def _amount_titles(context: ReportContext) -> list[Pair]:
    currency = context.currency
    return [
        {lang: text("reports.finance.amount_major", lang, major=currency.major.get(lang)) for lang in ("zh", "en")},
        {lang: text("reports.finance.amount_minor", lang, minor=currency.minor.get(lang)) for lang in ("zh", "en")},
    ]


def _opening(sheet: Any, formats: dict[str, Any], context: ReportContext, name: str, titles: list[Pair]) -> int:
    """Title, English title, unit line and the two header rows; returns the first row of data."""
    last = len(titles) - 1
    for row, (language, look) in enumerate((("zh", "title"), ("en", "english"))):
        heading = text(
            "reports.finance.title",
            language,
            home=context.home.get(language),
            period=shown.period(context.period, language),
        )
        sheet.merge_range(row, 0, row, last, f"{heading} · {text(name, language)}", formats[look])
    unit = text("reports.finance.unit", "zh", major=context.currency.major.zh)
    sheets.put_text(sheet, 2, last, unit, formats["right"])
    sheets.put_headers(sheet, 3, [title["zh"] for title in titles], formats["header"])
    sheets.put_headers(sheet, 4, [title["en"] for title in titles], formats["header_en"])
    sheet.set_row(0, 30)
    sheet.set_row(3, 32)
    sheet.set_row(4, 26)
    sheet.freeze_panes(5, 3)
    sheet.repeat_rows(3, 4)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
    sheet.set_footer("&C&P / &N")
    return 5


def _major(context: ReportContext, amount: int) -> float:
    # A cell holds a double; the integer column beside it is the control.
    return float(shown.major(amount, context.currency))


def _payee_sheet(
    book: Any,
    formats: dict[str, Any],
    context: ReportContext,
    payees: pl.DataFrame,
    lines: pl.DataFrame,
    names: dict[tuple[str, str], Pair],
    streams: dict[str, Pair],
) -> None:
    sheet = book.add_worksheet(text("reports.finance.sheet.payees", "zh"))
    fixed = [both(f"reports.finance.{key}") for key in ("serial", "payee", "code", "kind", "area_type", "population")]
    total = both("reports.finance.total")
    amounts = [{lang: f"{total[lang]} · {pair[lang]}" for lang in pair} for pair in _amount_titles(context)]
    titles = [*fixed, *streams.values(), *amounts, both("reports.finance.bound")]
    row = first = _opening(sheet, formats, context, "reports.finance.sheet.payees", titles)
    by_stream = _stream_sums(lines, payees, list(streams))
    for record in by_stream.iter_rows(named=True):
        kind, payee = record["payee_kind"], record["payee_id"]
        sheets.put_number(sheet, row, 0, row - first + 1, formats["count"])
        sheets.put_text(sheet, row, 1, names[(kind, payee)]["zh"], formats["text"])
        sheets.put_text(sheet, row, 2, payee, formats["id"])
        sheets.put_text(sheet, row, 3, money_data.payee_kind_title(context, kind)["zh"], formats["text"])
        sheets.put_text(sheet, row, 4, _settlement(record["is_rural"]), formats["text"])
        sheets.put_number(sheet, row, 5, data.plain(record["population"]), formats["count"])
        for order, stream in enumerate(streams):
            sheets.put_number(sheet, row, 6 + order, _major(context, record[f"stream:{stream}"]), formats["major"])
        at = 6 + len(streams)
        sheets.put_number(sheet, row, at, _major(context, record["amount_fen"]), formats["major"])
        sheets.put_number(sheet, row, at + 1, record["amount_fen"], formats["minor"])
        bound = text(f"reports.bound.{record['bound']}", "zh") if record["bound"] else ""
        sheets.put_text(sheet, row, at + 2, bound, formats["text"])
        row += 1
    _total_row(sheet, formats, context, row, by_stream, list(streams))
    _foot(sheet, formats, context, row + 2)
    sheets.fit(sheet, [6, 26, 18, 12, 8, 12, *[16] * len(streams), 18, 18, 12])


def _stream_sums(lines: pl.DataFrame, payees: pl.DataFrame, streams: list[str]) -> pl.DataFrame:
    """Payees with one integer column `stream:<id>` per stream, 0 where a payee has no line of it."""
    keys = ["payee_kind", "payee_id"]
    sums = lines.group_by(keys).agg(
        pl.col("amount_fen").filter(pl.col("stream") == stream).sum().alias(f"stream:{stream}") for stream in streams
    )
    return payees.join(sums, on=keys, how="left", maintain_order="left").with_columns(
        pl.col([f"stream:{stream}" for stream in streams]).fill_null(0)
    )


def _settlement(is_rural: bool | None) -> str:
    if is_rural is None:
        return ""
    return text("reports.js.rural" if is_rural else "reports.js.urban", "zh")


def _total_row(
    sheet: Any, formats: dict[str, Any], context: ReportContext, row: int, table: pl.DataFrame, streams: list[str]
) -> None:
    for column in range(6 + len(streams) + 3):
        sheets.put_text(sheet, row, column, "", formats["total_text"])
    sheets.put_text(sheet, row, 1, text("reports.finance.total", "zh"), formats["total_text"])
    sheets.put_number(sheet, row, 5, data.plain(table["population"].sum()), formats["total_count"])
    for order, stream in enumerate(streams):
        amount = int(table[f"stream:{stream}"].sum())
        sheets.put_number(sheet, row, 6 + order, _major(context, amount), formats["total_major"])
    total = int(table["amount_fen"].sum())
    sheets.put_number(sheet, row, 6 + len(streams), _major(context, total), formats["total_major"])
    sheets.put_number(sheet, row, 7 + len(streams), total, formats["total_minor"])


def _foot(sheet: Any, formats: dict[str, Any], context: ReportContext, row: int) -> None:
    references = context.allocation.references if context.allocation else ()
    if references:
        words = text("reports.finance.references", "zh", references="；".join(references))
        sheets.put_text(sheet, row, 0, words, formats["small"])
        row += 1
    for language in ("zh", "en"):
        rule_sets = " · ".join(title.get(language) for title in context.rule_sets.values())
        words = text("reports.finance.release", language, release=context.release_id, rule_set=rule_sets)
        sheets.put_text(sheet, row, 0, words, formats["small"])
        row += 1
    sheets.put_text(sheet, row + 1, 0, text("reports.finance.signatures", "zh"), formats["left"])
    sheets.put_text(sheet, row + 2, 0, text("reports.finance.signatures", "en"), formats["small"])


def _line_sheet(
    book: Any,
    formats: dict[str, Any],
    context: ReportContext,
    lines: pl.DataFrame,
    names: dict[tuple[str, str], Pair],
    streams: dict[str, Pair],
) -> None:
    sheet = book.add_worksheet(text("reports.finance.sheet.lines", "zh"))
    keys = ("serial", "payee", "code", "kind", "line", "stream", "reason", "reason_en", "quantity", "rate")
    titles = [*(both(f"reports.finance.{key}") for key in keys), *_amount_titles(context)]
    first = _opening(sheet, formats, context, "reports.finance.sheet.lines", titles)
    for row, record in enumerate(lines.iter_rows(named=True), start=first):
        key = (record["payee_kind"], record["payee_id"])
        name = names[key]["zh"]
        kind = money_data.payee_kind_title(context, key[0])["zh"]
        words = [
            money_data.sentence(record["sentence_id"], record["sentence_params"], language) for language in ("zh", "en")
        ]
        sheets.put_number(sheet, row, 0, row - first + 1, formats["count"])
        for column, value in enumerate((name, key[1], kind), start=1):
            sheets.put_text(sheet, row, column, value, formats["id"])
        sheets.put_number(sheet, row, 4, record["line_no"], formats["count"])
        sheets.put_text(sheet, row, 5, streams[record["stream"]]["zh"], formats["text"])
        sheets.put_text(sheet, row, 6, words[0], formats["wrapped"])
        sheets.put_text(sheet, row, 7, words[1], formats["wrapped"])
        sheets.put_number(sheet, row, 8, data.plain(record["quantity"]), formats["quantity"])
        sheets.put_text(sheet, row, 9, record["rate"], formats["id"])
        sheets.put_number(sheet, row, 10, _major(context, record["amount_fen"]), formats["major"])
        sheets.put_number(sheet, row, 11, record["amount_fen"], formats["minor"])
    sheet.autofilter(first - 1, 0, first - 1 + lines.height, len(titles) - 1)
    sheets.fit(sheet, [6, 26, 18, 12, 6, 16, 46, 46, 14, 14, 18, 18])


def _control_sheet(
    book: Any,
    formats: dict[str, Any],
    context: ReportContext,
    payees: pl.DataFrame,
    lines: pl.DataFrame,
    streams: dict[str, Pair],
    budget: int,
) -> None:
    sheet = book.add_worksheet(text("reports.finance.sheet.control", "zh"))
    item = both("reports.finance.item")
    titles = [item, {"zh": item["en"], "en": ""}, *_amount_titles(context)]
    row = _opening(sheet, formats, context, "reports.finance.sheet.control", titles)
    paid, explained = int(payees["amount_fen"].sum()), int(lines["amount_fen"].sum())
    entries: list[tuple[Pair, int]] = []
    for stream, title in streams.items():
        amount = int(lines.filter(pl.col("stream") == stream)["amount_fen"].sum())
        entries.append((_named("reports.finance.control.stream", title), amount))
    for kind in sorted(payees["payee_kind"].unique().to_list()):
        amount = int(payees.filter(pl.col("payee_kind") == kind)["amount_fen"].sum())
        entries.append((_named("reports.finance.control.kind", money_data.payee_kind_title(context, kind)), amount))
    entries += [
        (both("reports.finance.control.lines"), explained),
        (both("reports.finance.control.payees"), paid),
        (both("reports.finance.control.budget"), budget),
        (both("reports.finance.control.difference"), budget - paid),
    ]
    for title, amount in entries:
        sheets.put_text(sheet, row, 0, title["zh"], formats["text"])
        sheets.put_text(sheet, row, 1, title["en"], formats["text"])
        sheets.put_number(sheet, row, 2, _major(context, amount), formats["major"])
        sheets.put_number(sheet, row, 3, amount, formats["minor"])
        row += 1
    _foot(sheet, formats, context, row + 1)
    sheets.fit(sheet, [36, 36, 22, 22])


def _named(message_id: str, title: Pair) -> Pair:
    return {language: text(message_id, language, name=title[language]) for language in ("zh", "en")}

"""The finance office's workbook in its customary form: the table in ten thousands and in full, streams, control totals.

Put here: layout of the sheets. Keep out: formulas (values only), how money is divided or rounded, the other files.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from data_contracts.finance import FinanceFile
from data_contracts.messages import both, text
from reports import format as shown
from reports import sheets
from reports.finance_columns import (
    Column,
    Pair,
    Scale,
    coarse_scale,
    columns_of,
    exact_scale,
    major_title,
    minor_title,
    source_title,
)
from reports.finance_document import FinanceDocument

_PER_WAN = 10_000
_LINE_HEIGHT = 13
# A Chinese character is about as wide as two of the digits that column widths are counted in, at the size of a foot.
_WIDE = 2
_SPACE = "\u3000" * 8


class _Looks:
    """Cell formats by name, each made once."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[tuple[tuple[str, Any], ...], Any]()

    def __call__(self, **options: Any) -> Any:
        key = tuple(sorted(options.items()))
        if key not in self._made:
            self._made[key] = sheets.style(self._book, **options)
        return self._made[key]

    def cell(self, **options: Any) -> Any:
        return self(border=1, **options)

    def head(self, **options: Any) -> Any:
        return self.cell(align="center", text_wrap=True, bg_color="#EEF2F5", **options)


def write_finance_workbook(document: FinanceDocument, file: FinanceFile, path: Path) -> Path:
    """Write the workbook and return its path; `file`: the same document for a finance system."""
    with sheets.workbook(path, _title(document, "zh")) as book:
        looks = _Looks(book)
        _table_sheet(book, looks, document, file, coarse_scale(document), "finance.sheet.coarse")
        _table_sheet(book, looks, document, file, exact_scale(document), "finance.sheet.exact")
        _stream_sheet(book, looks, document, file)
        if document.detailed:
            _line_sheet(book, looks, document, file)
        _control_sheet(book, looks, document, file)
    return path


def _title(document: FinanceDocument, language: str) -> str:
    own = document.notice.titles
    if own is not None:
        return own.get(language)
    if document.period in document.titles.get(language):
        return text("finance.title_alone", language, title=document.titles.get(language))
    period = shown.period(document.period, language)
    return text("finance.title", language, title=document.titles.get(language), period=period)


def _page(sheet: Any, header: tuple[int, int], frozen: int) -> None:
    """A4 across, header on every page, as wide as one page."""
    sheet.freeze_panes(header[1] + 1, frozen)
    sheet.repeat_rows(*header)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.center_horizontally()
    sheet.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.7)
    sheet.set_footer("&C— &P / &N —")


def _opening(sheet: Any, looks: _Looks, document: FinanceDocument, unit: Pair, last: int) -> None:
    """Title in both languages, number of the notice on the left, unit on the right."""
    sheet.merge_range(0, 0, 0, last, "", looks(bold=True, font_size=18, align="center"))
    sheets.put_text(sheet, 0, 0, _title(document, "zh"), looks(bold=True, font_size=18, align="center"))
    sheet.merge_range(1, 0, 1, last, "", looks(font_size=10, align="center", font_color="#555555"))
    sheets.put_text(sheet, 1, 0, _title(document, "en"), looks(font_size=10, align="center", font_color="#555555"))
    if document.notice.number:
        sheets.put_text(sheet, 2, 0, document.notice.number, looks())
    sheets.put_text(sheet, 2, last, text("finance.unit", "zh", unit=unit["zh"]), looks(align="right"))
    sheet.set_row(0, 30)


def _table_sheet(
    book: Any, looks: _Looks, document: FinanceDocument, file: FinanceFile, scale: Scale, name: str
) -> None:
    sheet = book.add_worksheet(text(name, "zh", unit=scale.unit["zh"]))
    columns = columns_of(document, scale)
    last, first = len(columns) - 1, 6
    _opening(sheet, looks, document, scale.unit, last)
    _table_head(sheet, looks, columns)
    _page(sheet, (3, 5), 2)
    end = first + scale.rows.height
    for at, column in enumerate(columns):
        _put(sheet, looks, first, at, column, column.values, scale)
        _put(sheet, looks, end, at, column, [column.total], scale, bold=True)
    residual = _residual(document, scale)
    widths = [column.width for column in columns]
    foot = _foot(sheet, looks, document, file, end + 1, widths, [residual] if residual else [])
    sheet.print_area(0, 0, foot, last)
    sheets.fit(sheet, widths)


def _put(
    sheet: Any, looks: _Looks, first: int, at: int, column: Column, values: Sequence[Any], scale: Scale, *,
    bold: bool = False,
) -> None:  # fmt: skip
    """Values of a column, from row `first` down. What is not known is a dash, zero is 0."""
    nothing = looks.cell(align="center", bold=bold)
    if column.kind == "words":
        look = looks.cell(num_format="@", bold=bold, text_wrap=True)
    else:
        look = looks.cell(bold=bold) if column.kind == "figure" else looks.cell(bold=bold, num_format=scale.cell_format)
    for row, value in enumerate(values, first):
        if value is None:
            sheets.put_text(sheet, row, at, shown.MISSING, nothing)
        elif column.kind == "words":
            sheets.put_text(sheet, row, at, value, look)
        else:
            number = float(value) if column.kind == "figure" else scale.value(value)
            sheets.put_number(sheet, row, at, number, look)


def _table_head(sheet: Any, looks: _Looks, columns: Sequence[Column]) -> None:
    """Two rows of Chinese, columns of a group under their common word, and a small one of English."""
    head, small = looks.head(bold=True), looks.head(font_size=8, font_color="#555555")
    grouped = [at for at, column in enumerate(columns) if column.group]
    for at, column in enumerate(columns):
        if column.group:
            sheets.put_text(sheet, 4, at, column.titles["zh"], head)
        else:
            sheet.merge_range(3, at, 4, at, "", head)
            sheets.put_text(sheet, 3, at, column.titles["zh"], head)
        sheets.put_text(sheet, 5, at, column.titles["en"], small)
    if grouped:
        word = columns[grouped[0]].group or {}
        if len(grouped) > 1:
            sheet.merge_range(3, grouped[0], 3, grouped[-1], "", head)
        sheets.put_text(sheet, 3, grouped[0], word.get("zh"), head)
    sheet.set_row(3, 20)
    sheet.set_row(4, 30)
    sheet.set_row(5, 22)


def _residual(document: FinanceDocument, scale: Scale) -> str | None:
    """How far the total of a sheet in a coarser unit is from the exact one, in words."""
    step = Decimal(_PER_WAN).scaleb(-scale.decimals)
    exact = shown.major(document.total, document.currency)
    found = int(scale.rows["due_fen"].sum()) * step - exact
    if scale.rows is document.rows or not found:
        return None
    more = text("finance.foot.more" if found > 0 else "finance.foot.less", "zh")
    return text("finance.foot.residual", "zh", unit=scale.unit["zh"], decimals=scale.decimals, more=more,
                amount=f"{abs(found):.{document.currency.decimals}f}", major=document.currency.major.zh)  # fmt: skip


def _foot(
    sheet: Any, looks: _Looks, document: FinanceDocument, file: FinanceFile, row: int, widths: Sequence[float],
    more: Sequence[str] = (),
) -> int:  # fmt: skip
    """Basis, marks, fingerprint, then the line of signatures, whose row is returned."""
    notice, last, width = document.notice, len(widths) - 1, int(sum(widths))
    words = [text("finance.foot.addressed", "zh", units=notice.addressed_to)] if notice.addressed_to else []
    words.append(text("finance.foot.references", "zh", references="；".join(document.references)))
    words += [
        text("finance.foot.source", "zh", source=source.title, reference=source.reference)
        for source in file.sources
        if source.reference
    ]
    direct = [source.title for source in file.sources if source.direct_funds]
    if direct:
        words.append(text("finance.foot.direct", "zh", sources="、".join(direct)))
    if notice.function_code:
        title = notice.function_title or ""
        words.append(text("finance.foot.function", "zh", code=notice.function_code, title=title).strip())
    if notice.use:
        words.append(text("finance.foot.use", "zh", use=notice.use))
    words += [*more, *(said.zh for said in (document.basis, document.issued_as) if said is not None)]
    words.append(text("finance.foot.hash", "zh", hash=file.control.table_hash))
    if document.draft:
        words.append(text("finance.foot.draft", "zh"))
    look = looks(font_size=9, font_color="#333333", text_wrap=True)
    for at, line in enumerate(words, row):
        sheet.merge_range(at, 0, at, last, "", look)
        sheets.put_text(sheet, at, 0, line, look)
        sheet.set_row(at, _LINE_HEIGHT * (1 + _WIDE * len(line) // width))
    at = row + len(words) + 1
    signatures = [text("finance.foot.signature", "zh", role=role) for role in notice.signatories]
    sheet.merge_range(at, 0, at, last, "", looks())
    sheets.put_text(sheet, at, 0, _SPACE.join(signatures), looks())
    sheet.set_row(at, 26)
    return at


def _plain_head(sheet: Any, looks: _Looks, titles: Sequence[Pair]) -> None:
    sheets.put_headers(sheet, 3, [title["zh"] for title in titles], looks.head(bold=True))
    sheets.put_headers(sheet, 4, [title["en"] for title in titles], looks.head(font_size=8, font_color="#555555"))
    sheet.set_row(3, 30)
    sheet.set_row(4, 22)


def _stream_sheet(book: Any, looks: _Looks, document: FinanceDocument, file: FinanceFile) -> None:
    """Payee by stream, and the sum in the minor unit as the control."""
    sheet = book.add_worksheet(text("finance.sheet.streams", "zh"))
    scale, streams = exact_scale(document), list(document.streams)
    titles = [
        *(both(f"finance.{word}") for word in ("serial", "payee", "code", "kind")),
        *({"zh": title.zh, "en": title.en} for title in document.streams.values()),
        both("finance.total"), both("finance.total_minor", minor=minor_title(document)),
    ]  # fmt: skip
    _opening(sheet, looks, document, scale.unit, len(titles) - 1)
    _plain_head(sheet, looks, titles)
    _page(sheet, (3, 4), 2)
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for line in file.lines:
        own = sums.setdefault((line.payee_kind, line.payee_id), dict.fromkeys(streams, 0))
        own[line.stream] += line.amount_fen
    nothing = dict.fromkeys(streams, 0)
    rows = [
        (str(payee.number), payee.name, payee.payee_id, document.kinds[payee.payee_kind].zh,
         [sums.get((payee.payee_kind, payee.payee_id), nothing)[stream] for stream in streams])
        for payee in file.payees
    ]  # fmt: skip
    whole = [sum(row[4][at] for row in rows) for at in range(len(streams))]
    rows.append(("", text("finance.total", "zh"), "", "", whole))
    for row, (number, *words, amounts) in enumerate(rows, 5):
        bold = row == len(rows) + 4
        sheets.put_text(sheet, row, 0, number, looks.cell(align="center", bold=bold))
        for at, word in enumerate(words, 1):
            sheets.put_text(sheet, row, at, word, looks.cell(num_format="@", bold=bold))
        for at, amount in enumerate([*amounts, sum(amounts)], 4):
            sheets.put_number(sheet, row, at, scale.value(amount), looks.cell(num_format=scale.cell_format, bold=bold))
        sheets.put_number(sheet, row, len(titles) - 1, sum(amounts), looks.cell(num_format="0", bold=bold))
    widths = [6, 26, 16, 14, *[15] * len(streams), 17, 18]
    _foot(sheet, looks, document, file, len(rows) + 5, widths)
    sheets.fit(sheet, widths)


def _line_sheet(book: Any, looks: _Looks, document: FinanceDocument, file: FinanceFile) -> None:
    """Every line with its reason in words."""
    sheet = book.add_worksheet(text("finance.sheet.lines", "zh"))
    scale = exact_scale(document)
    words = ("serial", "payee", "code", "kind", "line", "stream", "reason", "reason_en", "quantity", "rate")
    titles = [*(both(f"finance.{word}") for word in words), *_amount_titles(document)]
    _opening(sheet, looks, document, scale.unit, len(titles) - 1)
    _plain_head(sheet, looks, titles)
    _page(sheet, (3, 4), 2)
    for row, record in enumerate(document.lines.iter_rows(named=True), start=5):
        key = (record["payee_kind"], record["payee_id"])
        sheets.put_number(sheet, row, 0, row - 4, looks.cell(align="center"))
        for at, word in enumerate((document.names[key], key[1], document.kinds[key[0]].zh), 1):
            sheets.put_text(sheet, row, at, word, looks.cell(num_format="@"))
        sheets.put_number(sheet, row, 4, record["line_no"], looks.cell())
        sheets.put_text(sheet, row, 5, document.streams[record["stream"]].zh, looks.cell())
        for at, word in enumerate((record["words_zh"], record["words_en"]), 6):
            sheets.put_text(sheet, row, at, word, looks.cell(text_wrap=True))
        for at, word in enumerate((record["quantity"], record["rate"]), 8):
            sheets.put_text(sheet, row, at, word, looks.cell(num_format="@"))
        sheets.put_number(sheet, row, 10, scale.value(record["amount_fen"]), looks.cell(num_format=scale.cell_format))
        sheets.put_number(sheet, row, 11, record["amount_fen"], looks.cell(num_format="0"))
    sheet.autofilter(4, 0, 4 + len(file.lines), len(titles) - 1)
    sheets.fit(sheet, [6, 26, 16, 14, 6, 16, 46, 46, 14, 14, 18, 18])


def _amount_titles(document: FinanceDocument) -> list[Pair]:
    return [
        both("finance.amount_major", major=major_title(document)),
        both("finance.amount_minor", minor=minor_title(document)),
    ]


def _control_sheet(book: Any, looks: _Looks, document: FinanceDocument, file: FinanceFile) -> None:
    sheet = book.add_worksheet(text("finance.sheet.control", "zh"))
    scale = exact_scale(document)
    titles = [both("finance.item"), {"zh": both("finance.item")["en"], "en": ""}, *_amount_titles(document)]
    _opening(sheet, looks, document, scale.unit, len(titles) - 1)
    _plain_head(sheet, looks, titles)
    _page(sheet, (3, 4), 1)
    row = 5
    for title, amount in _control_sums(document, file):
        for at, language in enumerate(("zh", "en")):
            sheets.put_text(sheet, row, at, title[language], looks.cell())
        sheets.put_number(sheet, row, 2, scale.value(amount), looks.cell(num_format=scale.cell_format))
        sheets.put_number(sheet, row, 3, amount, looks.cell(num_format="0"))
        row += 1
    control = file.control
    for word, value in (("rows", control.payees), ("line_rows", control.lines), ("hash", control.table_hash)):
        title = both(f"finance.control.{word}")
        for at, language in enumerate(("zh", "en")):
            sheets.put_text(sheet, row, at, title[language], looks.cell())
        sheet.merge_range(row, 2, row, 3, "", looks.cell(num_format="@"))
        sheets.put_text(sheet, row, 2, value, looks.cell(num_format="@"))
        row += 1
    widths = [36, 36, 34, 34]
    _foot(sheet, looks, document, file, row + 1, widths)
    sheets.fit(sheet, widths)


def _control_sums(document: FinanceDocument, file: FinanceFile) -> list[tuple[Pair, int]]:
    lines, rows = document.lines, document.rows
    found = []
    for stream, own in document.streams.items():
        title = both("finance.control.stream", name={"zh": own.zh, "en": own.en})
        found.append((title, int(lines.filter(pl.col("stream") == stream)["amount_fen"].sum())))
    for kind in rows["payee_kind"].unique(maintain_order=True):
        title = both("finance.control.kind", name={"zh": document.kinds[kind].zh, "en": document.kinds[kind].en})
        found.append((title, int(rows.filter(pl.col("payee_kind") == kind)[document.split].sum())))
    for source in file.sources:
        title = both("finance.control.source", name=source_title(document, source.source))
        found.append((title, source.amount_fen))
    of_lines = int(lines["amount_fen"].sum())
    whole = file.control.due_fen if file.split_of == "due_fen" else file.control.payable_fen
    return [
        *found,
        (both("finance.control.lines"), of_lines),
        (both("finance.control.payees"), file.control.due_fen),
        *([(both("finance.control.prepaid"), int(rows["prepaid_fen"].sum()))] if rows["prepaid_fen"].count() else []),
        (both("finance.control.payable"), file.control.payable_fen),
        (both(f"finance.control.difference.{file.split_of}"), whole - of_lines),
    ]

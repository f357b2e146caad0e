"""The blank workbook a supplier fills in: headings, drop-downs, an example, notes and a dictionary.

Put here: layout of that workbook. Keep out: what a feed's dictionary says (data_contracts.dictionary).
"""

from pathlib import Path
from typing import Any

from data_contracts.closed import Bilingual
from data_contracts.contracts import EXAMPLE_HEADER
from data_contracts.dictionary import ColumnEntry, FeedEntry, RuleEntry
from data_contracts.messages import both, text
from reports import sheets

_ROWS_WITH_CHOICES = 5000
_NOTE_AUTHOR = "康衡"
_COLUMN_KEYS = (
    "column", "title_en", "type", "required", "allowed", "unit", "meaning", "meaning", "standard", "filled",
    "aliases", "missing", "rule", "kept",
)  # fmt: skip
_RULE_KEYS = ("rule", "severity", "rule_text", "rule_text", "rule_fix", "rule_fix")


def write_template(entry: FeedEntry, path: Path) -> Path:
    """Write the blank workbook and return its path. Sheets: data, dictionary, codes (only with code lists)."""
    with sheets.workbook(path, f"{entry.titles.zh} · {entry.key}") as book:
        look = {
            "header": sheets.style(book, bold=True, text_wrap=True, bg_color="#EEF2F5", border=1, num_format="@"),
            "required": sheets.style(book, bold=True, text_wrap=True, bg_color="#FBEEE3", border=1, num_format="@"),
            "example": sheets.style(book, italic=True, font_color="#888888", border=1, num_format="@"),
            "text": sheets.style(book, num_format="@"),
            "cell": sheets.style(book, text_wrap=True, border=1, valign="top"),
            "note": sheets.style(book, font_color="#B8520F"),
        }
        data_sheet = book.add_worksheet(entry.sheet or text("reports.template.data", "zh"))
        _dictionary_sheet(book, look, entry)
        ranges = _code_sheet(book, look, entry)
        _data_sheet(data_sheet, look, entry, ranges)
    return path


def _data_sheet(sheet: Any, look: dict[str, Any], entry: FeedEntry, ranges: dict[int, str]) -> None:
    first = entry.header_rows
    for column, item in enumerate(entry.columns):
        # Text cells, so that ids keep leading zeros and all their digits.
        sheet.set_column(column, column, max(12, 2 * len(item.header) + 4), look["text"])
        for row, part in enumerate(_header_parts(item.header, first)):
            sheets.put_text(sheet, row, column, part, look["required" if item.required else "header"])
        sheets.put_text(sheet, first, column, item.filled, look["example"])
        sheet.write_comment(0, column, _note(item), {"author": _NOTE_AUTHOR, "x_scale": 2, "y_scale": 1.4})
        if column in ranges:
            sheet.data_validation(
                first,
                column,
                _ROWS_WITH_CHOICES,
                column,
                {
                    "validate": "list",
                    "source": ranges[column],
                    "ignore_blank": not item.required,
                    "error_message": text("reports.template.pick", "zh"),
                },
            )
    mark = len(entry.columns)
    sheet.set_column(mark, mark, 24, look["text"])
    sheets.put_text(sheet, 0, mark, EXAMPLE_HEADER, look["note"])
    sheets.put_text(sheet, first, mark, text("reports.template.mark", "zh"), look["note"])
    sheet.freeze_panes(first, 0)


def _header_parts(header: str, rows: int) -> list[str]:
    """A header in as many rows as the feed has: `group/leaf` one above the other, a plain one in the first."""
    parts = header.split("/", rows - 1)
    return [*parts, *[""] * (rows - len(parts))]


def _note(item: ColumnEntry) -> str:
    """What the comment on a header says."""
    kind, needed = _pair("type", _type(item.type, "zh")), _pair("required", _yes(item, "zh"))
    parts = [item.titles.zh, item.meaning.zh, kind, needed]
    if item.unit:
        parts.append(_pair("unit", item.unit))
    if item.standard:
        parts.append(_pair("standard", item.standard))
    return "\n".join(part for part in parts if part)


def _pair(key: str, value: str) -> str:
    return f"{text(f'reports.template.{key}', 'zh')}：{value}"


def _type(kind: str, language: str) -> str:
    return text(f"reports.template.type.{kind}", language)


def _yes(item: ColumnEntry, language: str) -> str:
    answer = "yes" if item.required else "in_header" if item.in_header else "no"
    return text(f"reports.template.{answer}", language)


def _choices(item: ColumnEntry) -> list[Bilingual]:
    """The entries offered in a drop-down."""
    if item.type == "boolean":
        return [Bilingual(**both(f"reports.template.{word}")) for word in ("yes", "no")]
    return [code.titles for code in item.codes]


def _dictionary_sheet(book: Any, look: dict[str, Any], entry: FeedEntry) -> None:
    sheet = book.add_worksheet(text("reports.template.dictionary", "zh"))
    sheets.put_headers(sheet, 0, [_both(key) for key in _COLUMN_KEYS], look["header"])
    rows: list[tuple[str, ...]] = [_column_row(item) for item in entry.columns]
    for row, values in enumerate(rows, start=1):
        for column, value in enumerate(values):
            sheets.put_text(sheet, row, column, value, look["cell"])
    row = len(rows) + 2
    example = Bilingual(**both("reports.template.example"))
    sentences = [example, entry.purpose, entry.delivery, *entry.resends, *entry.corrections]
    for sentence in sentences:
        sheets.put_text(sheet, row, 0, sentence.zh, look["note"])
        sheets.put_text(sheet, row + 1, 0, sentence.en, look["note"])
        row += 2
    row += 1
    sheets.put_headers(sheet, row, [_both(key) for key in _RULE_KEYS], look["header"])
    for rule in entry.rules:
        row += 1
        for column, value in enumerate(_rule_row(rule)):
            sheets.put_text(sheet, row, column, value, look["cell"])
    sheet.freeze_panes(1, 1)
    sheets.fit(sheet, [22, 30, 30, 30, 36, 12, 46, 46, 30, 20, 30, 20, 40, 24])


def _column_row(item: ColumnEntry) -> tuple[str, ...]:
    return (
        item.header,
        item.titles.en,
        f"{_type(item.type, 'zh')} {_type(item.type, 'en')}",
        f"{_yes(item, 'zh')} {_yes(item, 'en')}",
        "；".join(f"{code.zh} ({code.en})" for code in _choices(item)),
        "、".join(unit for unit in (item.unit, *item.units) if unit),
        item.meaning.zh,
        item.meaning.en,
        # Alone in its cell the name of a code list may be a header of the feed, and its row be taken for one.
        _pair("standard", item.standard) if item.standard else "",
        item.example,
        "、".join(item.aliases),
        "、".join(item.missing),
        "\n".join(item.rules),
        _both(f"kept.{'yes' if item.kept else 'no'}"),
    )


def _rule_row(rule: RuleEntry) -> tuple[str, ...]:
    severity = _both(f"severity.{rule.severity}")
    return rule.id, severity, rule.titles.zh, rule.titles.en, rule.fix.zh, rule.fix.en


def _both(key: str) -> str:
    return f"{text(f'reports.template.{key}', 'zh')} {text(f'reports.template.{key}', 'en')}"


def _code_sheet(book: Any, look: dict[str, Any], entry: FeedEntry) -> dict[int, str]:
    """Write the lists behind the drop-downs; returns column position → cell range of its list."""
    coded = [(position, item) for position, item in enumerate(entry.columns) if _choices(item)]
    if not coded:
        return {}
    from xlsxwriter.utility import xl_range_abs

    name = text("reports.template.codes", "zh")
    sheet = book.add_worksheet(name)
    ranges = {}
    for column, (position, item) in enumerate(coded):
        choices = _choices(item)
        # No header of the feed: a reader that looks for the data must not find them here.
        sheets.put_text(sheet, 0, column, text("reports.template.choices", "zh", column=item.header), look["header"])
        for row, choice in enumerate(choices, start=1):
            sheets.put_text(sheet, row, column, choice.zh, look["cell"])
        ranges[position] = f"='{name}'!{xl_range_abs(1, column, len(choices), column)}"
        sheet.set_column(column, column, 20)
    return ranges

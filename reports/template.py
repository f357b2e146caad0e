"""The blank workbook a supplier fills in: headings, drop-downs, an example, notes and a dictionary.

Put here: layout of that workbook and the plain description it is made from. Keep out: reading contracts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_contracts.closed import Bilingual
from data_contracts.messages import catalogue, text
from reports import sheets

_ROWS_WITH_CHOICES = 5000
_NOTE_AUTHOR = "康衡"


@dataclass(frozen=True)
class TemplateColumn:
    """A column to fill in; `codes` are the entries offered in a drop-down, in order."""

    titles: Bilingual
    type: str
    required: bool
    meaning: Bilingual = field(default_factory=lambda: Bilingual(zh="", en=""))
    codes: tuple[Bilingual, ...] = ()
    unit: str = ""
    example: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class TemplateRule:
    """A rule of the feed and what to do about a violation."""

    rule_id: str
    titles: Bilingual
    fix: Bilingual


@dataclass(frozen=True)
class FeedTemplate:
    """Everything the blank workbook of a feed shows."""

    feed: str
    titles: Bilingual
    columns: Sequence[TemplateColumn]
    rules: Sequence[TemplateRule] = ()


def write_template(view: FeedTemplate, path: Path) -> Path:
    """Write the blank workbook and return its path. Sheets: data, dictionary, codes (only with code lists)."""
    with sheets.workbook(path, f"{view.titles.zh} · {view.feed}") as book:
        look = {
            "header": sheets.style(book, bold=True, text_wrap=True, bg_color="#EEF2F5", border=1, num_format="@"),
            "required": sheets.style(book, bold=True, text_wrap=True, bg_color="#FBEEE3", border=1, num_format="@"),
            "example": sheets.style(book, italic=True, font_color="#888888", border=1, num_format="@"),
            "text": sheets.style(book, num_format="@"),
            "cell": sheets.style(book, text_wrap=True, border=1, valign="top"),
            "note": sheets.style(book, font_color="#B8520F"),
        }
        data_sheet = book.add_worksheet(text("reports.template.data", "zh"))
        _dictionary_sheet(book, look, view)
        ranges = _code_sheet(book, look, view)
        _data_sheet(data_sheet, look, view, ranges)
    return path


def _data_sheet(sheet: Any, look: dict[str, Any], view: FeedTemplate, ranges: dict[int, str]) -> None:
    for column, item in enumerate(view.columns):
        # Text cells, so that ids keep leading zeros and all their digits.
        sheet.set_column(column, column, max(12, 2 * len(item.titles.zh) + 4), look["text"])
        sheets.put_text(sheet, 0, column, item.titles.zh, look["required" if item.required else "header"])
        sheets.put_text(sheet, 1, column, item.example, look["example"])
        sheet.write_comment(0, column, _note(item), {"author": _NOTE_AUTHOR, "x_scale": 2, "y_scale": 1.4})
        if column in ranges:
            sheet.data_validation(
                1,
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
    sheet.write_comment(
        1, 0, text("reports.template.example", "zh"), {"author": _NOTE_AUTHOR, "visible": False, "x_scale": 2}
    )
    sheet.freeze_panes(1, 0)


def _note(item: TemplateColumn) -> str:
    parts = [item.meaning.zh, item.meaning.en, _pair("type", _type(item.type, "zh"))]
    parts.append(_pair("required", text("reports.template.yes" if item.required else "reports.template.no", "zh")))
    if item.unit:
        parts.append(_pair("unit", item.unit))
    parts.extend(item.rules)
    return "\n".join(part for part in parts if part)


def _pair(key: str, value: str) -> str:
    return f"{text(f'reports.template.{key}', 'zh')}：{value}"


def _type(kind: str, language: str) -> str:
    message_id = f"reports.template.type.{kind}"
    return text(message_id, language) if message_id in catalogue() else kind


def _dictionary_sheet(book: Any, look: dict[str, Any], view: FeedTemplate) -> None:
    sheet = book.add_worksheet(text("reports.template.dictionary", "zh"))
    keys = ("column", "title_en", "type", "required", "allowed", "unit", "meaning", "rule")
    sheets.put_headers(sheet, 0, [_both(key) for key in keys], look["header"])
    row = 1
    for item in view.columns:
        required = "yes" if item.required else "no"
        values = (
            item.titles.zh,
            item.titles.en,
            f"{_type(item.type, 'zh')} {_type(item.type, 'en')}",
            f"{text(f'reports.template.{required}', 'zh')} {text(f'reports.template.{required}', 'en')}",
            "；".join(f"{code.zh} ({code.en})" for code in item.codes),
            item.unit,
            "\n".join(part for part in (item.meaning.zh, item.meaning.en) if part),
            "\n".join(item.rules),
        )
        for column, value in enumerate(values):
            sheets.put_text(sheet, row, column, value, look["cell"])
        row += 1
    sheets.put_text(sheet, row + 1, 0, text("reports.template.example", "zh"), look["note"])
    sheets.put_text(sheet, row + 2, 0, text("reports.template.example", "en"), look["note"])
    row += 4
    sheets.put_headers(
        sheet, row, [_both(key) for key in ("rule", "rule_text", "rule_text", "rule_fix", "rule_fix")], look["header"]
    )
    for rule in view.rules:
        row += 1
        for column, value in enumerate((rule.rule_id, rule.titles.zh, rule.titles.en, rule.fix.zh, rule.fix.en)):
            sheets.put_text(sheet, row, column, value, look["cell"])
    sheet.freeze_panes(1, 1)
    sheets.fit(sheet, [22, 30, 30, 30, 36, 12, 46, 40])


def _both(key: str) -> str:
    return f"{text(f'reports.template.{key}', 'zh')} {text(f'reports.template.{key}', 'en')}"


def _code_sheet(book: Any, look: dict[str, Any], view: FeedTemplate) -> dict[int, str]:
    """Write the lists behind the drop-downs; returns column position → cell range of its list."""
    coded = [(position, item) for position, item in enumerate(view.columns) if item.codes]
    if not coded:
        return {}
    from xlsxwriter.utility import xl_range_abs

    name = text("reports.template.codes", "zh")
    sheet = book.add_worksheet(name)
    ranges = {}
    for column, (position, item) in enumerate(coded):
        sheets.put_text(sheet, 0, column, item.titles.zh, look["header"])
        for row, code in enumerate(item.codes, start=1):
            sheets.put_text(sheet, row, column, code.zh, look["cell"])
        ranges[position] = f"='{name}'!{xl_range_abs(1, column, len(item.codes), column)}"
        sheet.set_column(column, column, 20)
    return ranges

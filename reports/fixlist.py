"""The list a supplier works through: what is wrong in a file, where, and what to do about it.

Put here: writing the list as XLSX, CSV and JSON. Keep out: finding the faults, and values of persons.
"""

import csv
import io
import json
from pathlib import Path

import polars as pl

from data_contracts.messages import LANGUAGES, catalogue, text
from reports import sheets
from reports.harmless import harmless

COLUMNS = (
    "file", "sheet", "line_no", "record_no", "column_title", "rule_id",
    "severity", "message_zh", "message_en", "fix_zh", "fix_en",
)  # fmt: skip
_NUMBERS = ("line_no", "record_no")
_WIDTHS = (34, 14, 8, 8, 18, 22, 8, 46, 46, 46, 46)
# Nobody works through more rows by hand, and a sheet holds no more than a million; the other two files have all.
_MOST_ROWS = 20_000


def write_fix_list(rows: pl.DataFrame, out_dir: Path, base_name: str) -> list[Path]:
    """Write `<base_name>.xlsx`, `.csv` and `.json` into `out_dir` and return the three paths.

    The workbook shows the first rows of a very long list and says how many more the other two have. `rows` must have
    exactly the columns of COLUMNS, so that no other column of a file can slip in; ValueError names the first that is
    missing or not allowed. Rows keep their order.
    """
    wrong = [name for name in COLUMNS if name not in rows.columns] or [
        name for name in rows.columns if name not in COLUMNS
    ]
    if wrong:
        raise ValueError(f"fix list: column '{wrong[0]}' is missing or not allowed; columns are {', '.join(COLUMNS)}")
    records = rows.select(COLUMNS).rows(named=True)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = _paths(out_dir, base_name)
    shown = records if len(records) <= _MOST_ROWS else [_more(len(records)), *records[:_MOST_ROWS]]
    _write_xlsx(shown, paths[0])
    paths[1].write_bytes(_csv(records))
    paths[2].write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    return paths


def remove_fix_list(out_dir: Path, base_name: str) -> None:
    """Take away the three files of an earlier list, as far as they are there."""
    for path in _paths(out_dir, base_name):
        path.unlink(missing_ok=True)


def _paths(out_dir: Path, base_name: str) -> list[Path]:
    return [out_dir / f"{base_name}{suffix}" for suffix in (".xlsx", ".csv", ".json")]


def _titles() -> list[str]:
    ids = {"sheet": "reports.fix.sheet_name"}
    return [text(ids.get(name, f"reports.fix.{name}"), "zh") for name in COLUMNS]


def _more(rows: int) -> dict[str, object]:
    """The row that stands for those the workbook leaves out."""
    words = {f"message_{name}": text("accounting_fix_more", name, shown=_MOST_ROWS, rows=rows) for name in LANGUAGES}
    return {**dict.fromkeys(COLUMNS), "severity": "warning", **words}


def _severity(value: object) -> object:
    message_id = f"reports.fix.severity.{value}"
    return text(message_id, "zh") if message_id in catalogue() else value


def _write_xlsx(records: list[dict[str, object]], path: Path) -> None:
    name = text("reports.fix.sheet", "zh")
    with sheets.workbook(path, name) as book:
        sheet = book.add_worksheet(name)
        header = sheets.style(book, bold=True, text_wrap=True, bg_color="#EEF2F5", border=1)
        cell = sheets.style(book, text_wrap=True, border=1)
        sheets.put_headers(sheet, 0, _titles(), header)
        for row, record in enumerate(records, start=1):
            for column, key in enumerate(COLUMNS):
                value = _severity(record[key]) if key == "severity" else record[key]
                put = sheets.put_number if key in _NUMBERS else sheets.put_text
                put(sheet, row, column, value, cell)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(records), len(COLUMNS) - 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheets.fit(sheet, _WIDTHS)


def _csv(records: list[dict[str, object]]) -> bytes:
    """With a byte-order mark, since people open this file in a spreadsheet program."""
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(_titles())
    for record in records:
        shown = {**record, "severity": _severity(record["severity"])}
        writer.writerow(["" if shown[key] is None else harmless(str(shown[key])) for key in COLUMNS])
    return stream.getvalue().encode("utf-8-sig")

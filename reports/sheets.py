"""Workbooks that hold values only and come out byte for byte the same: one way to open, write and close them.

Put here: the safe options of the writer and cell formats shared by all workbooks. Keep out: what a sheet contains.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# A workbook states when it was made; a fixed moment keeps equal content equal in bytes.
_CREATED = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_FONT = "SimSun"
_LONGEST_CELL = 32_767


@contextmanager
def workbook(path: Path, title: str) -> Iterator[Any]:
    """An open workbook that treats every text as text; closed and written on leaving the block."""
    import xlsxwriter

    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": title, "created": _CREATED})
    try:
        yield book
    finally:
        book.close()


def style(book: Any, **options: Any) -> Any:
    """A cell format in the house font."""
    return book.add_format({"font_name": _FONT, "font_size": 11, "valign": "vcenter", **options})


def put_text(sheet: Any, row: int, column: int, value: object, cell_format: Any) -> None:
    """Write `value` as text whatever it looks like (ids keep leading zeros, `=` starts no formula)."""
    shown = "" if value is None else str(value)
    if shown:
        sheet.write_string(row, column, shown[:_LONGEST_CELL], cell_format)
    else:
        sheet.write_blank(row, column, None, cell_format)


class _Shortest(float):
    """A number that is written with the fewest digits that mean it: 8388608.11, not 8388608.109999999."""

    def __format__(self, spec: str) -> str:
        return repr(float(self))


def put_number(sheet: Any, row: int, column: int, value: Any, cell_format: Any) -> None:
    """Write a number, or an empty cell for None."""
    if value is None:
        sheet.write_blank(row, column, None, cell_format)
    else:
        sheet.write_number(row, column, _Shortest(value) if isinstance(value, float) else value, cell_format)


def put_headers(sheet: Any, row: int, titles: Sequence[str], cell_format: Any) -> None:
    """Write one header row."""
    for column, title in enumerate(titles):
        put_text(sheet, row, column, title, cell_format)


def fit(sheet: Any, widths: Sequence[float]) -> None:
    """Set column widths in characters, from the first column on."""
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)

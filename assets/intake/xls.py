"""Workbooks of the old binary form (.xls, also .et) to a grid.

Put here: what the cells of such a workbook are. Keep out: headers, records and types (grids.py).
"""

import struct
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any

from assets.intake import cellvalues
from assets.intake.blocks import Block
from assets.intake.findings import FileRefused
from assets.intake.grids import Grid, Merged, cell_name, filled_grid, grid_block
from assets.intake.headers import ROWS_LOOKED_AT
from assets.intake.reading import Reading
from assets.intake.tables import HIDDEN, VISIBLE, Table, chosen
from data_contracts.settings.limits import Limits

_TEXT, _NUMBER, _DATE, _BOOLEAN, _ERROR = 1, 2, 3, 4, 5
# Records of the form: kind and length in front; of a formula row, column, style and result.
_RECORD, _FORMULA_HEAD = struct.Struct("<HH"), struct.Struct("<HHH8s")
_NOTHING = 3
_FORMULA, _BOUND_SHEET, _BEGIN, _RECALCULATED = 0x0006, 0x0085, 0x0809, 0x01C1


class OldWorkbook:
    """An .xls workbook."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._book = _opened(data)
        self._formulas = _uncalculated(data)
        self._limits = limits

    def tables(self) -> list[Table]:
        """Its sheets."""
        return [
            Table(sheet.name, VISIBLE if sheet.visibility == 0 else HIDDEN, partial(self._first_rows, sheet))
            for sheet in self._book.sheets()
        ]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """The records of the sheet that holds the feed."""
        name = chosen(self.tables(), reading)
        sheet = self._book.sheet_by_name(name)
        if sheet.number in self._formulas:
            place = cell_name(*self._formulas[sheet.number])
            raise FileRefused("intake_formula_without_value", sheet=name, cell=place)
        errors: list[str] = []
        cells = self._cells(sheet, sheet.nrows, errors)
        hidden = any(line.hidden for line in (*sheet.rowinfo_map.values(), *sheet.colinfo_map.values()))
        merged = [Merged(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]
        yield grid_block(Grid(filled_grid(cells, self._limits), name, merged, hidden, errors), reading)

    def _first_rows(self, sheet: Any) -> list[list[str]]:
        return filled_grid(self._cells(sheet, min(sheet.nrows, ROWS_LOOKED_AT), []))

    def _cells(self, sheet: Any, rows: int, errors: list[str]) -> dict[int, dict[int, str]]:
        cells: dict[int, dict[int, str]] = {}
        for row in range(rows):
            for column in range(sheet.row_len(row)):
                text = self._text(sheet, row, column, errors)
                if text:
                    cells.setdefault(row, {})[column] = text
        return cells

    def _text(self, sheet: Any, row: int, column: int, errors: list[str]) -> str:
        from xlrd.biffh import error_text_from_code

        kind, value = sheet.cell_type(row, column), sheet.cell_value(row, column)
        if kind == _TEXT:
            runs = sheet.rich_text_runlist_map.get((row, column))
            return self._set_apart(str(value), runs, sheet.cell_xf_index(row, column)) if runs else str(value)
        if kind in (_NUMBER, _DATE):
            since_1904 = self._book.datemode == 1
            return cellvalues.cell_text(float(value), self._kind(sheet, row, column), since_1904=since_1904)
        if kind == _BOOLEAN:
            return "TRUE" if value else "FALSE"
        if kind == _ERROR:
            errors.append(cell_name(row, column))
            return str(error_text_from_code.get(value, "#N/A"))
        return ""

    def _set_apart(self, text: str, runs: list[tuple[int, int]], style: int) -> str:
        """Parts of a text that are raised, lowered or struck out stand apart: 12 with a raised 1 is not 121."""
        units, fonts = text.encode("utf-16-le"), self._book.font_list
        starts = [(0, self._book.xf_list[style].font_index), *sorted(runs)]
        ends = [start for start, _ in starts[1:]] + [len(units) // 2]
        pieces = []
        for (start, font), end in zip(starts, ends, strict=True):
            if font >= len(fonts):
                raise FileRefused("intake_workbook_damaged")
            piece = units[2 * start : 2 * end].decode("utf-16-le", "replace")
            pieces.append(f"\n{piece}\n" if piece and (fonts[font].escapement or fonts[font].struck_out) else piece)
        return "".join(pieces)

    def _kind(self, sheet: Any, row: int, column: int) -> str:
        style = self._book.xf_list[sheet.cell_xf_index(row, column)]
        form = self._book.format_map.get(style.format_key)
        return cellvalues.format_kind(style.format_key, form.format_str if form else None)


def _opened(data: bytes) -> Any:
    import xlrd
    from xlrd.compdoc import CompDocError

    book, encrypted = None, False
    try:
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, logfile=StringIO())
    except xlrd.XLRDError as error:
        encrypted = "encrypted" in str(error).lower()
    except (CompDocError, AssertionError, struct.error, IndexError, KeyError, ValueError, TypeError, AttributeError):
        book = None
    if encrypted:
        raise FileRefused("intake_workbook_encrypted")
    if book is None:
        raise FileRefused("intake_workbook_damaged")
    return book


def _uncalculated(data: bytes) -> dict[int, tuple[int, int]]:
    """Sheet number → its first formula, if no program has ever calculated the workbook; empty if one has.

    Libraries write 0 or nothing as the result of every formula. A program that calculates leaves other results, or its
    own mark.
    """
    formulas: dict[int, tuple[int, int]] = {}
    sheets: dict[int, int] = {}
    number, at = -1, 0
    stream = _stream(data)
    while at + _RECORD.size <= len(stream):
        kind, length = _RECORD.unpack_from(stream, at)
        body = at + _RECORD.size
        if kind == _RECALCULATED:
            return {}
        if kind == _BOUND_SHEET:
            sheets[struct.unpack_from("<I", stream, body)[0]] = len(sheets)
        elif kind == _BEGIN:
            number = sheets.get(at, -1)
        elif kind == _FORMULA and length >= _FORMULA_HEAD.size:
            row, column, _, result = _FORMULA_HEAD.unpack_from(stream, body)
            if any(result) and not (result[0] == _NOTHING and result.endswith(b"\xff\xff")):
                return {}
            formulas.setdefault(number, (row, column))
        at = body + length
    return formulas


def _stream(data: bytes) -> bytes:
    """The records of the workbook, out of the container if there is one."""
    from xlrd.compdoc import SIGNATURE, CompDoc

    if not data.startswith(SIGNATURE):
        return data
    container = CompDoc(data, logfile=StringIO())
    return container.get_named_stream("Workbook") or container.get_named_stream("Book") or b""

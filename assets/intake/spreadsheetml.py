"""Workbooks as one XML file (SpreadsheetML 2003), as systems export them under the name .xls, to a grid.

Put here: sheets, rows and cells of that XML. Keep out: headers, records and types (grids.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property, partial

from assets.intake.blocks import Block
from assets.intake.cellvalues import GENERAL, PERCENT, cell_text, stored_number
from assets.intake.decoding import TextStream
from assets.intake.findings import FileRefused
from assets.intake.grids import Grid, Merged, MomentCell, cell_name, filled_grid, grid_block
from assets.intake.headers import ROWS_LOOKED_AT
from assets.intake.markup import parse
from assets.intake.reading import Reading
from assets.intake.tables import HIDDEN, VISIBLE, Table, chosen
from data_contracts.settings.limits import Limits

# Parts of a text that are raised, lowered or struck out stand apart from the rest: 12 with a raised 1 is not 121.
_APART = ("Sup", "Sub", "S")
_DEFAULT = "Default"


class _Sheet:
    """The cells of one sheet by row and column, from 0, and what is noticed on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = VISIBLE
        self.cells: dict[int, dict[int, str]] = {}
        self.merged: list[Merged] = []
        self.errors: list[str] = []
        self.hidden = False
        self.without_value: str | None = None
        self.row = self.column = -1
        # Styles of the whole table, of the row at hand, and of stretches of columns: first, last, style.
        self.style = self.row_style = ""
        self.columns: list[tuple[int, int, str]] = []

    def style_at(self, stated: str) -> str:
        """The style of the cell at hand: its own, or that of its row, its column, the table."""
        of_column = next((style for first, last, style in self.columns if first <= self.column <= last), "")
        return stated or self.row_style or of_column or self.style or _DEFAULT

    def first_rows(self) -> list[list[str]]:
        """The rows a header may stand in."""
        return filled_grid({at: row for at, row in self.cells.items() if at < ROWS_LOOKED_AT})


class XmlWorkbook:
    """A workbook in XML; all of its sheets are read, the one that holds the feed is taken."""

    def __init__(self, pieces: Iterable[bytes], limits: Limits) -> None:
        self._pieces, self._limits = pieces, limits

    @cached_property
    def _sheets(self) -> list[_Sheet]:
        book = _Book()
        # The text has been decoded by then, whatever encoding its first line names.
        parse(TextStream(self._pieces), book.start, book.end, book.text, "utf-8")
        return book.sheets

    def tables(self) -> list[Table]:
        """Its sheets."""
        return [Table(sheet.name, sheet.state, partial(sheet.first_rows)) for sheet in self._sheets]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """The records of the sheet that holds the feed."""
        name = chosen(self.tables(), reading)
        sheet = next(sheet for sheet in self._sheets if sheet.name == name)
        if sheet.without_value is not None:
            raise FileRefused("intake_formula_without_value", sheet=name, cell=sheet.without_value)
        rows = filled_grid(sheet.cells, self._limits)
        yield grid_block(Grid(rows, name, sheet.merged, sheet.hidden, sheet.errors), reading)


class _Book:
    """Handlers that gather sheets and their cells; rows and cells may skip places by their index."""

    def __init__(self) -> None:
        self.sheets: list[_Sheet] = []
        self._type: str | None = None
        self._value: list[str] = []
        self._formula = False
        self._told = self._remarks = False
        self._percents: set[str] = set()
        self._style = self._defined = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Style":
            self._defined = attributes.get("ID", "")
            # What is built on a style of percentages is one, unless it has a format of its own.
            self._note_percent(holds=attributes.get("Parent") in self._percents)
        elif name == "NumberFormat":
            self._note_percent(holds="%" in attributes.get("Format", "").replace("Percent", "%"))
        elif name == "Worksheet":
            self.sheets.append(_Sheet(attributes.get("Name", "")))
        elif name == "Visible":
            self._told, self._value = True, []
        elif name in ("Table", "Row", "Column", "Cell") and self.sheets:
            self._place(self.sheets[-1], name, attributes)
        elif name == "Comment":
            self._remarks = True
        elif name == "Data" and not self._remarks:
            self._type, self._value, self._told = attributes.get("Type", "String"), [], True
        elif name in _APART:
            self.text("\n")

    def end(self, name: str) -> None:
        if name == "Visible" and self.sheets:
            self.sheets[-1].state = VISIBLE if "".join(self._value).strip() == "SheetVisible" else HIDDEN
            self._told = False
        elif name == "Comment":
            self._remarks = False
        elif name == "Data" and not self._remarks:
            self._told = False
        elif name in _APART:
            self.text("\n")
        elif name == "Cell" and self.sheets:
            self._close(self.sheets[-1])

    def text(self, data: str) -> None:
        if self._told and not self._remarks:
            self._value.append(data)

    def _note_percent(self, *, holds: bool) -> None:
        (self._percents.add if holds else self._percents.discard)(self._defined)

    def _place(self, sheet: _Sheet, name: str, attributes: Mapping[str, str]) -> None:
        sheet.hidden |= attributes.get("Hidden") == "1"
        index = int(attributes["Index"]) - 1 if "Index" in attributes else None
        style, more = attributes.get("StyleID", ""), int(attributes.get("Span", "0"))
        if name == "Table":
            sheet.style = style
        elif name == "Column":
            first = index if index is not None else sheet.columns[-1][1] + 1 if sheet.columns else 0
            sheet.columns.append((first, first + more, style))
        elif name == "Row":
            sheet.row = sheet.row + 1 if index is None else index
            sheet.column, sheet.row_style = -1, style
        elif name == "Cell":
            sheet.column = sheet.column + 1 if index is None else index
            self._type, self._value, self._formula = None, [], "Formula" in attributes
            self._style = sheet.style_at(style)
            right, down = int(attributes.get("MergeAcross", "0")), int(attributes.get("MergeDown", "0"))
            if right or down:
                sheet.merged.append(Merged(sheet.row, sheet.column, sheet.row + down, sheet.column + right))

    def _close(self, sheet: _Sheet) -> None:
        raw, kind = "".join(self._value), self._type
        self._type = None
        place = cell_name(sheet.row, sheet.column)
        if self._formula and kind is None:
            sheet.without_value = sheet.without_value or place
        if kind == "Error":
            sheet.errors.append(place)
        if raw:
            row = sheet.cells.setdefault(sheet.row, {})
            if sheet.column in row:
                raise FileRefused("intake_workbook_damaged")
            row[sheet.column] = self._text(raw, kind or "String")
        if sheet.merged and sheet.merged[-1].top == sheet.row and sheet.merged[-1].left == sheet.column:
            sheet.column = sheet.merged[-1].right

    def _text(self, raw: str, kind: str) -> str:
        if kind == "Number":
            return cell_text(stored_number(raw), PERCENT if self._style in self._percents else GENERAL)
        if kind == "DateTime":
            return MomentCell.of(datetime.fromisoformat(raw.removesuffix("Z")))
        if kind == "Boolean":
            return "TRUE" if raw == "1" else "FALSE"
        return raw

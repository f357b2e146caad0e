"""Tables of web pages, as systems export them under the name .xls, to a grid.

Put here: rows and cells of HTML, and which pages are no table. Keep out: headers, records and types (grids.py).
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from html.parser import HTMLParser

from assets.intake.blocks import Block
from assets.intake.decoding import CUT, TextStream
from assets.intake.findings import FileRefused, Finding
from assets.intake.grids import Grid, Merged, NumberCell, filled_grid, grid_block
from assets.intake.headers import ROWS_LOOKED_AT, header_place
from assets.intake.reading import Reading, check_span
from assets.intake.tables import VISIBLE, Table, chosen
from data_contracts.settings.limits import Limits

_BLANKS = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_NOT_SHOWN = ("script", "style", "title")
_CELLS = ("td", "th")
_FIELDS = ("input", "select")
# Within a line of text; any other element stands apart from what is before it: 12<sup>1</sup> does not say 121.
_IN_LINE = ("a", "abbr", "b", "big", "em", "font", "i", "label", "nobr", "small", "span", "strong", "tt", "u", "wbr")


class WebPage:
    """A page of HTML; all of its tables are read, the one with the header of the feed is taken."""

    def __init__(self, pieces: Iterable[bytes], limits: Limits) -> None:
        self._pieces, self._limits = pieces, limits
        self._findings: list[Finding] = []

    @cached_property
    def _tables(self) -> "list[_Table]":
        stream = TextStream(self._pieces)
        page = _Page(self._limits)
        for piece in stream:
            page.feed(piece.decode())
        page.close()
        # A page needs no line end; whether it is whole is told by its tables.
        self._findings = [item for item in stream.findings if item.sentence != CUT]
        if not page.found:
            raise FileRefused("intake_markup_without_table")
        if page.open:
            raise FileRefused("intake_markup_cut")
        return page.found

    def tables(self) -> list[Table]:
        """Its tables, named by number."""
        return [
            Table(str(number), VISIBLE, lambda table=table: table.first_rows())  # type: ignore[misc]
            for number, table in enumerate(self._tables, start=1)
        ]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """The records of the table that holds the feed."""
        if not any(header_place(table.first_rows(), reading.contract)[2] for table in self._tables):
            raise FileRefused("intake_markup_without_table")
        table = self._tables[int(chosen(self.tables(), reading)) - 1]
        if table.unclear is not None:
            raise FileRefused("intake_markup_unclear", line=table.unclear)
        reading.account.findings.extend(self._findings)
        yield grid_block(Grid(filled_grid(table.cells, self._limits), "", table.merged, table.hidden), reading)


class _Table:
    """The cells of one table by row and column, from 0."""

    def __init__(self) -> None:
        self.cells: dict[int, dict[int, str]] = {}
        self.merged: list[Merged] = []
        self.hidden = False
        self.unclear: int | None = None
        self.row = -1
        self.taken: dict[int, int] = {}

    def first_rows(self) -> list[list[str]]:
        """The rows a header may stand in."""
        return filled_grid({at: row for at, row in self.cells.items() if at < ROWS_LOOKED_AT})

    def begin_row(self) -> None:
        """Go to the next row."""
        self.row += 1
        self.cells.setdefault(self.row, {})

    def doubt(self) -> None:
        """Note that what a cell of the row says is not what its text says."""
        self.unclear = self.unclear or self.row + 1

    def add(self, text: str, right: int, down: int) -> None:
        """A cell in the first free place of the row, over `right` columns and `down` rows."""
        column = 0
        while self.taken.get(column, -1) >= self.row:
            column += 1
        self.cells[self.row][column] = text
        if right > 1 or down > 1:
            self.merged.append(Merged(self.row, column, self.row + down - 1, column + right - 1))
        for over in range(column, column + right):
            self.taken[over] = self.row + down - 1


class _Page(HTMLParser):
    """Gathers tables; a table within a cell is a table of its own."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[_Table] = []
        self.open: list[_Table] = []
        self._limits = limits
        self._cell: list[str] | None = None
        self._span = (1, 1)
        self._number: str | None = None
        self._is_number = False
        self._silent = 0
        self._has_picture = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in _NOT_SHOWN:
            self._silent += 1
        elif tag == "table":
            if self._cell is not None:
                self.open[-1].doubt()
            self._end_cell()
            table = _Table()
            table.hidden = _is_hidden(attributes)
            self.open.append(table)
            self.found.append(table)
        elif not self.open:
            return
        elif tag == "tr":
            self._end_cell()
            self.open[-1].begin_row()
            self.open[-1].hidden |= _is_hidden(attributes)
        elif tag in _CELLS:
            self._begin_cell(attributes)
        elif tag == "col":
            self.open[-1].hidden |= _is_hidden(attributes)
        elif self._cell is not None:
            self._within_cell(self._cell, tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag in _NOT_SHOWN:
            self._silent = max(0, self._silent - 1)
        elif tag in (*_CELLS, "tr"):
            self._end_cell()
        elif tag == "table" and self.open:
            self._end_cell()
            self.open.pop()
        elif self._cell is not None and tag not in _IN_LINE:
            self._cell.append("\n")

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._silent:
            self._cell.append(_BLANKS.sub(" ", data))

    def _begin_cell(self, attributes: dict[str, str | None]) -> None:
        self._end_cell()
        table = self.open[-1]
        if table.row < 0:
            table.begin_row()
        table.hidden |= _is_hidden(attributes)
        self._cell, self._has_picture = [], False
        self._span = (_count(attributes.get("colspan")), _count(attributes.get("rowspan")))
        check_span(self._span[1], self._span[0], self._limits)
        # Excel writes what a cell holds beside what it shows.
        self._is_number, self._number = "x:num" in attributes, attributes.get("x:num")

    def _within_cell(self, cell: list[str], tag: str, attributes: dict[str, str | None]) -> None:
        if tag in _FIELDS or _is_hidden(attributes):
            self.open[-1].doubt()
        self._has_picture |= tag == "img"
        if tag not in _IN_LINE:
            cell.append("\n")

    def _end_cell(self) -> None:
        if self._cell is None or not self.open:
            return
        text = "".join(self._cell).strip(" \n")
        if self._has_picture and not text:
            self.open[-1].doubt()
        if self._is_number and text:
            text = NumberCell(self._number or text)
        self.open[-1].add(text, *self._span)
        self._cell = None


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _count(text: str | None) -> int:
    return max(1, int(text)) if text and text.isascii() and text.isdigit() else 1

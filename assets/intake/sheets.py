"""Workbooks (.xlsx) to a grid: the one sheet that holds the feed, its cells as stored, not as shown.

Put here: the parts of a workbook and what its cells are. Keep out: headers, records and types (grids.py).
Rounding, percent signs and dates of a sheet are how numbers are shown; the stored number is read, and where the format
says what it means (a date, a percentage) it is read as that. Hidden rows and columns are read like others and told.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from assets.intake import cellvalues
from assets.intake.archives import member_pieces
from assets.intake.blocks import Block
from assets.intake.findings import FileRefused
from assets.intake.grids import Grid, Merged, cell_name, filled_rows, grid_block
from assets.intake.headers import ROWS_LOOKED_AT
from assets.intake.markup import Enough, nothing, parse
from assets.intake.reading import Reading, check_span
from assets.intake.tables import HIDDEN, VISIBLE, Table, chosen
from data_contracts.settings.limits import Limits

_PLACE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRUE = ("1", "true")
# Parts of a text that are raised, lowered or struck out stand apart from the rest: 12 with a raised 1 is not 121.
_APART, _PLAIN = ("vertAlign", "strike"), ("0", "false", "baseline")
_WORKBOOK = "xl/workbook.xml"


@dataclass
class _Book:
    """The parts of a workbook that its sheets need."""

    sheets: list[tuple[str, str, str]] = field(default_factory=list)
    since_1904: bool = False
    uncalculated: bool = False
    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


@dataclass
class _Sheet:
    """The rows of a sheet by number, from 0, blank ones left out, and what is noticed on the way."""

    rows: dict[int, list[str]] = field(default_factory=dict)
    merged: list[Merged] = field(default_factory=list)
    hidden: bool = False
    errors: list[str] = field(default_factory=list)
    formula: str | None = None
    without_value: str | None = None


class Workbook:
    """An .xlsx package; its parts are read when asked for."""

    def __init__(self, package: zipfile.ZipFile, limits: Limits) -> None:
        self._package, self._limits = package, limits
        self._book = _book(package, limits)

    def tables(self) -> list[Table]:
        """Its worksheets."""
        return [
            Table(name, VISIBLE if state == "visible" else HIDDEN, partial(self._first_rows, path))
            for name, state, path in self._book.sheets
        ]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """The records of the sheet that holds the feed."""
        name = chosen(self.tables(), reading)
        sheet = self._sheet(next(path for sheet, _, path in self._book.sheets if sheet == name))
        cell = sheet.without_value or (sheet.formula if self._book.uncalculated else None)
        if cell is not None:
            raise FileRefused("intake_formula_without_value", sheet=name, cell=cell)
        rows = filled_rows(sheet.rows, reading.limits)
        yield grid_block(Grid(rows, name, sheet.merged, sheet.hidden, sheet.errors), reading)

    def _first_rows(self, path: str) -> list[list[str]]:
        sheet = self._sheet(path, ROWS_LOOKED_AT)
        return filled_rows(sheet.rows)

    def _sheet(self, path: str, rows: int | None = None) -> "_Sheet":
        """The cells of a sheet, of its first `rows` if given."""
        cells = _Cells(self._book, rows, self._limits if rows is None else None)
        parse(_pieces(self._package, path, self._limits), cells.start, cells.end, cells.text)
        return cells.sheet


def _pieces(package: zipfile.ZipFile, name: str, limits: Limits) -> Iterator[bytes]:
    if name not in package.namelist():
        raise FileRefused("intake_workbook_damaged")
    yield from member_pieces(package, package.getinfo(name), limits)


def _book(package: zipfile.ZipFile, limits: Limits) -> _Book:
    book = _Book()
    listed: list[tuple[str, str, str]] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name == "sheet":
            listed.append((attributes.get("name", ""), attributes.get("state", "visible"), attributes.get("id", "")))
        elif name == "workbookPr":
            book.since_1904 = attributes.get("date1904") in _TRUE
        elif name == "calcPr":
            # Written by programs that leave calculating to whoever opens the file; saving there takes it out.
            book.uncalculated = attributes.get("fullCalcOnLoad") in _TRUE

    parse(_pieces(package, _WORKBOOK, limits), start, nothing, nothing)
    targets = _targets(package, limits)
    kinds = {kind: path for kind, path in targets.values() if kind in ("sharedStrings", "styles")}
    book.sheets = [(name, state, targets[id_][1]) for name, state, id_ in listed if targets[id_][0] == "worksheet"]
    if "sharedStrings" in kinds:
        book.texts = _shared(package, kinds["sharedStrings"], limits)
    if "styles" in kinds:
        book.kinds = _kinds(package, kinds["styles"], limits)
    return book


def _targets(package: zipfile.ZipFile, limits: Limits) -> dict[str, tuple[str, str]]:
    """Relationship id → kind and path of a part."""
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], path)

    parse(_pieces(package, "xl/_rels/workbook.xml.rels", limits), start, nothing, nothing)
    return found


def _shared(package: zipfile.ZipFile, path: str, limits: Limits) -> list[str]:
    texts: list[str] = []
    pieces: list[str] = []
    apart: list[str] = []
    depth = {"t": 0, "rPh": 0}

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if name in depth:
            depth[name] += 1
        elif _stands_apart(name, attributes):
            pieces.append("\n")
            apart.append("\n")

    def end(name: str) -> None:
        if name == "si":
            texts.append(_unescaped("".join(pieces)))
            pieces.clear()
        elif name == "r":
            pieces.extend(apart)
            apart.clear()
        elif name in depth:
            depth[name] -= 1

    def text(data: str) -> None:
        if depth["t"] and not depth["rPh"]:
            pieces.append(data)

    parse(_pieces(package, path, limits), start, end, text)
    return texts


def _kinds(package: zipfile.ZipFile, path: str, limits: Limits) -> list[str]:
    """What the number format of each cell style says about the number: `general`, `percent` or `moment`."""
    codes: dict[int, str] = {}
    kinds: list[str] = []
    within = False

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal within
        if name == "numFmt":
            codes[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            within = True
        elif name == "xf" and within:
            number = int(attributes.get("numFmtId", "0"))
            kinds.append(cellvalues.format_kind(number, codes.get(number)))

    def end(name: str) -> None:
        nonlocal within
        within = within and name != "cellXfs"

    parse(_pieces(package, path, limits), start, end, nothing)
    return kinds


def _stands_apart(name: str, attributes: Mapping[str, str]) -> bool:
    return name in _APART and attributes.get("val") not in _PLAIN


class _Cells:
    """Handlers that gather the cells of a sheet; places may be stated or, as the standard allows, left out."""

    def __init__(self, book: _Book, rows: int | None, limits: Limits | None) -> None:
        self.sheet = _Sheet()
        self._book = book
        self._rows, self._limits = rows, limits
        self._cells: dict[int, str] = {}
        self._row, self._column = -1, -1
        self._type, self._style = "", 0
        self._within = ""
        self._skip = 0
        self._value: list[str] | None = None
        self._apart: list[str] = []
        self._formula = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self._open_cell(attributes)
        elif name == "row":
            self._row = _next(self._row, int(attributes["r"]) - 1 if "r" in attributes else None)
            self._column = -1
            self.sheet.hidden |= attributes.get("hidden") in _TRUE
            if self._rows is not None and self._row >= self._rows:
                raise Enough
        elif name in ("v", "t"):
            self._open_value(name)
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._skip += 1
        elif _stands_apart(name, attributes):
            self._value, self._apart = [*(self._value or []), "\n"], ["\n"]
        elif name == "col":
            self.sheet.hidden |= attributes.get("hidden") in _TRUE
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._within = ""
        elif name == "rPh":
            self._skip -= 1
        elif name == "r" and self._value is not None:
            self._value += self._apart
            self._apart = []
        elif name == "c":
            self._close_cell()
        elif name == "row":
            self._close_row()

    def text(self, data: str) -> None:
        if self._within and not self._skip and self._value is not None:
            self._value.append(data)

    def _open_cell(self, attributes: Mapping[str, str]) -> None:
        place = _PLACE.fullmatch(attributes.get("r", ""))
        self._column = _next(self._column, _column_number(place[1]) if place else None)
        self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", "0"))
        self._value, self._formula = None, False

    def _open_value(self, name: str) -> None:
        """A text may come in several runs, a value may not."""
        if name == "v" and self._value is not None:
            raise FileRefused("intake_workbook_damaged")
        self._within = name
        self._value = self._value or []

    def _close_cell(self) -> None:
        raw = "".join(self._value) if self._value is not None else None
        name = cell_name(self._row, self._column)
        if self._formula:
            self.sheet.formula = self.sheet.formula or name
            if raw is None or (raw == "" and self._type != "str"):
                self.sheet.without_value = self.sheet.without_value or name
        if not raw:
            return
        if self._type == "e":
            self.sheet.errors.append(name)
        self._cells[self._column] = self._text(raw)

    def _close_row(self) -> None:
        """Keep the row; one by one, so that a sheet with cells far away is refused before it takes any room."""
        if not self._cells:
            return
        width = max(self._cells) + 1
        if self._limits is not None:
            check_span(self._row + 1, width, self._limits)
        self.sheet.rows[self._row] = [self._cells.get(at, "") for at in range(width)]
        self._cells = {}

    def _text(self, raw: str) -> str:
        if self._type == "s":
            at = int(raw)
            if not 0 <= at < len(self._book.texts):
                raise FileRefused("intake_workbook_damaged")
            return self._book.texts[at]
        if self._type in ("str", "inlineStr"):
            return _unescaped(raw)
        if self._type == "b":
            return "TRUE" if raw in _TRUE else "FALSE"
        if self._type == "d":
            return raw.removesuffix("T00:00:00").replace("T", " ")
        if self._type == "e":
            return raw
        kind = self._book.kinds[self._style] if 0 <= self._style < len(self._book.kinds) else cellvalues.GENERAL
        return cellvalues.cell_text(cellvalues.stored_number(raw), kind, since_1904=self._book.since_1904)

    def _merge(self, ref: str) -> None:
        first, _, last = ref.partition(":")
        places = [_PLACE.fullmatch(place) for place in (first, last or first)]
        if places[0] and places[1]:
            (top, left), (bottom, right) = ((int(p[2]) - 1, _column_number(p[1])) for p in places if p)
            self.sheet.merged.append(Merged(top, left, bottom, right))


def _next(last: int, stated: int | None) -> int:
    """The place after `last`; of two rows or cells in one place a reader would take either, so there may not be two."""
    if stated is not None and stated <= last:
        raise FileRefused("intake_workbook_damaged")
    return last + 1 if stated is None else stated


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _unescaped(text: str) -> str:
    """Characters XML cannot hold are written _x000D_ in workbooks."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text

"""Workbooks (.xlsx) to a grid of texts: one sheet, footers and blank rows set apart.

Put here: opening a workbook within limits, what its cells are. Keep out: headers and types.
"""

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets.intake.findings import FileRefused, Finding
from data_contracts.contracts import FeedContract, normal_header
from data_contracts.settings import Limits

_PIECE = 1024 * 1024
_OVERLAP = 256
_PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_HIDDEN = re.compile(rb"""<(col|row)\b[^>]*\bhidden=["'](?:1|true)["']""")
_TOTALS = ("合计", "总计", "total")


@dataclass(frozen=True)
class Grid:
    """All rows of a sheet from its first row on, as text (empty for blank cells); `findings` about the workbook."""

    rows: list[list[str]]
    sheet: str
    findings: list[Finding]
    source: Any

    def holds_numbers(self, position: int, below: int) -> bool:
        """Whether any cell of a column under row `below` is a number, not text: long ids lose digits that way."""
        import fastexcel

        try:
            loaded = self.source.load_sheet(
                self.sheet, header_row=None, skip_rows=below, schema_sample_rows=None, dtype_coercion="strict"
            ).to_polars()
        except fastexcel.FastExcelError:
            return self._mixed(position, below)
        return not loaded.is_empty() and loaded.dtypes[position] not in (pl.String, pl.Null)

    def _mixed(self, position: int, below: int) -> bool:
        import fastexcel

        try:
            column = self.source.load_sheet(
                self.sheet,
                header_row=None,
                skip_rows=below,
                schema_sample_rows=None,
                dtype_coercion="strict",
                dtypes={at: "string" for at in range(len(self.rows[0])) if at != position},
            ).to_polars()
        except fastexcel.FastExcelError:
            return True
        return not column.is_empty() and column.dtypes[position] not in (pl.String, pl.Null)


def read_grid(data: bytes, contract: FeedContract, limits: Limits) -> Grid:
    """The sheet the contract names, or the first visible one. Limits are checked before anything is unpacked."""
    import fastexcel

    package = _package(data, limits)
    shown, hidden = _sheets(package)
    wanted = contract.extras.file.sheet or (shown[0] if shown else "")
    if wanted not in [*shown, *hidden]:
        raise FileRefused("intake_sheet_missing", sheet=wanted)
    findings = []
    if len(shown) > 1 or hidden:
        findings.append(Finding("intake_other_sheets", {"sheet": wanted, "shown": len(shown), "hidden": len(hidden)}))
    findings.extend(_check_sheet(package, _path_of(package, wanted), wanted, limits))
    damaged = False
    try:
        reader = fastexcel.read_excel(data)
        text = reader.load_sheet(
            wanted, header_row=None, skip_rows=0, dtypes="string", skip_whitespace_tail_rows=True
        ).to_polars()
    except fastexcel.FastExcelError:
        damaged = True
    if damaged:
        raise FileRefused("intake_workbook_damaged")
    return Grid([[cell or "" for cell in row] for row in text.rows()], wanted, findings, reader)


def _package(data: bytes, limits: Limits) -> zipfile.ZipFile:
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        package = None
    if package is None:
        raise FileRefused("intake_workbook_damaged")
    if "xl/workbook.xml" not in package.namelist():
        raise FileRefused("intake_kind_not_supported", kind="zip")
    if sum(item.file_size for item in package.infolist()) > limits.file_bytes:
        raise FileRefused("intake_too_large", limit=limits.file_bytes)
    return package


def _sheets(package: zipfile.ZipFile) -> tuple[list[str], list[str]]:
    """Names of the visible and of the hidden sheets, in order."""
    shown: list[str] = []
    hidden: list[str] = []
    for tag in re.findall(r"<sheet\b[^>]*>", _part(package, "xl/workbook.xml")):
        name = html.unescape(_attribute(tag, "name"))
        (hidden if _attribute(tag, "state") in ("hidden", "veryHidden") else shown).append(name)
    return shown, hidden


def _path_of(package: zipfile.ZipFile, sheet: str) -> str:
    tags = re.findall(r"<sheet\b[^>]*>", _part(package, "xl/workbook.xml"))
    ids = {html.unescape(_attribute(tag, "name")): _attribute(tag, "r:id") for tag in tags}
    targets = re.findall(r"<Relationship\b[^>]*>", _part(package, "xl/_rels/workbook.xml.rels"))
    found = next((_attribute(tag, "Target") for tag in targets if _attribute(tag, "Id") == ids[sheet]), "")
    path = found.lstrip("/") if found.startswith("/") else f"xl/{found}"
    if path not in package.namelist():
        raise FileRefused("intake_workbook_damaged")
    return path


def _part(package: zipfile.ZipFile, name: str) -> str:
    if name not in package.namelist():
        raise FileRefused("intake_workbook_damaged")
    with package.open(name) as stream:
        return stream.read(_PIECE).decode("utf-8", "replace")


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf"""\s{name}=(?:"([^"]*)"|'([^']*)')""", tag)
    return (match[1] or match[2] or "") if match else ""


def _check_sheet(package: zipfile.ZipFile, path: str, sheet: str, limits: Limits) -> Iterator[Finding]:
    """Refuse a sheet whose farthest cell spans too much; report hidden columns and rows, whose cells are read too.

    The cells themselves are looked at: what the sheet states about its size may be missing or untrue.
    """
    width = height = 0
    hidden: set[bytes] = set()
    with package.open(path) as stream:
        kept = b""
        while piece := stream.read(_PIECE):
            text = kept + piece
            for letters, number in set(_PLACE.findall(text)):
                width, height = max(width, _column_number(letters)), max(height, int(number))
            hidden.update(_HIDDEN.findall(text))
            kept = text[-_OVERLAP:]
    if width > limits.columns:
        raise FileRefused("intake_too_many_columns", limit=limits.columns)
    if width * height > limits.cells:
        raise FileRefused("intake_too_many_cells", limit=limits.cells)
    if hidden:
        yield Finding("intake_hidden_cells", {"sheet": sheet})


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


@dataclass(frozen=True)
class SheetRecords:
    """Data rows of a sheet with their line numbers; how many rows were blank or footers; control totals by column."""

    frame: pl.DataFrame
    non_data: int
    totals: list[dict[str, str]]


def sheet_records(grid: Grid, names: list[str | None], rows_used: int, contract: FeedContract) -> SheetRecords:
    """Rows below the header that are records; rows that start with a footer marker or are blank are not.

    Rows named as a total are control totals; subtotals and signatures are only left out.
    """
    columns = [(index, name) for index, name in enumerate(names) if name is not None]
    dates = _date_forms(contract)
    markers = tuple(normal_header(marker) for marker in contract.extras.file.footer_markers)
    records: list[list[str]] = []
    lines: list[int] = []
    totals: list[dict[str, str]] = []
    non_data = 0
    previous: dict[str, str] = {}
    for line, row in enumerate(grid.rows[rows_used:], start=rows_used + 1):
        first = normal_header(next((cell for cell in row if cell.strip()), ""))
        if not first or first.startswith(markers):
            non_data += 1
            if first.startswith(_TOTALS):
                totals.append({name: row[index] for index, name in columns})
            continue
        cells = {name: _day(row[index], dates.get(name)) for index, name in columns}
        for name in contract.extras.file.fill_down:
            if name in cells:
                cells[name] = cells[name].strip() or previous.get(name, "")
        previous = cells
        records.append(list(cells.values()))
        lines.append(line)
    frame = pl.DataFrame(records, schema={name: pl.String for _, name in columns}, orient="row").with_columns(
        pl.int_range(1, len(records) + 1, dtype=pl.Int32).alias("record_no"),
        pl.Series("line_no", lines, dtype=pl.Int32),
    )
    return SheetRecords(frame, non_data, totals)


def _date_forms(contract: FeedContract) -> dict[str, str]:
    return {
        column.name: (column.extras.date_formats or ["%Y-%m-%d"])[0]
        for column in contract.columns
        if column.type == "date"
    }


def _day(cell: str, form: str | None) -> str:
    """A date cell, which arrives as a moment at midnight, in the form its column is read by; others unchanged."""
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d) 00:00:00", cell) if form else None
    if day is None or form is None or re.search("%[HT]", form):
        return cell
    return form.replace("%Y", day[1]).replace("%m", day[2]).replace("%d", day[3])

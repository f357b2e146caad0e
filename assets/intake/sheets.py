"""Workbooks (.xlsx) to a grid of texts: one sheet, footers and blank rows set apart, totals checked.

Put here: opening a workbook within limits. Keep out: headers and types.
"""

import io
import re
import zipfile
from dataclasses import dataclass

import polars as pl

from assets.intake.findings import FileRefused
from data_contracts.contracts import FeedContract
from data_contracts.settings import Limits


@dataclass(frozen=True)
class Grid:
    """All rows of a sheet as text (empty for blank cells); `numeric` says which columns hold number cells only."""

    rows: list[list[str]]
    sheet: str
    numeric: list[bool]


def read_grid(data: bytes, contract: FeedContract, limits: Limits) -> Grid:
    """The sheet the contract names, or the first. Limits are checked before anything is unpacked."""
    import fastexcel

    _check_size(data, limits)
    try:
        reader = fastexcel.read_excel(data)
        names = reader.sheet_names
        wanted = contract.extras.file.sheet or names[0]
        if wanted not in names:
            raise FileRefused("intake_sheet_missing", sheet=wanted)
        text = reader.load_sheet(wanted, header_row=None, dtypes="string", skip_whitespace_tail_rows=True).to_polars()
        typed = reader.load_sheet(wanted, header_row=None, skip_whitespace_tail_rows=True).to_polars()
    except fastexcel.FastExcelError:
        raise FileRefused("intake_workbook_damaged") from None
    if text.height * max(text.width, 1) > limits.cells:
        raise FileRefused("intake_too_many_cells", limit=limits.cells)
    rows = [[cell or "" for cell in row] for row in text.rows()]
    return Grid(rows, wanted, [dtype.is_numeric() for dtype in typed.dtypes])


def _check_size(data: bytes, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            unpacked = sum(item.file_size for item in package.infolist())
            sheets = [name for name in package.namelist() if name.startswith("xl/worksheets/")]
            heads = [package.open(name).read(4096).decode("utf-8", "replace") for name in sheets]
    except zipfile.BadZipFile:
        raise FileRefused("intake_workbook_damaged") from None
    if unpacked > limits.file_bytes:
        raise FileRefused("intake_too_large", limit=limits.file_bytes)
    for head in heads:
        found = re.search(r'<dimension ref="[A-Z]+\d+:([A-Z]+)(\d+)"', head)
        if found and _column_number(found[1]) * int(found[2]) > limits.cells:
            raise FileRefused("intake_too_many_cells", limit=limits.cells)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


@dataclass(frozen=True)
class SheetRecords:
    """Data rows of a sheet with their line numbers; how many rows were blank or footers; total rows by column."""

    frame: pl.DataFrame
    non_data: int
    totals: list[dict[str, str]]


def sheet_records(grid: Grid, names: list[str | None], rows_used: int, contract: FeedContract) -> SheetRecords:
    """Rows below the header that are records; rows that start with a footer marker or are blank are not."""
    form = contract.extras.file
    columns = [(index, name) for index, name in enumerate(names) if name is not None]
    records: list[list[str]] = []
    lines: list[int] = []
    totals: list[dict[str, str]] = []
    non_data = 0
    previous: dict[str, str] = {}
    for line, row in enumerate(grid.rows[rows_used:], start=rows_used + 1):
        first = next((cell.strip() for cell in row if cell.strip()), "")
        if not first or any(first.startswith(marker) for marker in form.footer_markers):
            non_data += 1
            if first:
                totals.append({name: row[index] for index, name in columns})
            continue
        cells = {name: row[index] for index, name in columns}
        for name in form.fill_down:
            cells[name] = cells[name].strip() or previous.get(name, "")
        previous = cells
        records.append([cells[name] for _, name in columns])
        lines.append(line)
    frame = pl.DataFrame(records, schema={name: pl.String for _, name in columns}, orient="row").with_columns(
        pl.int_range(1, len(records) + 1, dtype=pl.Int32).alias("record_no"),
        pl.Series("line_no", lines, dtype=pl.Int32),
    )
    return SheetRecords(frame, non_data, totals)

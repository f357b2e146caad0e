"""Grids of cells (.xlsx, .xls, tables of web pages, SpreadsheetML) to records, the same for all of them.

Put here: the header in a grid, cells that are numbers or moments, merged cells. Keep out: how a grid is read.
A spreadsheet keeps 15 digits of a number and no leading zero: a code or an id stored as a number is refused, never
completed or rounded.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from assets.intake.blocks import Block, block_of
from assets.intake.findings import FileRefused, Finding
from assets.intake.reading import Reading, check_span
from data_contracts.contracts import Column, FeedContract
from data_contracts.settings.limits import Limits

_DIGITS_KEPT = 15
_SHOWN = 5


class NumberCell(str):
    """A cell that holds a number, as the text of that number."""

    __slots__ = ()


class MomentCell(str):
    """A cell that holds a date or a moment, as ISO text."""

    __slots__ = ("is_date", "moment")
    moment: datetime
    is_date: bool

    @classmethod
    def of(cls, moment: datetime) -> "MomentCell":
        """The cell of a moment; at midnight its text is a date."""
        midnight = moment.hour == moment.minute == moment.second == moment.microsecond == 0
        cell = cls(moment.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S"))
        cell.moment, cell.is_date = moment, midnight
        return cell


@dataclass(frozen=True)
class Merged:
    """A range of merged cells, rows and columns from 0, both ends included; only its first cell has contents."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def place(self) -> str:
        """As a spreadsheet writes it."""
        return f"{cell_name(self.top, self.left)}:{cell_name(self.bottom, self.right)}"


@dataclass(frozen=True)
class Grid:
    """All rows from the first on, as texts (empty for blank cells), each as long as the longest.

    `hidden`: whether some of its rows or columns are; `errors` names the cells that hold an error of a formula.
    """

    rows: list[list[str]]
    sheet: str = ""
    merged: list[Merged] = field(default_factory=list)
    hidden: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """What is noticed about the sheet."""
        found = [Finding("intake_hidden_cells", {"sheet": self.sheet})] if self.hidden else []
        if self.errors:
            shown = ", ".join(self.errors[:_SHOWN]) + (" …" if len(self.errors) > _SHOWN else "")
            params = {"sheet": self.sheet, "count": len(self.errors), "cells": shown}
            found.append(Finding("intake_cell_errors", params))
        return found


def cell_name(row: int, column: int) -> str:
    """The name of a cell, row and column from 0: A1."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row + 1}"


def filled_grid(cells: dict[int, dict[int, str]], limits: Limits | None = None) -> list[list[str]]:
    """Rows of a sparse table, row → column → text, both from 0; refused where it spans more than `limits` allow."""
    width = max((max(row, default=-1) for row in cells.values()), default=-1) + 1
    if limits is not None:
        check_span(max(cells, default=-1) + 1, width, limits)
    return filled_rows({at: [row.get(place, "") for place in range(width)] for at, row in cells.items()})


def filled_rows(rows: dict[int, list[str]], limits: Limits | None = None) -> list[list[str]]:
    """Rows by number, from 0, made as long as the longest, with blank ones between; `rows` is used up."""
    height = max(rows, default=-1) + 1
    width = max(map(len, rows.values()), default=0)
    if limits is not None:
        check_span(height, width, limits)
    blank = [""] * width
    filled = []
    for at in range(height):
        row = rows.pop(at, blank)
        filled.append(row if len(row) == width else [*row, *blank[len(row) :]])
    return filled


def grid_block(grid: Grid, reading: Reading) -> Block:
    """The records of a grid."""
    reading.account.sheet = grid.sheet or None
    reading.account.findings.extend(grid.findings)
    header = reading.header(grid.rows)
    shape = reading.shape(header, grid.rows[: header.rows_used])
    below = grid.rows[header.rows_used :]
    first = header.rows_used + 1
    by_name = reading.contract.by_name
    texts = [
        pl.Series(name, cell_texts([row[at] for row in below], by_name.get(name)), dtype=pl.String)
        for at, name in enumerate(shape.columns)
    ]
    lines = pl.int_range(first, first + len(below), dtype=pl.Int32, eager=True).alias("line_no")
    block = block_of(pl.DataFrame([*texts, lines]), shape, 1)
    at = {name: position for position, name in enumerate(header.names) if name in by_name}
    _check_merged(grid, block, at, reading.contract)
    _check_numbers(grid, block, at, reading.contract)
    return block


def cell_texts(cells: list[str], column: Column | None) -> list[str]:
    """Cells as plain texts; moments in the form the column is read by, where it can say them."""
    if column is None or column.type != "date":
        return [str(cell) for cell in cells]
    form = (column.extras.date_formats or ["%Y-%m-%d"])[0]
    timed = re.search("%[HT]", form) is not None
    return [
        cell.moment.strftime(form) if isinstance(cell, MomentCell) and (timed or cell.is_date) else str(cell)
        for cell in cells
    ]


def _check_merged(grid: Grid, block: Block, at: dict[str, int], contract: FeedContract) -> None:
    """Refuse merged cells that belong to more than one record or column, unless the contract has them filled down."""
    rows = {line - 1 for line in [*block.frame["line_no"].to_list(), *(item.line_no for item in block.unreadable)]}
    known = set(at.values())
    downward = {at[name] for name in contract.extras.file.fill_down if name in at}
    for merged in grid.merged:
        records = [row for row in range(merged.top, min(merged.bottom + 1, len(grid.rows))) if row in rows]
        columns = [column for column in range(merged.left, merged.right + 1) if column in known]
        if not records or not columns or not grid.rows[merged.top][merged.left].strip():
            continue
        if len(columns) > 1 or (len(records) > 1 and columns[0] not in downward):
            raise FileRefused("intake_cells_merged", sheet=grid.sheet, cells=merged.place)


def _check_numbers(grid: Grid, block: Block, at: dict[str, int], contract: FeedContract) -> None:
    """Refuse codes and ids stored as numbers, and any number with more digits than a spreadsheet keeps."""
    codes = code_columns(contract)
    lines = block.frame["line_no"].to_list()
    for name, position in at.items():
        cells = (grid.rows[line - 1][position] for line in lines)
        numbers = (cell for cell in cells if isinstance(cell, NumberCell))
        if any(name in codes or _digits(cell) > _DIGITS_KEPT for cell in numbers):
            column = contract.by_name[name].headers[0]
            if grid.sheet:
                raise FileRefused("intake_id_as_number", sheet=grid.sheet, column=column)
            raise FileRefused("intake_table_id_as_number", column=column)


def code_columns(contract: FeedContract) -> set[str]:
    """Columns of text that say which person, institution, area or record: their digits are no number."""
    keys = {column.name for column in contract.columns if column.role in ("key", "person_id")}
    return {name for name in keys | contract.pointing if contract.by_name[name].type == "text"}


def _digits(text: str) -> int:
    return len(text.lstrip("-").partition(".")[0])

"""Delivered bytes to records of text, by what the file is: the form of the file ends here.

Put here: choosing the reader by content and what all readers share. Keep out: what a reader does (decoding.py,
tabular.py, sheets.py) and the meaning of fields.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice

import polars as pl

from assets.intake.account import Account
from assets.intake.decoding import TextStream, kind_of
from assets.intake.findings import FileRefused, Finding
from assets.intake.headers import HeaderMap, find_header
from assets.intake.sheets import SheetRecords, read_grid, sheet_records
from assets.intake.tabular import Block, Shape, read_blocks
from assets.intake.typed import cleaned, read_column
from data_contracts.codes import CodeList
from data_contracts.contracts import FeedContract
from data_contracts.settings import Limits

_MAGIC = 1024
_HEADER_SAMPLE = 256 * 1024
_HEADER_ROWS = 16


def read_records(
    data: Iterable[bytes], contract: FeedContract, limits: Limits, account: Account, yes_no: CodeList
) -> Iterator[Block]:
    """The records of a file as text, block by block; `account` gets its findings and the name of the sheet.

    Raises FileRefused where the file cannot be taken.
    """
    stream = iter(data)
    head = _head(stream, _MAGIC)
    if not head:
        raise FileRefused("intake_empty")
    if kind_of(head) == "xlsx":
        yield _sheet_block(b"".join(chain([head], stream)), contract, limits, account, yes_no)
        return
    source = TextStream(chain([head], stream), contract.extras.file.encoding)
    pieces = iter(source)
    first = _head(pieces, _HEADER_SAMPLE)
    header, skipped = _text_header(first, contract)
    _check_width(header, limits, account)
    form = contract.extras.file
    columns = [name or f"unknown {position}" for position, name in enumerate(header.names)]
    shape = Shape(columns, form.delimiter, limits.field_length, tuple(form.footer_markers))
    rest, lines = first[skipped:], first.count(b"\n", 0, skipped)
    yield from read_blocks(chain([rest], pieces), shape, lines + 1)
    _text_findings(source, account)


def _text_findings(source: TextStream, account: Account) -> None:
    if source.encoding not in ("utf-8", "utf-8-sig"):
        account.findings.append(Finding("intake_encoding", {"encoding": source.encoding}))
    if source.replaced:
        account.findings.append(Finding("intake_replacement_characters", {"count": source.replaced}))
    if not source.ends_complete:
        account.findings.append(Finding("intake_truncated_tail"))


def _head(stream: Iterator[bytes], size: int) -> bytes:
    """The first pieces of a stream, at least `size` bytes where there are as many."""
    held: list[bytes] = []
    while sum(map(len, held)) < size:
        piece = next(stream, None)
        if piece is None:
            break
        held.append(piece)
    return b"".join(held)


def _text_header(first: bytes, contract: FeedContract) -> tuple[HeaderMap, int]:
    """The header of a text file and how many bytes it and the titles above it take; header cells may hold line ends."""
    sample = first[:_HEADER_SAMPLE].decode("utf-8", "ignore")
    lines = io.StringIO(sample, newline="\n")
    reader = csv.reader(lines, delimiter=contract.extras.file.delimiter)
    rows: list[list[str]] = []
    ends: list[int] = []
    with suppress(csv.Error):
        for row in islice(reader, _HEADER_ROWS):
            rows.append(row)
            ends.append(reader.line_num)
    header = find_header(rows, contract)
    position = 0
    for _ in range(ends[header.rows_used - 1]):
        position = first.find(b"\n", position) + 1 or len(first)
    return header, position


def _check_width(header: HeaderMap, limits: Limits, account: Account) -> None:
    if len(header.names) > limits.columns:
        raise FileRefused("intake_too_many_columns", limit=limits.columns)
    account.findings.extend(header.findings)


def _sheet_block(data: bytes, contract: FeedContract, limits: Limits, account: Account, yes_no: CodeList) -> Block:
    grid = read_grid(data, contract, limits)
    account.sheet = grid.sheet
    account.findings.extend(grid.findings)
    header = find_header(grid.rows, contract)
    _check_width(header, limits, account)
    person = contract.extras.person
    if person and person.column in header.names:
        position = header.names.index(person.column)
        if grid.holds_numbers(position, header.rows_used):
            column = contract.by_name[person.column].headers[0]
            raise FileRefused("intake_id_as_number", sheet=grid.sheet, column=column)
    found = sheet_records(grid, header.names, header.rows_used, contract)
    _check_totals(found, contract, yes_no)
    return Block(found.frame, [], found.non_data)


def _check_totals(found: SheetRecords, contract: FeedContract, yes_no: CodeList) -> None:
    """Rows that state a total must give the sums of the columns."""
    for total in found.totals:
        for name, printed in total.items():
            column = contract.by_name[name]
            if column.type not in ("integer", "decimal", "money"):
                continue
            stated = read_column(cleaned(pl.Series([printed]), column), column, yes_no)[0]
            summed = read_column(cleaned(found.frame[name], column), column, yes_no).sum()
            if stated is not None and summed != stated:
                raise FileRefused("intake_total_mismatch", column=column.headers[0])

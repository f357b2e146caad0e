"""Delimited text to records: a proven fast path, a careful path for every block that is not plainly regular.

Put here: splitting lines into fields, telling records from blank and unreadable lines. Keep out: meaning of fields.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

RECORD_SHAPE = "record_shape"
FIELD_TOO_LONG = "field_too_long"


@dataclass(frozen=True)
class Unreadable:
    """A record whose fields cannot be told: where it stands, why, and its text for the vault."""

    record_no: int
    line_no: int
    rule: str
    raw: str


@dataclass(frozen=True)
class Block:
    """Records of one block: all columns as text, with `record_no` and `line_no`; plus what is not a record."""

    frame: pl.DataFrame
    unreadable: list[Unreadable] = field(default_factory=list)
    non_data: int = 0


def read_blocks(
    blocks: Iterable[bytes], columns: list[str], delimiter: str, first_line: int, field_length: int
) -> Iterator[Block]:
    """Split text blocks that follow the header into records of `columns`; numbering goes on across blocks."""
    record_no, line_no = 1, first_line
    for text in blocks:
        block = _regular(text, columns, delimiter, record_no, line_no) if len(columns) > 1 else None
        if block is None:
            block = _careful(text, columns, delimiter, record_no, line_no, field_length)
        yield block
        record_no += block.frame.height + len(block.unreadable)
        line_no += text.count(b"\n") + (not text.endswith(b"\n"))


def _regular(text: bytes, columns: list[str], delimiter: str, record_no: int, line_no: int) -> Block | None:
    """The block as a frame if it is proven regular, else None.

    Proof: no quote, no blank line, as many delimiters as lines × (columns − 1), and the reader, which fails on a
    line with too many fields, returns as many rows as there are lines: then no line can have too few.
    """
    body = text if text.endswith(b"\n") else text + b"\n"
    rows = body.count(b"\n")
    if b'"' in body or body.startswith(b"\n") or b"\n\n" in body:
        return None
    if body.count(delimiter.encode()) != rows * (len(columns) - 1):
        return None
    try:
        frame = pl.read_csv(
            body,
            has_header=False,
            new_columns=columns,
            separator=delimiter,
            quote_char=None,
            infer_schema=False,
            missing_utf8_is_empty_string=True,
            truncate_ragged_lines=False,
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.height != rows or frame.width != len(columns):
        return None
    return Block(
        frame.with_columns(
            pl.int_range(record_no, record_no + rows, dtype=pl.Int32).alias("record_no"),
            pl.int_range(line_no, line_no + rows, dtype=pl.Int32).alias("line_no"),
        )
    )


def _careful(text: bytes, columns: list[str], delimiter: str, record_no: int, line_no: int, field_length: int) -> Block:
    """Record by record; a quote that never closes costs its own line only, not the lines after it."""
    rows: list[list[str]] = []
    numbers: list[tuple[int, int]] = []
    unreadable: list[Unreadable] = []
    non_data = 0
    for fields, line, raw in _records(text.decode(), delimiter, len(columns), line_no):
        if not raw.strip(f" \t\n{delimiter}"):
            non_data += 1
            continue
        too_long = fields is not None and max(map(len, fields)) > field_length
        if fields is None or too_long:
            rule = FIELD_TOO_LONG if too_long else RECORD_SHAPE
            unreadable.append(Unreadable(record_no, line, rule, raw))
        else:
            rows.append(fields)
            numbers.append((record_no, line))
        record_no += 1
    frame = pl.DataFrame(rows, schema={name: pl.String for name in columns}, orient="row").with_columns(
        pl.Series("record_no", [number for number, _ in numbers], dtype=pl.Int32),
        pl.Series("line_no", [line for _, line in numbers], dtype=pl.Int32),
    )
    return Block(frame, unreadable, non_data)


def _records(text: str, delimiter: str, width: int, line_no: int) -> Iterator[tuple[list[str] | None, int, str]]:
    """Fields (None where they cannot be told), first line and raw text of every record."""
    lines = io.StringIO(text, newline="\n").readlines()
    position = 0
    fields: list[str] | None
    while position < len(lines):
        if '"' in lines[position]:
            fields, used = _parse((lines[at] for at in range(position, len(lines))), delimiter)
        else:
            fields, used = lines[position].rstrip("\n").split(delimiter), 1
        if fields is not None and len(fields) == width:
            yield fields, line_no + position, "".join(lines[position : position + used])
            position += used
            continue
        alone, _ = _parse([lines[position]], delimiter)
        yield (
            alone if alone is not None and len(alone) == width else None,
            line_no + position,
            lines[position],
        )
        position += 1


def _parse(lines: Iterable[str], delimiter: str) -> tuple[list[str] | None, int]:
    """Fields of the first record of `lines` and how many lines it takes; None where it is malformed."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return next(reader), reader.line_num
    except (csv.Error, StopIteration):
        return None, 1

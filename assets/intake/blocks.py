"""Records as text, in blocks, the same for every form of file: numbered, with what is no record set apart.

Put here: what a block is, numbering, filling down. Keep out: how a form of file is read, meaning of fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from assets.intake.outsiders import Outsider, Outsiders

RECORD_SHAPE = "record_shape"
UNCLOSED_QUOTE = "unclosed_quote"
FIELD_TOO_LONG = "field_too_long"
TRUNCATED_TAIL = "truncated_tail"
UNREADABLE_RULES = (RECORD_SHAPE, UNCLOSED_QUOTE, FIELD_TOO_LONG, TRUNCATED_TAIL)


@dataclass(frozen=True)
class Unreadable:
    """A record whose fields cannot be told: where it stands, why, and its text for the vault."""

    record_no: int
    line_no: int
    rule: str
    raw: str


@dataclass(frozen=True)
class Block:
    """Records of one block: all columns as text, with `record_no` and `line_no`; plus what is not a record.

    `line_no` is the line, or the row of the sheet, in the delivered file. `outsiders` are the rows that are no records
    but for blank ones; `non_data` counts both.
    """

    frame: pl.DataFrame
    unreadable: list[Unreadable] = field(default_factory=list)
    non_data: int = 0
    outsiders: list[Outsider] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Records, readable or not."""
        return self.frame.height + len(self.unreadable)


@dataclass(frozen=True)
class Shape:
    """What every record of a file looks like."""

    columns: list[str]
    delimiter: str
    field_length: int
    outsiders: Outsiders

    @property
    def width(self) -> int:
        """Fields of a record."""
        return len(self.columns)


def texts_frame(rows: Sequence[Sequence[str]], columns: list[str]) -> pl.DataFrame:
    """Rows of texts as a frame."""
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")


def block_of(
    texts: pl.DataFrame,
    shape: Shape,
    record_no: int,
    unreadable: Sequence[tuple[int, str, str]] = (),
    outsiders: Sequence[Outsider] = (),
    non_data: int = 0,
) -> Block:
    """The block of rows in the order of the file; numbering begins with `record_no`.

    `texts` has the columns of the shape and `line_no`. What was told before it came to rows is given too: `unreadable`
    as (line, rule, raw), `outsiders`, and how many blank lines (`non_data`).
    """
    blank, found = shape.outsiders.among(texts)
    out = blank.clone()
    if found:
        lines = [item.line_no for item in found]
        out = out | texts["line_no"].is_in(lines)
    long = _too_long(texts, shape) & ~out
    if long.any():
        unreadable = [*unreadable, *_as_unreadable(texts.filter(long), shape)]
    rows = texts.filter(~(out | long)) if (out | long).any() else texts
    if unreadable:
        others = pl.Series([line for line, _, _ in unreadable], dtype=pl.Int32)
        in_order = pl.concat([rows["line_no"], others]).sort()
        number = (in_order.search_sorted(rows["line_no"]) + record_no).cast(pl.Int32)
        numbers = [int(at) + record_no for at in in_order.search_sorted(others)]
    else:
        number, numbers = pl.int_range(record_no, record_no + rows.height, dtype=pl.Int32, eager=True), []
    frame = rows.select(*shape.columns, number.alias("record_no"), "line_no")
    broken = [Unreadable(no, *item) for no, item in sorted(zip(numbers, unreadable, strict=True))]
    apart = sorted([*outsiders, *found], key=lambda item: item.line_no)
    return Block(frame, broken, non_data + int(blank.sum()) + len(apart), apart)


def _too_long(texts: pl.DataFrame, shape: Shape) -> pl.Series:
    columns = pl.col(shape.columns).str
    longest = texts.select(columns.len_bytes().max()).row(0) if texts.height else ()
    if max((length or 0 for length in longest), default=0) <= shape.field_length:
        return pl.repeat(value=False, n=texts.height, dtype=pl.Boolean, eager=True)
    return texts.select(pl.any_horizontal(columns.len_chars() > shape.field_length)).to_series()


def _as_unreadable(texts: pl.DataFrame, shape: Shape) -> list[tuple[int, str, str]]:
    joined = pl.concat_str(shape.columns, separator=shape.delimiter)
    return [(line, FIELD_TOO_LONG, raw) for line, raw in texts.select("line_no", joined.alias("raw")).rows()]


class FillDown:
    """Cells of merged groups, blank in all rows but the first, take the value above; across blocks.

    After a record that cannot be read the value above is not known, and blank cells stay blank until the next one.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._above: dict[str, str] = {}

    def applied(self, block: Block) -> Block:
        """The block with the cells filled."""
        columns = [name for name in self._columns if name in block.frame.columns]
        if not columns:
            return block
        breaks = [item.line_no for item in block.unreadable]
        lines = block.frame["line_no"].to_list()
        filled = {name: self._filled(name, block.frame[name].to_list(), lines, breaks) for name in columns}
        if breaks and (not lines or max(breaks) > lines[-1]):
            self._above = {}
        frame = block.frame.with_columns(pl.Series(name, cells, dtype=pl.String) for name, cells in filled.items())
        return Block(frame, block.unreadable, block.non_data, block.outsiders)

    def _filled(self, name: str, cells: list[str], lines: list[int], breaks: list[int]) -> list[str]:
        above, at, filled = self._above.get(name, ""), 0, []
        for cell, line in zip(cells, lines, strict=True):
            while at < len(breaks) and breaks[at] < line:
                above, at = "", at + 1
            above = cell.strip() or above
            filled.append(above)
        self._above[name] = above
        return filled

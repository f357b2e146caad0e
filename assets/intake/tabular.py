"""Delimited text to records: a proven fast path, a careful path for the lines that are not plainly regular.

Put here: splitting lines into fields, telling what can be read from what cannot. Keep out: meaning of fields.
A *plain* line has the right number of fields and no quote that spills over. Other lines are read one by one and may
join lines that follow. Where a quote that opens on one line and closes on a later one would make a record of them, and
a plain line stands between, there are two readings: one record, or two stray quotes with records between. Neither can
be proven, so those lines are refused by name. A stray quote that makes no record costs its own line only.
The outcome does not depend on how the text is cut into pieces.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

import polars as pl

from assets.intake.blocks import (
    FIELD_TOO_LONG,
    RECORD_SHAPE,
    TRUNCATED_TAIL,
    UNCLOSED_QUOTE,
    Block,
    Shape,
    Unreadable,
    block_of,
    texts_frame,
)
from assets.intake.findings import FileRefused
from assets.intake.outsiders import BLANK, Outsider

BLOCK = 32 * 1024 * 1024
_LONGEST_LINE = 4 * BLOCK
_LONGEST_JOINED = 100_000
_QUOTED = r'"(?:[^"]|"")*"'


def read_blocks(
    pieces: Iterable[bytes], shape: Shape, first_line: int, block: int = BLOCK, *, whole: bool = False
) -> Iterator[Block]:
    """Split the text that follows the header into records; numbering goes on across blocks.

    `pieces` is UTF-8 with LF line ends; `whole` where a missing last line end is no sign of a cut. Raises FileRefused
    for a line of absurd length.
    """
    record_no, line_no = 1, first_line
    held: list[bytes] = []
    size = 0
    for piece, final in _with_end(pieces):
        held.append(piece)
        size += len(piece)
        if size < block and not final:
            continue
        text = b"".join(held)
        end = text.rfind(b"\n") + 1
        tail = text[end:] if final else b""
        end = end if final else _settled(text, end, shape)
        if tail:
            text += b"\n"
            end = len(text)
        if end == 0 and len(text) > _LONGEST_LINE:
            raise FileRefused("intake_line_too_long", line=line_no)
        found, used, lines = _read(text[:end], shape, record_no, line_no, final=final)
        if tail and not tail.endswith(b'"') and not whole:
            found = _without_tail(found, line_no + lines - 1, tail.decode())
        record_no += found.records
        line_no += lines
        held, size = [text[used:]], 0
        if found.records or found.non_data:
            yield found


def _settled(text: bytes, end: int, shape: Shape) -> int:
    """Where the lines end that no later one can make doubtful: a line without delimiters may continue the one above."""
    if shape.width == 1:
        return end
    delimiter, stop = shape.delimiter.encode(), end
    while stop > max(0, end - _LONGEST_JOINED):
        start = text.rfind(b"\n", 0, stop - 1) + 1
        if delimiter in text[start:stop]:
            return start
        stop = start
    return stop


def _without_tail(block: Block, last_line: int, tail: str) -> Block:
    """The block without a last record that has no line end: a value cut short (200 → 20) looks like any other.

    A closing quote at the end shows that the value is whole.
    """
    frame = block.frame
    if frame.is_empty():
        return block
    *fields, record_no, line_no = frame.row(-1)
    if line_no + sum(field.count("\n") for field in fields) != last_line:
        return block
    cut = Unreadable(record_no, line_no, TRUNCATED_TAIL, tail)
    return replace(block, frame=frame.head(-1), unreadable=[*block.unreadable, cut])


def _with_end(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in pieces:
        yield piece, False
    yield b"", True


def _read(text: bytes, shape: Shape, record_no: int, line_no: int, *, final: bool) -> tuple[Block, int, int]:
    """The records of whole lines, bytes and lines they take; an open record at the end is left unless final."""
    texts = _regular(text, shape) if text else texts_frame([], shape.columns)
    if texts is None:
        return _by_lines(text, shape, record_no, line_no, final=final)
    lines = pl.int_range(line_no, line_no + texts.height, dtype=pl.Int32, eager=True).alias("line_no")
    return block_of(texts.with_columns(lines), shape, record_no), len(text), texts.height


def _regular(text: bytes, shape: Shape) -> pl.DataFrame | None:
    """The fields of a text that is proven regular, else None.

    Proof: no quote, as many delimiters as lines × (width − 1), and the reader, which fails on a line with too many
    fields, returns as many rows as there are lines: then no line can have too few, and none is blank.
    """
    rows = text.count(b"\n")
    if shape.width == 1 or b'"' in text:
        return None
    if text.count(shape.delimiter.encode()) != rows * (shape.width - 1):
        return None
    return _parsed(text, shape, rows, quote=None)


def _parsed(text: bytes, shape: Shape, rows: int, quote: str | None) -> pl.DataFrame | None:
    try:
        frame = pl.read_csv(
            text,
            has_header=False,
            schema=dict.fromkeys(shape.columns, pl.String()),
            separator=shape.delimiter,
            quote_char=quote,
            empty_string_is_null=False,
            extra_columns="raise",
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.height != rows or any(frame.null_count().row(0)):
        return None
    return frame


def _by_lines(text: bytes, shape: Shape, record_no: int, line_no: int, *, final: bool) -> tuple[Block, int, int]:
    lines = pl.Series("line", text[:-1].decode().split("\n"))
    blank = lines.str.strip_chars(f" \t{shape.delimiter}") == ""
    plain = _plain(lines, shape) & ~blank
    others = _CarefulReader(lines.to_list(), plain, blank, shape, line_no)
    others.read(final=final)
    taken = plain.head(others.stop) & ~others.claimed(others.stop)
    if int(taken.sum()) + others.lines_used != others.stop:
        raise RuntimeError("a line of the file belongs to no record or to two")
    rows = _plain_rows(lines.head(others.stop).filter(taken), shape)
    frame = pl.concat(
        [
            rows.with_columns((taken.arg_true() + line_no).cast(pl.Int32).alias("line_no")),
            texts_frame([fields for _, fields in others.records], shape.columns).with_columns(
                pl.Series("line_no", [line for line, _ in others.records], dtype=pl.Int32)
            ),
        ]
    ).sort("line_no")
    block = block_of(frame, shape, record_no, others.unreadable, others.outsiders, others.non_data)
    left = lines.len() - others.stop
    used = len(text) if not left else len("\n".join(lines.head(others.stop).to_list()).encode()) + bool(others.stop)
    return block, used, others.stop


def _plain(lines: pl.Series, shape: Shape) -> pl.Series:
    """Which lines are complete records by themselves, whatever stands before and after them."""
    delimiter = re.escape(shape.delimiter)
    one = rf'(?:[^"{delimiter}]*|{_QUOTED})'
    quoted = lines.str.contains('"', literal=True)
    bare = lines
    if quoted.any():
        sound = ~quoted | lines.str.contains(rf"^{one}(?:{delimiter}{one})*$")
        bare = lines.str.replace_all(_QUOTED, "").zip_with(
            sound, pl.repeat(None, len(lines), dtype=pl.String, eager=True)
        )
    right = bare.str.count_matches(shape.delimiter, literal=True) == shape.width - 1
    return right.fill_null(value=False) & (lines.str.len_chars() <= shape.field_length)


class _CarefulReader:
    """Reads the lines of a text that are not plain, one by one; what they turn out to be, by line of the file.

    `stop` lines are read; the others wait for the text that follows. `spans` are the lines (from, to) that an
    ambiguous quote claims, plain ones too.
    """

    def __init__(self, lines: list[str], plain: pl.Series, blank: pl.Series, shape: Shape, line_no: int) -> None:
        self.stop = len(lines)
        self.records: list[tuple[int, list[str]]] = []
        self.unreadable: list[tuple[int, str, str]] = []
        self.outsiders: list[Outsider] = []
        self.spans: list[tuple[int, int]] = []
        self.non_data = 0
        self.lines_used = 0
        self._lines, self._shape, self._line_no = lines, shape, line_no
        self._plain, self._blank = plain.to_list(), blank.to_list()

    def read(self, *, final: bool) -> None:
        """Read all lines that are not plain."""
        read_to = 0
        for at, plain in enumerate(self._plain):
            if plain or at < read_to:
                continue
            if self._blank[at]:
                self.non_data += 1
                self.lines_used += 1
                continue
            read = _fields(self._lines, at, self._shape.delimiter)
            if read.left_open and not final and sum(map(len, islice(self._lines, at, None))) <= _LONGEST_JOINED:
                self.stop = at
                break
            if read.fields is None and self._continues(at):
                self._doubt(at)
            used = self._take(at, read)
            self.lines_used += used
            read_to = at + used

    def claimed(self, height: int) -> pl.Series:
        """Which of the first lines are claimed by an ambiguous quote."""
        at = [line for first, last in self.spans for line in range(first, last)]
        return pl.int_range(height, eager=True).is_in(at) if at else pl.repeat(value=False, n=height, eager=True)

    def _take(self, at: int, read: "_Fields") -> int:
        """Put what begins on a line where it belongs; returns how many lines that takes."""
        fields, used = read.fields, read.used
        if fields is not None and used == 1 and self._is_outsider(at, fields):
            return 1
        fault = read.fault if fields is None else self._fault(fields, used)
        if fault or fields is None:
            self.unreadable.append((at + self._line_no, fault, self._lines[at]))
            return 1
        if not any(self._plain[at : at + used]):
            self.records.append((at + self._line_no, fields))
            return used
        self.spans.append((at, at + used))
        for line in range(at, at + used):
            if self._blank[line]:
                self.non_data += 1
            else:
                self.unreadable.append((line + self._line_no, UNCLOSED_QUOTE, self._lines[line]))
        return used

    def _continues(self, at: int) -> bool:
        """Whether a line closes a quote that none above it has opened: the end of the last field of a line above."""
        line, delimiter = self._lines[at], self._shape.delimiter
        return self._shape.width > 1 and delimiter not in line and not line.lstrip().startswith('"')

    def _doubt(self, at: int) -> None:
        """Refuse the plain line above, of whose last field the line shows that it is not whole."""
        above = at - 1
        while above >= 0 and not self._plain[above] and self._shape.delimiter not in self._lines[above]:
            above -= 1
        if above >= 0 and self._plain[above] and not any(first <= above < last for first, last in self.spans[-1:]):
            self.spans.append((above, above + 1))
            self.unreadable.append((above + self._line_no, UNCLOSED_QUOTE, self._lines[above]))
            self.lines_used += 1

    def _is_outsider(self, at: int, fields: list[str]) -> bool:
        """Whether a line of another shape than a record is none; those of its shape are told with the others."""
        outsider = self._shape.outsiders.seen(fields, at + self._line_no)
        if outsider is None or (len(fields) == self._shape.width and outsider.kind != BLANK):
            return False
        if outsider.kind == BLANK:
            self.non_data += 1
        else:
            self.outsiders.append(outsider)
        return True

    def _fault(self, fields: list[str], used: int) -> str:
        if len(fields) != self._shape.width:
            return RECORD_SHAPE if used == 1 else UNCLOSED_QUOTE
        if max(map(len, fields)) > self._shape.field_length:
            return FIELD_TOO_LONG if used == 1 else UNCLOSED_QUOTE
        return ""


@dataclass(frozen=True)
class _Fields:
    """Fields of the record that begins at a line and the lines it takes; no fields but a rule where a quote is wrong.

    `left_open`: a quote is still open where the lines end.
    """

    fields: list[str] | None
    used: int = 1
    fault: str = ""
    left_open: bool = False


def _fields(lines: list[str], at: int, delimiter: str) -> _Fields:
    if '"' not in lines[at]:
        return _Fields(lines[at].split(delimiter))
    left_open = False

    def supply() -> Iterator[str]:
        nonlocal left_open
        length = 0
        for position in count(at):
            if position == len(lines) or length > _LONGEST_JOINED:
                left_open = True
                return
            length += len(lines[position])
            yield lines[position] + "\n"

    reader = csv.reader(supply(), delimiter=delimiter, strict=True)
    try:
        fields = next(reader)
    except (csv.Error, StopIteration):
        spills = left_open or reader.line_num > 1
        return _Fields(None, fault=UNCLOSED_QUOTE if spills else RECORD_SHAPE, left_open=left_open)
    if _has_stray_quote("\n".join(lines[at : at + reader.line_num]), delimiter):
        return _Fields(None, fault=UNCLOSED_QUOTE)
    return _Fields(fields, reader.line_num)


def _has_stray_quote(text: str, delimiter: str) -> bool:
    """Whether a record has a quote that encloses nothing: then it is not known what any quote of it means."""
    edge = re.escape(delimiter)
    bare = re.sub(rf"(?:^|(?<={edge})){_QUOTED}(?=$|{edge})", "", text)
    return '"' in bare and (bare != text or text.count('"') % 2 == 1)


def _plain_rows(lines: pl.Series, shape: Shape) -> pl.DataFrame:
    if lines.is_empty():
        return texts_frame([], shape.columns)
    text = ("\n".join(lines.to_list()) + "\n").encode()
    frame = _parsed(text, shape, len(lines), quote='"' if b'"' in text else None)
    if frame is not None:
        return frame
    rows: Sequence[Sequence[str]] = list(csv.reader(lines.to_list(), delimiter=shape.delimiter, strict=True))
    return texts_frame(rows, shape.columns)

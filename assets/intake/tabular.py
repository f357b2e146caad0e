"""Delimited text to records: a proven fast path, a careful path for the lines that are not plainly regular.

Put here: splitting lines into fields, telling records from blank, footer and unreadable lines. Keep out: meaning of
fields. A *plain* line has the right number of fields and no quote that spills over; it is always one record. Other
lines are read one by one and may join lines up to the next plain one, so one stray quote costs its own line only.
The outcome does not depend on how the text is cut into pieces.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, pairwise

import polars as pl

from assets.intake.findings import FileRefused

RECORD_SHAPE = "record_shape"
UNCLOSED_QUOTE = "unclosed_quote"
FIELD_TOO_LONG = "field_too_long"
UNREADABLE_RULES = (RECORD_SHAPE, UNCLOSED_QUOTE, FIELD_TOO_LONG)
BLOCK = 32 * 1024 * 1024
_LONGEST_LINE = 4 * BLOCK
_LONGEST_JOINED = 100_000
_QUOTED = r'"(?:[^"]|"")*"'


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


@dataclass(frozen=True)
class Shape:
    """What every record of a file looks like."""

    columns: list[str]
    delimiter: str
    field_length: int
    footer_markers: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Fields of a record."""
        return len(self.columns)


def read_blocks(pieces: Iterable[bytes], shape: Shape, first_line: int, block: int = BLOCK) -> Iterator[Block]:
    """Split the text that follows the header into records; numbering goes on across blocks.

    `pieces` is UTF-8 with LF line ends. Raises FileRefused for a line of absurd length.
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
        if final and end < len(text):
            text += b"\n"
            end = len(text)
        if end == 0 and len(text) > _LONGEST_LINE:
            raise FileRefused("intake_line_too_long", line=line_no)
        found, used, lines = _read(text[:end], shape, record_no, line_no, final=final)
        record_no += found.frame.height + len(found.unreadable)
        line_no += lines
        held, size = [text[used:]], 0
        if found.frame.height or found.unreadable or found.non_data:
            yield found


def _with_end(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in pieces:
        yield piece, False
    yield b"", True


def _read(text: bytes, shape: Shape, record_no: int, line_no: int, *, final: bool) -> tuple[Block, int, int]:
    """The records of whole lines, bytes and lines they take; an open record at the end is left unless final."""
    if not text:
        return Block(_frame([], shape).with_columns(_numbers([], "record_no"), _numbers([], "line_no"))), 0, 0
    regular = _regular(text, shape)
    if regular is None:
        return _by_lines(text, shape, record_no, line_no, final=final)
    rows = regular.height
    numbered = regular.with_columns(
        pl.int_range(record_no, record_no + rows, dtype=pl.Int32).alias("record_no"),
        pl.int_range(line_no, line_no + rows, dtype=pl.Int32).alias("line_no"),
    )
    return Block(numbered), len(text), rows


def _regular(text: bytes, shape: Shape) -> pl.DataFrame | None:
    """The fields of a text that is proven regular, else None.

    Proof: no quote, no blank line or footer, as many delimiters as lines × (width − 1), and the reader, which fails
    on a line with too many fields, returns as many rows as there are lines: then no line can have too few.
    """
    rows = text.count(b"\n")
    if shape.width == 1 or b'"' in text or text.startswith(b"\n") or b"\n\n" in text:
        return None
    if text.count(shape.delimiter.encode()) != rows * (shape.width - 1):
        return None
    frame = _parsed(text, shape, rows, quote=None)
    if frame is None or _has_outsiders(frame, shape):
        return None
    return frame


def _has_outsiders(frame: pl.DataFrame, shape: Shape) -> bool:
    """Whether some row is blank, a footer, or holds a field that may be too long."""
    longest = frame.select(pl.all().str.len_bytes().max()).row(0)
    first = pl.col(frame.columns[0]).str.strip_chars(" \t")
    blank = frame.filter(first == "").filter(pl.all_horizontal(pl.all().str.strip_chars(" \t") == ""))
    footers = [frame.filter(first.str.starts_with(marker)) for marker in shape.footer_markers]
    return max(longest) > shape.field_length or any(not rows.is_empty() for rows in [blank, *footers])


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
    plain = _plain(lines, shape) & ~blank & ~_footer(lines, shape)
    others = _read_others(lines, plain, blank | _footer(lines, shape), shape, final=final)
    empty = plain & (lines.str.strip_chars(f' \t"{shape.delimiter}') == "")
    lines, plain, empty = (series.head(others.stop) for series in (lines, plain, empty))
    plain = plain & ~empty
    if int(plain.sum()) + int(empty.sum()) + others.lines_used != len(lines):
        raise RuntimeError("a line of the file belongs to no record or to two")
    rows = _plain_rows(lines.filter(plain), shape)
    at = pl.concat([plain.arg_true().cast(pl.Int64), pl.Series([at for at, _ in others.records], dtype=pl.Int64)])
    starts = pl.concat([at, pl.Series([at for at, _, _ in others.unreadable], dtype=pl.Int64)]).sort()
    number = starts.search_sorted(at).cast(pl.Int32) + record_no
    frame = pl.concat([rows, _frame([fields for _, fields in others.records], shape)]).with_columns(
        number.cast(pl.Int32).alias("record_no"), (at + line_no).cast(pl.Int32).alias("line_no")
    )
    unreadable = [
        Unreadable(int(starts.search_sorted(at)) + record_no, at + line_no, rule, raw)
        for at, rule, raw in others.unreadable
    ]
    used = len(text) if others.stop == len(blank) else len("\n".join(lines.to_list()).encode()) + bool(others.stop)
    return Block(frame.sort("record_no"), unreadable, others.non_data + int(empty.sum())), used, others.stop


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


def _footer(lines: pl.Series, shape: Shape) -> pl.Series:
    stripped = lines.str.strip_chars(' \t"')
    found = pl.repeat(value=False, n=len(lines), dtype=pl.Boolean, eager=True)
    for marker in shape.footer_markers:
        found = found | stripped.str.starts_with(marker)
    return found


@dataclass
class _Others:
    """What the lines that are not plain turned out to be; `stop` is the first line left for the next block."""

    stop: int
    records: list[tuple[int, list[str]]] = field(default_factory=list)
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)
    non_data: int = 0
    lines_used: int = 0


def _read_others(lines: pl.Series, plain: pl.Series, skip: pl.Series, shape: Shape, *, final: bool) -> _Others:
    positions = (~plain).arg_true().to_list()
    found = _Others(len(lines))
    if not positions:
        return found
    breaks = [at for at, (a, b) in enumerate(pairwise(positions), start=1) if b != a + 1]
    for start, stop in pairwise([0, *breaks, len(positions)]):
        first, last = positions[start], positions[stop - 1] + 1
        texts = lines.slice(first, last - first).to_list()
        left_out = skip.slice(first, last - first).to_list()
        done = _read_run(texts, left_out, first, shape, found, open_end=last == len(lines) and not final)
        if done < len(texts):
            found.stop = first + done
    return found


def _read_run(
    texts: list[str], left_out: list[bool], first: int, shape: Shape, found: _Others, *, open_end: bool
) -> int:
    """Read a run of lines that are not plain into `found`; returns how many were read."""
    at = 0
    while at < len(texts):
        if left_out[at]:
            found.non_data += 1
            found.lines_used += 1
            at += 1
            continue
        fields, used, ran_out = _fields(texts, at, shape.delimiter)
        if ran_out and open_end and sum(map(len, islice(texts, at, None))) <= _LONGEST_JOINED:
            return at
        rule = _fault(fields, used, shape)
        if rule is None and fields is not None:
            found.records.append((first + at, fields))
        else:
            used = 1
            found.unreadable.append((first + at, UNCLOSED_QUOTE if ran_out else str(rule), texts[at]))
        found.lines_used += used
        at += used
    return at


def _fault(fields: list[str] | None, used: int, shape: Shape) -> str | None:
    if fields is None or len(fields) != shape.width:
        return RECORD_SHAPE
    if max(map(len, fields)) > shape.field_length:
        return FIELD_TOO_LONG if used == 1 else UNCLOSED_QUOTE
    return None


def _fields(texts: list[str], at: int, delimiter: str) -> tuple[list[str] | None, int, bool]:
    """Fields of the record that begins at a line (None where malformed), lines it takes, whether the lines ran out."""
    if '"' not in texts[at]:
        return texts[at].split(delimiter), 1, False
    ran_out = False

    def supply() -> Iterator[str]:
        nonlocal ran_out
        length = 0
        for position in count(at):
            if position == len(texts) or length > _LONGEST_JOINED:
                ran_out = True
                return
            length += len(texts[position])
            yield texts[position] + "\n"

    reader = csv.reader(supply(), delimiter=delimiter, strict=True)
    try:
        return next(reader), reader.line_num, False
    except (csv.Error, StopIteration):
        return None, 1, ran_out


def _plain_rows(lines: pl.Series, shape: Shape) -> pl.DataFrame:
    if lines.is_empty():
        return _frame([], shape)
    text = ("\n".join(lines.to_list()) + "\n").encode()
    frame = _parsed(text, shape, len(lines), quote='"' if b'"' in text else None)
    if frame is not None:
        return frame
    return _frame(list(csv.reader(lines.to_list(), delimiter=shape.delimiter, strict=True)), shape)


def _frame(rows: Sequence[Sequence[str]], shape: Shape) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(shape.columns, pl.String()), orient="row")


def _numbers(values: Sequence[int], name: str) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Int32)

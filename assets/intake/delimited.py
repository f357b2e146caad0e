"""Delimited text as it is delivered: the delimiter and the header, then the records.

Put here: what must be known before lines are split. Keep out: encodings (decoding.py), splitting (tabular.py).
The delimiter is the contract's, unless another one gives a header with more of the contract's columns: it is known from
the header or not at all, never guessed from records.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain, islice

from assets.intake.blocks import Block
from assets.intake.decoding import CUT, TextStream
from assets.intake.findings import Finding
from assets.intake.headers import ROWS_LOOKED_AT, header_place
from assets.intake.reading import Reading
from assets.intake.tables import VISIBLE, Table
from assets.intake.tabular import read_blocks

DELIMITERS = (",", "\t", ";", "|")
_SAMPLE = 256 * 1024
_NAMES = {"\t": "TAB"}
Rows = list[list[str]]


class DelimitedText:
    """Text in bytes of some encoding; `otherwise` is the encoding of text that says nothing about itself."""

    def __init__(self, pieces: Iterable[bytes], otherwise: str | None = None) -> None:
        self._pieces = pieces
        self._otherwise = otherwise
        self._begun: tuple[TextStream, Iterator[bytes], bytes] | None = None

    def tables(self) -> list[Table]:
        """The text as each delimiter cuts it."""
        return [Table("", VISIBLE, partial(self._first_rows, delimiter)) for delimiter in DELIMITERS]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """The records below the header."""
        source, pieces, first = self._begin(reading.contract.extras.file.encoding)
        delimiter = _delimiter(first, reading)
        rows, ends = _rows(first, delimiter)
        header = reading.header(rows)
        shape = reading.shape(header, rows[: header.rows_used], delimiter)
        lines = ends[header.rows_used - 1]
        position = 0
        for _ in range(lines):
            position = first.find(b"\n", position) + 1 or len(first)
        yield from read_blocks(chain([first[position:]], pieces), shape, lines + 1, whole=reading.whole)
        reading.account.findings.extend(item for item in source.findings if item.sentence != CUT or not reading.whole)

    def _first_rows(self, delimiter: str) -> Rows:
        return _rows(self._begin(None)[2], delimiter)[0]

    def _begin(self, otherwise: str | None) -> tuple[TextStream, Iterator[bytes], bytes]:
        if self._begun is None:
            encoding = otherwise or self._otherwise
            source = TextStream(self._pieces, encoding) if encoding else TextStream(self._pieces)
            pieces = iter(source)
            held: list[bytes] = []
            while sum(map(len, held)) < _SAMPLE and (piece := next(pieces, None)) is not None:
                held.append(piece)
            self._begun = (source, pieces, b"".join(held))
        return self._begun


def _delimiter(first: bytes, reading: Reading) -> str:
    """The delimiter under which most columns are recognised, the contract's where none is better."""
    agreed = reading.contract.extras.file.delimiter
    found, most = agreed, -1
    for delimiter in dict.fromkeys((agreed, *DELIMITERS)):
        matched = len(header_place(_rows(first, delimiter)[0], reading.contract)[2])
        if matched > most:
            found, most = delimiter, matched
    if found != agreed:
        names = {"delimiter": _NAMES.get(found, found), "agreed": _NAMES.get(agreed, agreed)}
        reading.account.findings.append(Finding("intake_delimiter", names))
    return found


def _rows(first: bytes, delimiter: str) -> tuple[Rows, list[int]]:
    """The first rows and the line each ends on; cells of a header may hold line ends."""
    sample = first[:_SAMPLE].decode("utf-8", "ignore")
    reader = csv.reader(io.StringIO(sample, newline="\n"), delimiter=delimiter)
    rows: Rows = []
    ends: list[int] = []
    with suppress(csv.Error):
        for row in islice(reader, ROWS_LOOKED_AT):
            rows.append(row)
            ends.append(reader.line_num)
    return rows, ends

"""Tables of dBase, FoxPro and their kin (.dbf) to records.

Put here: header, fields and records of the form. Keep out: headers of the contract and types.
A record has a fixed length, so what the header states is held against the length of the file. Field names have ten
bytes at most: a header of the contract that is longer is recognised by its first ten.
"""

import codecs
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl

from assets.intake.blocks import Block, block_of
from assets.intake.cellvalues import float_text
from assets.intake.findings import FileRefused, Finding
from assets.intake.grids import MomentCell, cell_texts, code_columns
from assets.intake.headers import HeaderMap
from assets.intake.reading import Reading, check_span
from assets.intake.tables import VISIBLE, Table
from data_contracts.contracts import Column, FeedContract, normal_header
from data_contracts.settings.limits import Limits

_HEADER, _FIELD, _LANGUAGE = 32, 32, 29
_END_OF_FIELDS, _LIVE, _DELETED, _END_OF_FILE = 0x0D, 0x20, 0x2A, b"\x1a"
_NAME_BYTES = 10
_CHINESE = "gb18030"
_UNSTATED = 0x00
# Language bytes of the Chinese code page, in DOS and in Windows.
_CHINESE_PAGES = (0x4D, 0x7A)
_TEXTS, _NUMBERS, _MEMOS = "CNFDL", "NFIBY", "MGPW"
_BINARY = {"I": 4, "B": 8, "Y": 8, "T": 8}
_FIRST_DAY, _FIRST_DAY_JULIAN = datetime(1970, 1, 1), 2_440_588  # noqa: DTZ001  (a table knows no time zone)
_TRUTH = {"T": "TRUE", "Y": "TRUE", "F": "FALSE", "N": "FALSE", "?": ""}


@dataclass(frozen=True)
class _Field:
    """A field of the records: its raw name, type letter, and place within a record."""

    raw_name: bytes
    kind: str
    start: int
    length: int


class DbfTable:
    """A .dbf file; deleted records are no data, memos lie in another file."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._count, self._first, self._length = struct.unpack_from("<IHH", data, 4)
        self._fields = _fields(data, self._first)
        if not self._fields or 1 + sum(field.length for field in self._fields) != self._length:
            raise FileRefused("intake_dbf_damaged")
        self._check_length()
        check_span(self._count, len(self._fields), limits)
        marks = data[self._first : self._first + self._count * self._length : self._length]
        if set(marks) - {_LIVE, _DELETED}:
            raise FileRefused("intake_dbf_damaged")
        self._live = [at for at, mark in enumerate(marks) if mark == _LIVE]

    def tables(self) -> list[Table]:
        """The one table it is."""
        return [Table("", VISIBLE, lambda: [self._names])]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Its records; `line_no` is the number of the record, deleted ones counted."""
        names, findings = _whole_names(self._fields, self._names, reading.contract)
        header = reading.header([names])
        reading.account.findings.extend(findings)
        self._check_fields(header, reading.contract)
        shape = reading.shape(header, [names])
        columns = [
            pl.Series(name, self._column(field, reading.contract.by_name.get(name)), dtype=pl.String)
            for name, field in zip(shape.columns, self._fields, strict=True)
        ]
        lines = pl.Series("line_no", [at + 1 for at in self._live], dtype=pl.Int32)
        deleted = self._count - len(self._live)
        if deleted:
            reading.account.findings.append(Finding("intake_deleted_rows", {"count": deleted}))
        yield block_of(pl.DataFrame([*columns, lines]), shape, 1, non_data=deleted)

    def _check_length(self) -> None:
        """Behind the last record stands an end mark or nothing; anything else is more or less than is stated."""
        found, over = divmod(len(self._data) - self._first, self._length)
        tail = self._data[self._first + self._count * self._length :].lstrip(_END_OF_FILE + b"\0")
        if found != self._count and (found < self._count or tail):
            raise FileRefused("intake_dbf_count", stated=self._count, found=found)
        if over and tail:
            raise FileRefused("intake_dbf_damaged")

    @cached_property
    def _encoding(self) -> str:
        """How texts are encoded, by the language byte and by all of them together."""
        texts = [field.raw_name for field in self._fields]
        texts += [cell for field in self._fields if field.kind == "C" for cell in self._cells(field)]
        foreign = [text for text in texts if not text.isascii()]
        language = self._data[_LANGUAGE]
        if foreign and language not in (_UNSTATED, *_CHINESE_PAGES):
            raise FileRefused("intake_dbf_language", byte=f"0x{language:02X}")
        if not foreign or not all(_is_utf8(text) for text in foreign):
            return _CHINESE
        # Some pairs of Chinese bytes are letters in UTF-8; three bytes for a character are no chance.
        if any(max(text) >= 0xE0 for text in foreign):
            return "utf-8"
        if language == _UNSTATED:
            raise FileRefused("intake_encoding_ambiguous", encoding=_CHINESE, line=1)
        return _CHINESE

    @cached_property
    def _names(self) -> list[str]:
        # A name of ten bytes may end within a character.
        return [field.raw_name.decode(self._encoding, "ignore").strip() for field in self._fields]

    def _check_fields(self, header: HeaderMap, contract: FeedContract) -> None:
        """Refuse columns of the contract that are memos, of an unknown type, or codes stored as numbers."""
        codes = code_columns(contract)
        for name, field in zip(header.names, self._fields, strict=True):
            if name is None or name not in contract.by_name:
                continue
            title = contract.by_name[name].headers[0]
            if field.kind in _MEMOS:
                if any(cell.strip(b" 0\0") for cell in self._cells(field)):
                    raise FileRefused("intake_dbf_memo", column=title)
            elif field.kind not in _TEXTS and field.length != _BINARY.get(field.kind):
                raise FileRefused("intake_dbf_field", column=title, kind=field.kind)
            elif field.kind in _NUMBERS and name in codes:
                raise FileRefused("intake_table_id_as_number", column=title)

    def _cells(self, field: _Field) -> list[bytes]:
        starts = (self._first + at * self._length + field.start for at in self._live)
        return [self._data[start : start + field.length] for start in starts]

    def _column(self, field: _Field, column: Column | None) -> list[str]:
        """The cells of a field as texts; of a column nobody knows only whether there is anything."""
        cells = self._cells(field)
        if field.kind in _MEMOS or (column is None and field.kind not in _TEXTS):
            return [""] * len(cells)
        if field.kind in _BINARY:
            return cell_texts([_number(field.kind, cell) for cell in cells], column)
        texts = [self._text(cell, at) for at, cell in zip(self._live, cells, strict=True)]
        if field.kind == "D":
            return cell_texts([_day(text) for text in texts], column)
        return [_TRUTH.get(text.upper(), text) for text in texts] if field.kind == "L" else texts

    def _text(self, cell: bytes, at: int) -> str:
        text = None
        try:
            text = cell.decode(self._encoding)
        except UnicodeDecodeError:
            text = None
        if text is None:
            raise FileRefused("intake_encoding_mixed", encoding=self._encoding, line=at + 1)
        if "\0" in text.rstrip("\0"):
            raise FileRefused("intake_nul_byte", line=at + 1)
        return text.strip(" \0")


def _fields(data: bytes, header: int) -> list[_Field]:
    fields: list[_Field] = []
    at, start = _HEADER, 1
    while at + _FIELD <= min(header, len(data)) and data[at] != _END_OF_FIELDS:
        raw, kind, _, length, decimals = struct.unpack_from("<11scIBB", data, at)
        letter = kind.decode("latin-1")
        # Long texts of FoxPro and Clipper keep the upper half of their length in the place of the decimals.
        long = 256 * decimals if letter == "C" else 0
        fields.append(_Field(raw.split(b"\0")[0], letter, start, length + long))
        start += length + long
        at += _FIELD
    return fields


def _whole_names(
    fields: Sequence[_Field], names: Sequence[str], contract: FeedContract
) -> tuple[list[str], list[Finding]]:
    """Names of fields, cut ones replaced by the only header of the contract that begins so."""
    headers = {normal_header(header): column for column in contract.columns for header in column.headers}
    whole: list[str] = []
    findings = []
    for field, name in zip(fields, names, strict=True):
        cut = normal_header(name)
        like = {column.name: column for header, column in headers.items() if cut and header.startswith(cut)}
        if cut in headers or len(field.raw_name) < _NAME_BYTES - 1 or len(like) != 1:
            whole.append(name)
            continue
        (column,) = like.values()
        whole.append(column.headers[0])
        findings.append(Finding("intake_header_cut", {"field": name, "column": column.headers[0]}))
    return whole, findings


def _day(text: str) -> str:
    try:
        return MomentCell.of(datetime.strptime(text, "%Y%m%d")) if text.isdigit() else text  # noqa: DTZ007
    except ValueError:
        return text


def _number(kind: str, cell: bytes) -> str:
    """A binary number or moment as text; blank bytes are no value."""
    if not cell.strip(b" ") or (kind == "T" and not cell.strip(b"\0")):
        return ""
    if kind == "I":
        return str(struct.unpack("<i", cell)[0])
    if kind == "Y":
        units = struct.unpack("<q", cell)[0]
        return f"{'-' if units < 0 else ''}{abs(units) // 10_000}.{abs(units) % 10_000:04}"
    if kind == "T":
        day, thousandths = struct.unpack("<ii", cell)
        return MomentCell.of(_FIRST_DAY + timedelta(days=day - _FIRST_DAY_JULIAN, milliseconds=thousandths))
    return float_text(struct.unpack("<d", cell)[0])


def _is_utf8(text: bytes) -> bool:
    """Whether bytes are UTF-8, but for a last character that is cut by the end of the field."""
    try:
        codecs.utf_8_decode(text, "strict", False)
    except UnicodeDecodeError:
        return False
    return True

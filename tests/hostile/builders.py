"""Bytes of files that offices send, made by hand: workbooks and their damage, BIFF, DBF, Parquet, archives.

Put here: making bytes. Keep out: what they must come to (the test modules).
"""

import datetime as dt
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
import xlsxwriter

from tests.hostile.records import HEADER, Visit

SHEET = "xl/worksheets/sheet1.xml"
Rows = Sequence[Sequence[Any]]


def natural(record: Visit, **cells: Any) -> list[Any]:
    """A record as a spreadsheet holds it: numbers as numbers, days as dates, everything else as text."""
    plain: dict[str, Any] = dict(record.cells)
    for name, read in (("sbp", int), ("glucose", float), ("fee", float), ("rate", float)):
        plain[name] = read(plain[name]) if plain[name] else None
    plain["day"] = record.read["day"]
    return list((plain | cells).values())


def sheet(rows: Rows, **options: Any) -> bytes:
    """A workbook of one sheet."""
    return book([("表1", rows)], **options)


def book(
    sheets: Iterable[tuple[str, Rows]],
    then: Callable[[xlsxwriter.Workbook], None] | None = None,
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """A workbook; a cell is text, a number, a day, a truth value, None, or a tuple (value, number format)."""
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True, **(options or {})})
    for name, rows in sheets:
        page = workbook.add_worksheet(name)
        for line, row in enumerate(rows):
            for column, cell in enumerate(row):
                _put(workbook, page, line, column, cell)
    if then is not None:
        then(workbook)
    workbook.close()
    return stream.getvalue()


def _put(workbook: Any, page: Any, line: int, column: int, cell: Any) -> None:
    if cell is None:
        return
    form = None
    if isinstance(cell, tuple):
        cell, number_format = cell
        form = workbook.add_format({"num_format": number_format})
    if isinstance(cell, dt.date):
        page.write_datetime(line, column, cell, form or workbook.add_format({"num_format": "yyyy/m/d"}))
    elif isinstance(cell, bool):
        page.write_boolean(line, column, cell, form)
    elif isinstance(cell, int | float):
        page.write_number(line, column, cell, form)
    elif cell.startswith("{=") or (cell.startswith("=") and not cell.startswith("=cmd")):
        page.write_formula(line, column, cell, form, "")
    else:
        page.write_string(line, column, cell, form)


def patched(
    data: bytes, parts: Mapping[str, Callable[[bytes], bytes | None]], extra: Mapping[str, bytes] = {}
) -> bytes:
    """A package with some parts changed (None drops one) and others added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content: bytes | None = old.read(name)
            if name in parts and content is not None:
                content = parts[name](content)
            if content is not None:
                new.writestr(name, content)
        for name, content in extra.items():
            new.writestr(name, content)
    return stream.getvalue()


def replacing(old: str, new: str) -> Callable[[bytes], bytes]:
    """A change of a part: every `old` becomes `new`, and there must be one."""

    def change(content: bytes) -> bytes:
        text = content.decode()
        assert old in text, f"{old} is not in the part"
        return text.replace(old, new).encode()

    return change


def zipped(members: Mapping[str, bytes], *, names: str = "utf-8", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive; member names in `names`, without the mark of UTF-8 unless it is that (as older programs write)."""
    stream = io.BytesIO()
    central = b""
    for name, content in members.items():
        raw = name.encode(names)
        flag = 0x800 if names == "utf-8" and not name.isascii() else 0
        packed = content
        if method == zipfile.ZIP_DEFLATED:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = squeeze.compress(content) + squeeze.flush()
        sizes = struct.pack("<III", zlib.crc32(content), len(packed), len(content))
        fixed = struct.pack("<HHHHH", 20, flag, method, 0, 0x5A21)
        offset = stream.tell()
        stream.write(b"PK\x03\x04" + fixed + sizes + struct.pack("<HH", len(raw), 0) + raw + packed)
        central += b"PK\x01\x02" + struct.pack("<H", 20) + fixed + sizes
        central += struct.pack("<HHHHHII", len(raw), 0, 0, 0, 0, 0, offset) + raw
    start = stream.tell()
    stream.write(central)
    stream.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(central), start, 0))
    return stream.getvalue()


def locked(archive: bytes) -> bytes:
    """The archive with every member marked as encrypted."""
    data = bytearray(archive)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        found = data.find(mark)
        while found >= 0:
            data[found + at] |= 1
            found = data.find(mark, found + 4)
    return bytes(data)


def gzipped(content: bytes) -> bytes:
    """Compressed with gzip."""
    return gzip.compress(content, mtime=0)


# ------------------------------------------------------------------------------------------- compound file, BIFF

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE compound file with these streams, each padded to at least 4096 bytes."""
    sectors: list[bytes] = []
    chain: list[int] = []
    placed: dict[str, tuple[int, int]] = {}
    for name, content in streams.items():
        size = max(len(content), 4096)
        body = content.ljust((size + 511) // 512 * 512, b"\0")
        placed[name] = (len(sectors), size)
        count = len(body) // 512
        chain += [*range(len(sectors) + 1, len(sectors) + count), _END]
        sectors += [body[at : at + 512] for at in range(0, len(body), 512)]
    directory = len(sectors)
    entries = [_entry("Root Entry", 5, _END, 0, child=1)]
    names = list(placed)
    entries += [
        _entry(name, 2, *placed[name], right=at + 2 if at + 1 < len(names) else _FREE) for at, name in enumerate(names)
    ]
    while len(entries) % 4:
        entries.append(b"\0" * 64 + struct.pack("<HBBIII", 0, 0, 0, _FREE, _FREE, _FREE) + b"\0" * 48)
    body = b"".join(entries)
    count = len(body) // 512
    chain += [*range(directory + 1, directory + count), _END]
    sectors += [body[at : at + 512] for at in range(0, len(body), 512)]
    fats = 1
    while (len(sectors) + fats) > fats * 128:
        fats += 1
    first_fat = len(sectors)
    chain += [_FAT] * fats
    chain += [_FREE] * (fats * 128 - len(chain))
    table = struct.pack(f"<{len(chain)}I", *chain)
    sectors += [table[at : at + 512] for at in range(0, len(table), 512)]
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, fats, directory, 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<109I", *range(first_fat, first_fat + fats), *[_FREE] * (109 - fats))
    return head + b"".join(sectors)


def _entry(name: str, kind: int, start: int, size: int, *, child: int = _FREE, right: int = _FREE) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
    return head + b"\0" * 36 + struct.pack("<IQ", start, size)


STRUCK_OUT, RAISED = 2, 3


class Rich(NamedTuple):
    """A text of a BIFF workbook with runs (offset, font); font 0 is plain."""

    text: str
    runs: tuple[tuple[int, int], ...]


def biff(
    sheets: Mapping[str, Rows], *, date_1904: bool = False, hidden: Sequence[str] = (), locked_file: bool = False
) -> bytes:
    """A workbook of Excel 97–2003; cells as for `book` or Rich, an error is written `#N/A`."""
    book_stream = _bof(0x5)
    if locked_file:
        book_stream += _record(0x2F, struct.pack("<HHH", 0, 0x1234, 0x5678))
    book_stream += _record(0x42, struct.pack("<H", 1200)) + _record(0x22, struct.pack("<H", int(date_1904)))
    book_stream += b"".join(
        _record(0x31, struct.pack("<HHHHHBBBB", 200, flags, 0x7FFF, 400, place, 0, 0, 0, 0) + b"\5\0Arial")
        for flags, place in ((0, 0), (0, 0), (8, 0), (0, 1))
    )
    book_stream += b"".join(_xf(form) for form in (0, 14))
    rich = [cell for rows in sheets.values() for row in rows for cell in row if isinstance(cell, Rich)]
    if rich:
        head = struct.pack("<II", len(rich), len(rich))
        texts = b"".join(
            struct.pack("<HBH", len(text), 0b1001, len(runs))
            + text.encode("utf-16-le")
            + b"".join(struct.pack("<HH", *run) for run in runs)
            for text, runs in rich
        )
        after = _record(0xFC, head + texts)
    else:
        after = b""
    pages = {name: _sheet_stream(rows, rich, date_1904=date_1904) for name, rows in sheets.items()}
    sizes = sum(4 + 6 + 2 + len(name.encode("utf-16-le")) for name in pages)
    offset = len(book_stream) + sizes + len(after) + 4
    for name, page in pages.items():
        raw = name.encode("utf-16-le")
        head = struct.pack("<IBBBB", offset, int(name in hidden), 0, len(name), 1)
        book_stream += _record(0x85, head + raw)
        offset += len(page)
    book_stream += after + _record(0x0A, b"") + b"".join(pages.values())
    return compound({"Workbook": book_stream})


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _bof(kind: int) -> bytes:
    return _record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))


def _xf(form: int) -> bytes:
    return _record(0xE0, struct.pack("<HHHB13x", 0, form, 0, 0x20))


def _sheet_stream(rows: Rows, rich: Sequence[Rich], *, date_1904: bool) -> bytes:
    width = max(map(len, rows), default=0)
    cells = b"".join(
        _biff_cell(line, column, cell, rich, date_1904=date_1904)
        for line, row in enumerate(rows)
        for column, cell in enumerate(row)
        if cell is not None
    )
    size = _record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    return _bof(0x10) + size + cells + _record(0x0A, b"")


def _biff_cell(line: int, column: int, cell: Any, rich: Sequence[Rich], *, date_1904: bool) -> bytes:
    place = struct.pack("<HH", line, column)
    if isinstance(cell, Rich):
        return _record(0xFD, place + struct.pack("<HI", 0, rich.index(cell)))
    if isinstance(cell, dt.date):
        zero = dt.date(1904, 1, 1) if date_1904 else dt.date(1899, 12, 30)
        return _record(0x203, place + struct.pack("<Hd", 1, (cell - zero).days))
    if isinstance(cell, bool):
        return _record(0x205, place + struct.pack("<HBB", 0, int(cell), 0))
    if isinstance(cell, int | float):
        return _record(0x203, place + struct.pack("<Hd", 0, cell))
    if cell == "#N/A":
        return _record(0x205, place + struct.pack("<HBB", 0, 0x2A, 1))
    raw = cell.encode("utf-16-le")
    return _record(0x204, place + struct.pack("<HHB", 0, len(raw) // 2, 1) + raw)


# --------------------------------------------------------------------------------------------------------- DBF


def dbf(
    fields: Sequence[tuple[str, str, int, int]],
    rows: Sequence[Sequence[str]],
    *,
    deleted: Sequence[int] = (),
    encoding: str = "gbk",
    stated: int | None = None,
    version: int = 3,
) -> bytes:
    """A dBase table: fields (name, type, length, decimals), texts already in the form of their type.

    `deleted`: numbers of rows marked as such; `stated`: the count the head gives, where it is not the truth.
    """
    width = 1 + sum(length for _, _, length, _ in fields)
    count = len(rows) if stated is None else stated
    head = struct.pack("<BBBBIHH20x", version, 125, 4, 1, count, 33 + 32 * len(fields), width)
    for name, kind, length, decimals in fields:
        head += (
            name.encode(encoding).ljust(11, b"\0") + kind.encode() + b"\0" * 4 + bytes([length, decimals]) + b"\0" * 14
        )
    body = b""
    for number, row in enumerate(rows, start=1):
        body += b"*" if number in deleted else b" "
        for (_, kind, length, _), text in zip(fields, row, strict=True):
            raw = text.encode(encoding)
            assert len(raw) <= length, text
            body += raw.rjust(length) if kind == "N" else raw.ljust(length)
    return head + b"\r" + body + b"\x1a"


DBF_FIELDS = [
    (HEADER["no"], "C", 24, 0),
    (HEADER["idno"], "C", 20, 0),
    (HEADER["name"], "C", 20, 0),
    (HEADER["site"], "C", 12, 0),
    (HEADER["day"], "D", 8, 0),
    (HEADER["mode"], "C", 8, 0),
    (HEADER["sbp"], "N", 4, 0),
    (HEADER["glucose"], "N", 5, 1),
    (HEADER["fee"], "N", 12, 2),
    (HEADER["done"], "L", 1, 0),
    (HEADER["rate"], "N", 5, 1),
    (HEADER["note"], "C", 20, 0),
]


def dbf_row(record: Visit, **cells: str) -> list[str]:
    """A record in the forms of dBase."""
    plain = dict(record.cells)
    plain["day"] = record.read["day"].strftime("%Y%m%d")
    plain["done"] = "T" if record.read["done"] else "F"
    return list((plain | cells).values())


def parquet(data: pl.DataFrame, **options: Any) -> bytes:
    """A frame as a Parquet file."""
    stream = io.BytesIO()
    data.write_parquet(stream, **options)
    return stream.getvalue()

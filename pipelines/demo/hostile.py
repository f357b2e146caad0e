"""Files that are wrong as a whole, and what intake must say about each: the sentence that refuses it.

Put here: hostile files made from a sound one, and one of nothing but refused records, for feeds too short to hold
them. Keep out: faults of single records (faults.py).
"""

import gzip
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath
from typing import Literal

import polars as pl

from data_contracts.contracts import FeedContract
from pipelines.demo.faults import faults_of
from pipelines.demo.spoiling import Fault, Row

_SAMPLE = 20
_CANDIDATES = 2_000
_TOO_MANY_COLUMNS = 401
# The last column there may be, so far down that the sheet spans more cells than it may.
_FAR_CELL = (50_000, 399)
_MARK = b"\xef\xbb\xbf"
_LOGIN = "<html><body><form>用户登录</form></body></html>\n"
_NOT_READ = {
    "登录页.xls": (_LOGIN.encode(), "intake_markup_without_table"),
    "旧版工作簿.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "intake_workbook_damaged"),
    "扫描件.pdf": (b"%PDF-1.7\n", "intake_kind_not_supported"),
    "压缩文件.csv.gz": (gzip.compress("编号\n".encode(), mtime=0)[:-4], "intake_archive_damaged"),
    "数据库.db": (b"SQLite format 3\0" + bytes(84), "intake_kind_not_supported"),
}


@dataclass(frozen=True)
class HostileFile:
    """A file for the landing folder, by its path there.

    `refused`: intake refuses it as a whole with the sentence `rule`. `duplicate`: it is no new file. `records`: every
    record of it is refused; `records` holds row (from 0), rule and kind.
    """

    path: str
    data: bytes
    kind: Literal["refused", "duplicate", "records"]
    rule: str = ""
    note: str | None = None
    records: list[tuple[int, str, str]] = field(default_factory=list)


def hostile_files(contract: FeedContract, texts: pl.DataFrame, path: str, data: bytes) -> list[HostileFile]:
    """Every hostile file of a feed, beside the sound file at `path` (below landing/, period in its name).

    `texts` are sound records, `data` the bytes of the sound file. None of these files adds an accepted record.
    """
    sample = _rows(texts.head(_SAMPLE))
    beside = PurePosixPath(path)
    found = [
        # Of two files with the same bytes the one whose name comes first is taken, so the copy's name comes after.
        HostileFile(beside.with_name(f"{beside.stem}副本{beside.suffix}").as_posix(), data, "duplicate"),
        _refused_records(contract, texts, beside),
    ]
    for part in (_by_place, _by_note, _by_bytes, _by_header, _by_workbook):
        found.extend(part(contract, sample, beside))
    return found


def _named(beside: PurePosixPath, word: str, suffix: str = ".csv") -> str:
    """A name beside a file that tells the same period."""
    return beside.with_name(f"{word}_{beside.stem}{suffix}").as_posix()


def _refuse(path: str, data: bytes, sentence: str, note: str | None = None) -> HostileFile:
    return HostileFile(path, data, "refused", sentence, note)


def _rows(texts: pl.DataFrame) -> list[Row]:
    return texts.rows(named=True)


def _headers(contract: FeedContract, names: list[str]) -> list[str]:
    return [contract.by_name[name].headers[0] for name in names]


def _text(contract: FeedContract, headers: list[str], lines: list[list[str]]) -> str:
    """Headers, as often as the form has header rows, and lines; cells are written as they stand."""
    return "".join(",".join(line) + "\n" for line in [*[headers] * contract.extras.file.header_rows, *lines])


def _sound(contract: FeedContract, rows: list[Row]) -> str:
    return _text(contract, _headers(contract, list(rows[0])), [list(row.values()) for row in rows])


def _copies(contract: FeedContract, rows: list[Row], blank: int) -> Iterator[bytes]:
    """Sound contents with `blank` blank lines and then one more each: the same bytes twice would be one delivery."""
    text = _sound(contract, rows)
    for number in count(blank):
        yield (text + "\n" * number).encode()


def _by_place(contract: FeedContract, rows: list[Row], beside: PurePosixPath) -> Iterator[HostileFile]:
    """Sound contents under a name or in a folder that nobody agreed."""
    sender, feed = beside.parts[:2]
    places = {
        beside.with_name("最新.csv").as_posix(): "intake_period_unknown",
        beside.with_name("早于契约_2016Q4.csv").as_posix(): "landing_no_contract",
        beside.with_name("日历之外_2099Q4.csv").as_posix(): "landing_outside_calendar",
        f"{sender}/{feed}_旧/{beside.name}": "landing_unknown_feed",
        f"{sender}/{feed}_{beside.name}": "landing_unknown_feed",
    }
    for (path, sentence), data in zip(places.items(), _copies(contract, rows, 1), strict=False):
        yield _refuse(path, data, sentence)


def _by_note(contract: FeedContract, rows: list[Row], beside: PurePosixPath) -> Iterator[HostileFile]:
    """Sound contents that do not fit their delivery note, or a note that cannot be read."""
    notes = {
        "交接单哈希不符": (f"sha256: {'0' * 64}\n", "landing_note_hash"),
        "交接单字段有误": ("perod: 2025Q4\n", "landing_note_wrong"),
        "交接单数目有误": ("rows: 很多\n", "landing_note_wrong"),
        "交接单报告期有误": ("period: 2025Q5\n", "intake_period_wrong"),
        "交接单记录数不符": (f"rows: {len(rows) + 1}\n", "intake_note_rows"),
    }
    for (word, (note, sentence)), data in zip(notes.items(), _copies(contract, rows, 11), strict=False):
        yield _refuse(_named(beside, word), data, sentence, note)


def _by_bytes(contract: FeedContract, rows: list[Row], beside: PurePosixPath) -> Iterator[HostileFile]:
    """Bytes that are no text in one encoding, and files of other kinds."""
    text = _sound(contract, rows)
    yield _refuse(_named(beside, "空文件"), b"", "intake_empty")
    yield _refuse(_named(beside, "编码混杂"), _MARK + text.encode() + "续".encode("gb18030"), "intake_encoding_mixed")
    yield _refuse(_named(beside, "编码损坏"), text.encode("gb18030") + b"\xff\xff\n", "intake_encoding_mixed")
    yield _refuse(_named(beside, "空字节"), text.encode() + b"\0\n", "intake_nul_byte")
    for word, (data, sentence) in _NOT_READ.items():
        name = PurePosixPath(word)
        yield _refuse(_named(beside, name.stem, name.suffix), data, sentence)


def _by_header(contract: FeedContract, rows: list[Row], beside: PurePosixPath) -> Iterator[HostileFile]:
    """Headers that do not say what every cell is."""
    names = list(rows[0])
    headers, lines = _headers(contract, names), [list(row.values()) for row in rows]

    def made(word: str, headers: list[str], lines: list[list[str]], sentence: str) -> HostileFile:
        return _refuse(_named(beside, word), _text(contract, headers, lines).encode(), sentence)

    yield made("没有表头", lines[0], lines[1:], "intake_no_header")
    required = next(at for at, name in enumerate(names) if contract.by_name[name].required)
    without = [[*line[:required], *line[required + 1 :]] for line in [headers, *lines]]
    yield made("缺少必需列", without[0], without[1:], "intake_header_missing")
    yield made("列重复", [*headers, headers[0]], [[*line, line[0]] for line in lines], "intake_header_twice")
    spare = _TOO_MANY_COLUMNS - len(headers)
    wide = [*headers, *(f"备用{number}" for number in range(1, spare + 1))]
    yield made("列过多", wide, [[*line, *[""] * spare] for line in lines], "intake_too_many_columns")
    for at, name in enumerate(names):
        if contract.by_name[name].type == "money" and contract.by_name[name].required:
            title = headers[at].partition("（")[0] + "（万元）"
            yield made(f"单位不符{at + 1}", [*headers[:at], title, *headers[at + 1 :]], lines, "intake_unit_differs")


def _by_workbook(contract: FeedContract, rows: list[Row], beside: PurePosixPath) -> Iterator[HostileFile]:
    """Workbooks that cannot be opened or whose cells have lost something."""
    names, lines = list(rows[0]), [list(row.values()) for row in rows]
    sound = _workbook(contract, names, lines)
    yield _refuse(_named(beside, "工作簿损坏", ".xlsx"), sound[: len(sound) // 2], "intake_workbook_damaged")
    yield _refuse(_named(beside, "压缩包", ".xlsx"), _zip(), "intake_archive_several")
    far = _workbook(contract, names, lines, far=True)
    yield _refuse(_named(beside, "范围过大", ".xlsx"), far, "intake_too_many_cells")
    persons = [name for name in names if contract.by_name[name].role == "person_id"]
    if persons:
        as_numbers = _workbook(contract, names, lines, numbers=persons[0])
        yield _refuse(_named(beside, "证件号成数值", ".xlsx"), as_numbers, "intake_id_as_number")
    if contract.extras.file.footer_markers and contract.facts:
        wrong = ["-1" if contract.by_name[name].role == "fact" else "" for name in names]
        stale = _workbook(contract, names, [*lines, ["合计", *wrong[1:]]])
        yield _refuse(_named(beside, "合计不符", ".xlsx"), stale, "intake_total_mismatch")


def _workbook(
    contract: FeedContract, names: list[str], lines: list[list[str]], numbers: str | None = None, *, far: bool = False
) -> bytes:
    """A workbook of texts; `numbers` names a column of number cells, `far` adds a cell far away from the others."""
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001  (fixed, so that bytes repeat)
    sheet = book.add_worksheet("数据")
    above = contract.extras.file.header_rows
    for place, line in enumerate([*[_headers(contract, names)] * above, *lines]):
        for at, cell in enumerate(line):
            if names[at] == numbers and place >= above:
                sheet.write_number(place, at, float(cell[:15]))
            elif cell:
                sheet.write_string(place, at, cell)
    if far:
        sheet.write_string(*_FAR_CELL, "备注")
    book.close()
    return buffer.getvalue()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name in ("一院.csv", "二院.csv"):
            package.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), "编号\n")
    return buffer.getvalue()


def _refused_records(contract: FeedContract, texts: pl.DataFrame, beside: PurePosixPath) -> HostileFile:
    """One copy of a sound record for every fault that refuses a record; unreadable ones stand apart from each other."""
    rows = _rows(texts.head(_CANDIDATES))
    faults = faults_of(contract, "every")
    unreadable = [fault for fault in faults if fault.kind == "unreadable"]
    order: list[Fault] = []
    for fault in (item for item in faults if item.kind == "reject"):
        order.append(fault)
        if unreadable:
            order.append(unreadable.pop())
    lines: list[list[str]] = []
    records: list[tuple[int, str, str]] = []
    for fault in order:
        row = next((row for row in rows if fault.fits(row)), None)
        if row is None:
            continue
        changes = fault.spoil(row)
        records.append((len(lines), fault.rule, fault.kind))
        lines.append([*{**row, **changes}.values(), *([] if changes else ["多余"])])
    data = _text(contract, _headers(contract, texts.columns), lines).encode()
    return HostileFile(_named(beside, "全部有误"), data, "records", records=records)

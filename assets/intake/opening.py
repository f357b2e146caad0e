"""Delivered bytes to records of text, by what the file is: the form of the file ends here.

Put here: unpacking, the reader of each kind, and what all readers share on the way out. Keep out: what a reader does
(one module per form) and the meaning of fields.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import polars as pl

from assets.intake import archives
from assets.intake.account import Account
from assets.intake.blocks import Block, FillDown
from assets.intake.dbf import DbfTable
from assets.intake.delimited import DelimitedText
from assets.intake.findings import FileRefused, Finding, Places
from assets.intake.kinds import check_compound, kind_of, markup_kind, package_kind
from assets.intake.outsiders import HEADER
from assets.intake.parquet import ParquetFile
from assets.intake.reading import Reading
from assets.intake.sheets import Workbook
from assets.intake.spreadsheetml import XmlWorkbook
from assets.intake.tables import Source
from assets.intake.webpages import WebPage
from assets.intake.xls import OldWorkbook
from data_contracts.contracts import FeedContract
from data_contracts.settings.limits import Limits

_HEAD = 1024
_SHOWN = 5


def read_records(
    data: Iterable[bytes], contract: FeedContract, limits: Limits, account: Account, *, whole: bool = False
) -> Iterator[Block]:
    """The records of a file as text, block by block; `account` gets its findings and the name of the sheet.

    `whole`: the sender has stated the hash of the file, so that its end is no cut. Raises FileRefused where the file
    cannot be taken.
    """
    reading = Reading(contract, limits, account, whole or contract.extras.file.open_end)
    filling = FillDown(contract.extras.file.fill_down)
    aside = _Aside()
    for block in opened(data, limits).blocks(reading):
        aside.note(block)
        yield filling.applied(block)
    account.findings.extend(aside.findings())


def first_tables(data: Iterable[bytes], limits: Limits) -> list[list[list[str]]]:
    """The first rows of every table a file may be read as: its visible sheets, or its text as each delimiter cuts it.

    Raises FileRefused where the file cannot be opened.
    """
    return [table.first_rows() for table in opened(data, limits).tables() if table.state == "visible"]


def opened(data: Iterable[bytes], limits: Limits) -> Source:
    """The reader of a file, by its content; archives are unpacked on the way."""
    stream = iter(data)
    for _ in range(limits.nesting + 1):
        head, stream = _peeked(stream)
        kind = kind_of(head)
        if kind == "gzip":
            stream = archives.gunzipped(stream, limits)
            continue
        if kind != "zip":
            return _READERS[kind](stream, limits)
        package = archives.open_package(b"".join(stream), limits)
        if package_kind(package) == "xlsx":
            return Workbook(package, limits)
        stream = archives.member_pieces(package, archives.only_member(package), limits)
    raise FileRefused("intake_archive_nested", limit=limits.nesting)


def _peeked(stream: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a stream, and the whole stream."""
    held: list[bytes] = []
    while sum(map(len, held)) < _HEAD and (piece := next(stream, None)) is not None:
        held.append(piece)
    head = b"".join(held)
    if not head:
        raise FileRefused("intake_empty")
    return head[:_HEAD], chain([head], stream)


def _old_workbook(stream: Iterator[bytes], limits: Limits) -> Source:
    data = b"".join(stream)
    check_compound(data)
    return OldWorkbook(data, limits)


def _marked_up(stream: Iterator[bytes], limits: Limits) -> Source:
    head, stream = _peeked(stream)
    return XmlWorkbook(stream, limits) if markup_kind(head) == "spreadsheetml" else WebPage(stream, limits)


_READERS: dict[str, Callable[[Iterator[bytes], Limits], Source]] = {
    "text": lambda stream, _: DelimitedText(stream),
    "markup": _marked_up,
    "ole": _old_workbook,
    "biff": lambda stream, limits: OldWorkbook(b"".join(stream), limits),
    "dbf": lambda stream, limits: DbfTable(b"".join(stream), limits),
    "parquet": lambda stream, limits: ParquetFile(b"".join(stream), limits),
}


class _Aside:
    """What is set apart from the records of a file, whatever its form: rows that are none, columns without a header."""

    def __init__(self) -> None:
        self._headers, self._footers = Places(), Places()
        self._unnamed: set[str] = set()

    def note(self, block: Block) -> None:
        """Note what one block sets apart."""
        for item in block.outsiders:
            (self._headers if item.kind == HEADER else self._footers).add(item.line_no)
        unnamed = [name for name in block.frame.columns if name.startswith("unnamed ") and name not in self._unnamed]
        if unnamed:
            filled = block.frame.select((pl.col(unnamed).str.strip_chars() != "").any()).row(0)
            self._unnamed.update(name for name, any_ in zip(unnamed, filled, strict=True) if any_)

    def findings(self) -> list[Finding]:
        """What there is to say at the end of the file."""
        found = []
        if self._headers.count:
            found.append(self._headers.finding("intake_header_repeated"))
        if self._footers.count:
            found.append(self._footers.finding("intake_footer_rows"))
        positions = sorted(int(name.rpartition(" ")[2]) for name in self._unnamed)
        return [*found, *(Finding("intake_header_unnamed", {"position": at}) for at in positions)]

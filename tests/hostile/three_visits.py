"""Three sound visits in every form that the test modules then damage, and how a case of a form is written.

Put here: sound bytes and rows that more than one test module starts from. Keep out: damage (the test modules), how
forms are built (builders.py) and judging (harness.py).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.hostile.builders import SHEET, dbf_row, natural, patched, sheet
from tests.hostile.harness import Case, Fate, ok
from tests.hostile.records import HEADER, table, typed_frame, visits

GOOD = visits(3)
LOADS = [ok(record) for record in GOOD]
TITLES = list(HEADER.values())

TEXT = table(GOOD)
CSV = TEXT.encode()
HEAD, ONE, TWO, THREE = TEXT.splitlines()

TEXTS = [TITLES, *(record.texts() for record in GOOD)]
ROWS = [TITLES, *(natural(record) for record in GOOD)]
BOOK = sheet(ROWS)
FOOT = ["合计", *[None] * 7, 6.15]
DBF_ROWS = [dbf_row(record) for record in GOOD]
frame = partial(typed_frame, GOOD)

XLSX, XLS = "甲_2025Q1.xlsx", "甲_2025Q1.xls"


def case(ident: str, data: str | bytes, fates: list[Fate] | None = None, *refusals: str, **more: Any) -> Case:
    """A file of text or bytes."""
    return Case(ident, data.encode() if isinstance(data, str) else data, fates, refusals, **more)


book_case = partial(case, name=XLSX)


def text(*lines: str, end: str = "\n") -> str:
    """Lines, each with its end."""
    return "".join(item + end for item in lines)


def part(change: Callable[[bytes], bytes], data: bytes | None = None, name: str = SHEET) -> bytes:
    """The workbook, or another, with one part of its package changed."""
    return patched(data or BOOK, {name: change})

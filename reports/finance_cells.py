"""The workbook of the finance office read back: whether the printed amounts are those of the file for a system.

Put here: finding the columns of amounts in the sheets. Keep out: drawing them (finance_workbook), sums of the file.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from data_contracts.finance import FinanceFile
from data_contracts.messages import text

_COLUMNS = {"due": "due_fen", "payable": "payable_fen", "prepaid": "prepaid_fen", "carried_over": "carried_over_fen",
            "claw_back": "claw_back_fen"}  # fmt: skip
_HEAD, _FIRST = 3, 6
_PER_WAN = 10_000


def wrong_sheets(path: Path, file: FinanceFile) -> Iterator[str]:
    """Names of the tables of payees whose amounts or total are not those of the file; all of them if it is no workbook.

    The sheet in the major unit to the minor unit, the one in ten thousands to less than one step of it.
    """
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
        tables = [(name, book.load_sheet(name, header_row=None, dtypes="string").to_polars().rows())
                  for name in book.sheet_names]  # fmt: skip
    except (OSError, fastexcel.FastExcelError):
        yield path.name
        return
    word, found = text("finance.due", "zh"), 0
    for name, rows in tables:
        if len(rows) > _HEAD and word in rows[_HEAD]:
            found += 1
            if not _holds(rows, file, found == 1):
                yield name
    if not found:
        yield path.name


def _holds(rows: Sequence[Sequence[str | None]], file: FinanceFile, coarse: bool) -> bool:
    """`coarse`: the first of the two is in ten thousands."""
    unit = file.minor_per_major * (_PER_WAN if coarse else 1)
    for word, field in _COLUMNS.items():
        at = list(rows[_HEAD]).index(text(f"finance.{word}", "zh"))
        due = [getattr(payee, field) or 0 for payee in file.payees]
        cells = [_number(row[at]) for row in rows[_FIRST : _FIRST + len(due) + 1]]
        if len(cells) <= len(due) or None in cells:
            return False
        apart = [abs(Decimal(cell or 0) * unit - fen) for cell, fen in zip(cells, [*due, sum(due)], strict=True)]
        if max(apart) >= (unit if coarse else Decimal("0.5")):
            return False
    return True


def _number(cell: str | None) -> Decimal | None:
    """A cell as a number; what is not known is a dash and counts 0."""
    try:
        return Decimal(0) if cell in (None, "", "—") else Decimal(str(cell))
    except ArithmeticError:
        return None

"""Control totals of a delivery note, held against what a file really holds: rows, sums of columns, distinct values.

Put here: counting them along the pass and refusing a file that differs. Keep out: reading notes (landing.py), the pass
(staging.py). Totals are of the file as delivered: of every record in it, also of those that are refused, before any
correction or conversion of ours. Distinct values are told apart by a hash that ends with the pass.
"""

from dataclasses import dataclass

import polars as pl

from assets.intake.account import Account
from assets.intake.findings import FileRefused
from assets.intake.landing import Stated
from assets.intake.typed import cleaned, read_column
from data_contracts.closed import nearest
from data_contracts.codes import CodeList
from data_contracts.contracts import Column, FeedContract, normal_header

MISMATCHES = (
    "intake_note_rows",
    "accounting_sum_differs",
    "accounting_sum_differs_few",
    "accounting_sum_unread",
    "accounting_distinct_differs",
)
# The sum over fewer filled cells than this is nearly somebody's own amount, so no message states it.
_FEW = 10
_SUMMABLE = ("integer", "decimal", "money")


@dataclass
class _Sum:
    """The sum of one column in units of its last digit."""

    column: Column
    stated: int
    found: int = 0
    filled: int = 0
    unread: int = 0


class Totals:
    """Counts along the pass over one file what its note states. Raises FileRefused where the note names no column."""

    def __init__(self, stated: Stated, contract: FeedContract, yes_no: CodeList) -> None:
        self._stated = stated
        self._yes_no = yes_no
        self._sums = [self._sum_of(name, _column(name, contract), amount) for name, amount in stated.sums.items()]
        self._distinct = [(_column(name, contract), number) for name, number in stated.distinct.items()]
        self._hashes: dict[str, list[pl.Series]] = {column.name: [] for column, _ in self._distinct}

    def _sum_of(self, name: str, column: Column, amount: str) -> _Sum:
        """A sum by header is in the unit of the file; by our name it is in ours, which for money is the minor unit."""
        if column.type not in _SUMMABLE or column.extras.rounded:
            raise FileRefused("accounting_no_sum", column=column.label)
        if column.type == "money" and not _is_header(name, column):
            stated = pl.Series([amount.strip()]).cast(pl.Int128, strict=False)[0]
        else:
            stated = _units(read_column(pl.Series([amount.strip()]), column, self._yes_no), column)[0]
        if stated is None:
            raise FileRefused("accounting_sum_form", column=column.label)
        return _Sum(column, int(stated))

    def add(self, records: pl.DataFrame) -> None:
        """Count the delivered texts of the records of one chunk; a column the file lacks has no value."""
        for total in self._sums:
            if total.column.name in records.columns:
                texts = cleaned(records[total.column.name], total.column)
                values = _units(read_column(texts, total.column, self._yes_no), total.column)
                total.found += int(values.sum() or 0)
                total.filled += texts.len() - texts.null_count()
                total.unread += values.null_count() - texts.null_count()
        for column, _ in self._distinct:
            if column.name in records.columns:
                values = cleaned(records[column.name], column).drop_nulls().unique()
                self._hashes[column.name].append(values.hash())

    def check(self, account: Account) -> None:
        """Raise FileRefused for the first total that is not what the note states."""
        if self._stated.rows is not None and self._stated.rows != account.rows:
            raise FileRefused("intake_note_rows", stated=self._stated.rows, found=account.rows)
        for total in self._sums:
            self._check_sum(total, account.unreadable)
        for column, stated in self._distinct:
            hashes = self._hashes[column.name]
            found = pl.concat(hashes).n_unique() if hashes else 0
            if found != stated:
                raise FileRefused("accounting_distinct_differs", column=column.label, stated=stated, found=found)

    def _check_sum(self, total: _Sum, unreadable: int) -> None:
        if total.found == total.stated:
            return
        column = total.column.label
        if total.unread or unreadable:
            raise FileRefused("accounting_sum_unread", column=column, count=total.unread + unreadable)
        if total.filled < _FEW:
            raise FileRefused("accounting_sum_differs_few", column=column)
        stated, found = _shown(total.stated, total.column), _shown(total.found, total.column)
        raise FileRefused("accounting_sum_differs", column=column, stated=stated, found=found)


def _column(name: str, contract: FeedContract) -> Column:
    by_header = {normal_header(header): column for column in contract.columns for header in column.headers}
    wanted = normal_header(name)
    if wanted not in by_header:
        titles = {normal_header(column.headers[0]): column.headers[0] for column in contract.columns}
        near = nearest(wanted, list(titles))
        raise FileRefused("accounting_note_column", column=name, nearest=titles[near] if near else "—")
    return by_header[wanted]


def _is_header(name: str, column: Column) -> bool:
    """Whether a file may have this header, or it is only the name we give the column."""
    headers = (*column.extras.aliases, column.titles.zh, column.titles.en)
    return normal_header(name) in {normal_header(header) for header in headers}


def _units(values: pl.Series, column: Column) -> pl.Series:
    """Numbers as whole units of the last digit, wide enough for any sum of them."""
    if column.type == "decimal":
        return values.to_physical().cast(pl.Int128)
    return values.cast(pl.Int128)


def _shown(units: int, column: Column) -> str:
    """A sum as it is written in the file."""
    scale = {"integer": 0, "decimal": column.extras.scale}.get(column.type, len(str(column.minor_units)) - 1)
    digits = str(abs(units)).zfill(scale + 1)
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if units < 0 else text

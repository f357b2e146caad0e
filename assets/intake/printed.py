"""Totals that rows of a file state, held against the records: a check sum the sender has made without knowing it.

Put here: sums along the pass and comparing them. Keep out: telling rows of totals from records (outsiders.py), totals
of the delivery note (totals.py).
A total stands below or above what it sums, for the whole table or a group, and groups may lie in groups. So it is right
if it is the sum of the records between itself and some other total, the first record or the last one. Columns that
cannot be added up, in per cent, are left out. A total that is none of these sums refuses the file: a record may be
missing. Where a record or the total cannot be read as a number nothing is proven, and a finding says so.
"""

from dataclasses import dataclass

import polars as pl

from assets.intake.account import Account
from assets.intake.blocks import Block
from assets.intake.findings import FileRefused, Finding
from assets.intake.outsiders import TOTAL, Outsider
from assets.intake.typed import Typed, cleaned, read_column
from data_contracts.codes import CodeList
from data_contracts.contracts import Column, FeedContract

_SUMMABLE = ("integer", "decimal", "money")
_RATE = "%"


@dataclass(frozen=True)
class _Mark:
    """Sums over all records down to a row, how many they are, and how many cells of a column could not be read."""

    records: int
    sums: tuple[int, ...]
    unread: tuple[int, ...]


@dataclass(frozen=True)
class _Printed:
    """A row of totals: its line, the mark it stands at, and the totals by position of the column."""

    line: int
    mark: int
    totals: dict[int, int]


class PrintedTotals:
    """Sums along the pass over one file, compared with what its rows of totals say."""

    def __init__(self, contract: FeedContract, yes_no: CodeList) -> None:
        self._yes_no = yes_no
        self._columns = [c for c in contract.columns if self._adds_up(c)]
        nothing = (0,) * len(self._columns)
        self._marks = [_Mark(0, nothing, nothing)]
        self._now = self._marks[0]
        self._printed: list[_Printed] = []
        self._findings: list[Finding] = []

    @staticmethod
    def _adds_up(column: Column) -> bool:
        return column.type in _SUMMABLE and column.role != "drop" and column.extras.unit != _RATE

    def add(self, block: Block, typed: Typed | None) -> None:
        """One block; `typed` are its columns where they say what the cells of the file say, else the cells are read."""
        values, unread = self._values(block, typed)
        last = -1
        for total in (item for item in block.outsiders if item.kind == TOTAL):
            self._advance(block, values, unread, last, total.line_no)
            last = total.line_no
            self._marks.append(self._now)
            self._print(total)
        self._advance(block, values, unread, last, None)

    def check(self, account: Account) -> None:
        """Compare; raises FileRefused for a total that is no sum."""
        account.findings.extend(self._findings)
        marks = [*self._marks, self._now]
        for printed in self._printed:
            wrong = self._wrong(printed, marks)
            if wrong is None:
                continue
            name = self._columns[wrong].headers[0]
            if any(marks[-1].unread):
                account.findings.append(Finding("intake_total_unread", {"column": name, "line": printed.line}))
            else:
                raise FileRefused("intake_total_mismatch", column=name, line=printed.line)

    def _values(self, block: Block, typed: Typed | None) -> tuple[list[pl.Series], list[pl.Series]]:
        values, unread = [], []
        nothing = pl.repeat(None, block.frame.height, dtype=pl.Int128, eager=True)
        for column in self._columns:
            if column.name not in block.frame.columns:
                values.append(nothing)
                unread.append(nothing.is_not_null())
            elif typed is not None:
                values.append(_whole(typed.frame[column.name], column))
                unread.append(typed.violations[f"type_{column.name}"])
            else:
                raw = cleaned(block.frame[column.name], column)
                values.append(_whole(read_column(raw, column, self._yes_no), column))
                unread.append(values[-1].is_null() & raw.is_not_null())
        return values, unread

    def _advance(
        self, block: Block, values: list[pl.Series], unread: list[pl.Series], after: int, before: int | None
    ) -> None:
        """Add the records between two lines."""
        lines = block.frame["line_no"]
        start = int(lines.search_sorted(after, side="right"))
        stop = lines.len() if before is None else int(lines.search_sorted(before))
        height = max(0, stop - start)
        broken = sum(item.line_no > after and (before is None or item.line_no < before) for item in block.unreadable)

        def between(series: pl.Series) -> int:
            return int(series.slice(start, height).sum() or 0)

        self._now = _Mark(
            self._now.records + height + broken,
            tuple(sum_ + between(item) for sum_, item in zip(self._now.sums, values, strict=True)),
            tuple(sum_ + between(item) + broken for sum_, item in zip(self._now.unread, unread, strict=True)),
        )

    def _print(self, total: Outsider) -> None:
        totals = {}
        for position, column in enumerate(self._columns):
            raw = cleaned(pl.Series([total.cells.get(column.name, "")]), column)
            stated = _whole(read_column(raw, column, self._yes_no), column)[0]
            if stated is not None:
                totals[position] = int(stated)
            elif raw[0] is not None:
                params = {"column": column.headers[0], "line": total.line_no}
                self._findings.append(Finding("intake_total_unread", params))
        self._printed.append(_Printed(total.line_no, len(self._marks) - 1, totals))

    def _wrong(self, printed: _Printed, marks: list[_Mark]) -> int | None:
        """The column a row of totals is wrong in, None where it is right."""
        here = marks[printed.mark]
        groups = [(mark, here) for mark in marks[: printed.mark]] + [(here, mark) for mark in marks[printed.mark + 1 :]]
        # A total may say that its group holds nothing, but only right behind the total before it.
        sized = [(a, b) for a, b in groups if b.records > a.records] or groups[:1]
        if not any(printed.totals.values()) and any(b.records == a.records for a, b in groups):
            return None
        fitting = sized
        for position, stated in printed.totals.items():
            fitting = [(a, b) for a, b in fitting if b.sums[position] - a.sums[position] == stated]
            if not fitting:
                return position
        return None


def _whole(values: pl.Series, column: Column) -> pl.Series:
    """Numbers as whole units of the last digit, wide enough for any sum of them."""
    whole = values.to_physical() if column.type == "decimal" else values
    return whole.cast(pl.Int128)

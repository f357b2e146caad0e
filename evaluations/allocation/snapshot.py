"""The frozen input of an allocation: tables of text cells as exact columns, aligned with the payees in order of id.

Put here: reading cells, payees, groups; every complaint names table, row, column, rule and next step, never a value.
Keep out: reading files, and what is done with figures. An empty cell is unknown (None), never zero.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

import polars as pl

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.messages import both, did_you_mean, wrong

ROW = "__row"
"""Column with the number of the row in its file, added by who reads the file; else the first row is 2."""
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_QUARTER = re.compile(r"(\d{4})Q([1-4])", re.ASCII)
_YES, _NO = ("1", "1.0", "是", "true", "yes", "y"), ("0", "0.0", "否", "false", "no", "n")
_DIGITS = 15
_LARGEST = Decimal(10) ** _DIGITS
LARGEST_FEN = 10**18
"""No money reaches this: tables hold whole numbers up to nine times as much."""
Cell = TypeVar("Cell")


class DataError(ValueError):
    """The data do not allow the division; `words` say why in zh and en, by place, never by value."""

    def __init__(self, sentence: str, **params: object) -> None:
        self.words = both(sentence, **params)
        super().__init__(self.words["en"])


@dataclass(frozen=True)
class Rows:
    """Some rows of one table, cells as trimmed text; `numbers`: their rows in the file.

    Columns are read once and remembered; nobody changes the lists.
    """

    table: str
    numbers: list[int]
    cells: Mapping[str, list[str]]
    blanks: frozenset[str]
    _read_before: dict[tuple[str, str], list[Any]] = field(default_factory=dict, repr=False, compare=False)

    def words(self, column: str) -> list[str | None]:
        """Text of a column; None where there is none."""
        return [None if cell in self.blanks else cell for cell in self.cells[column]]

    def figures(self, column: str) -> list[Decimal | None]:
        """Exact numbers of a column; None where the cell is empty. Raises DataError for anything else."""
        return self._read(column, _number, "allocate_not_number")

    def fractions(self, column: str) -> list[Fraction | None]:
        """As `figures`, for arithmetic."""
        key = (column, "fractions")
        if key not in self._read_before:
            known = self.distinct(column, self.figures(column))
            each = {word: None if own is None else Fraction(*own.as_integer_ratio()) for word, own in known}
            self._read_before[key] = [each[word] for word in self.cells[column]]
        return self._read_before[key]

    def yes_no(self, column: str) -> list[bool | None]:
        """1 / 是 / true or 0 / 否 / false; None where the cell is empty."""
        return self._read(column, _truth, "allocate_not_yes_no")

    def quarters(self, column: str) -> list[int | None]:
        """2025Q1 as a running number (year × 4 + quarter − 1)."""
        return self._read(column, quarter_number, "allocate_not_quarter")

    def _read(self, column: str, read: Callable[[str], Cell | None], sentence: str) -> list[Cell | None]:
        if (column, sentence) in self._read_before:
            return self._read_before[column, sentence]
        words = self.cells[column]
        known = {word: None if word in self.blanks else read(word) for word in set(words)}
        found = [known[word] for word in words]
        if any(item is None and word not in self.blanks for word, item in known.items()):
            unread = [item is None and word not in self.blanks for word, item in zip(words, found, strict=True)]
            self.refuse(unread, sentence, column)
        self._read_before[column, sentence] = found
        return found

    def with_cells(self, column: str, cells: list[str]) -> "Rows":
        """The same rows with other cells in one column."""
        kept = {key: found for key, found in self._read_before.items() if key[0] != column}
        return Rows(self.table, self.numbers, {**self.cells, column: cells}, self.blanks, kept)

    def with_only(self, places: Sequence[int]) -> "Rows":
        """Some of the rows, by their places."""
        cells = {name: [words[at] for at in places] for name, words in self.cells.items()}
        return Rows(self.table, [self.numbers[at] for at in places], cells, self.blanks)

    def known(self, column: str, found: Sequence[Cell | None]) -> list[Cell]:
        """The same list; raises DataError where something is missing."""
        self.refuse([item is None for item in found], "allocate_missing", column)
        return [item for item in found if item is not None]

    def between(
        self, column: str, found: Sequence[Decimal | None], low: int | None = 0, high: int | None = None
    ) -> None:
        """Raises DataError for a figure below `low` or above `high`."""
        at_least = low if high is None else low or 0

        def outside(item: Decimal | None) -> bool:
            if item is None:
                return False
            return (at_least is not None and item < at_least) or (high is not None and item > high)

        known = [item for _, item in self.distinct(column, found) if item is not None]
        if known and (outside(min(known)) or outside(max(known))):
            sentence = "allocate_negative" if high is None else "allocate_outside"
            self.refuse(list(map(outside, found)), sentence, column, low=low, high=high)

    def distinct(self, column: str, found: Sequence[Cell | None]) -> Collection[tuple[str, Cell | None]]:
        """Each word of a column once, with what was read from it."""
        return dict(zip(self.cells[column], found, strict=True)).items()

    def refuse(self, faults: Sequence[bool], sentence: str, column: str, **params: object) -> None:
        """Raises DataError that names the first faulty row and how many there are."""
        if any(faults):
            row = min(number for number, fault in zip(self.numbers, faults, strict=True) if fault)
            raise DataError(sentence, table=self.table, column=column, row=row, count=sum(faults), **params)


def repeated(keys: Iterable[Hashable]) -> list[bool]:
    """For each key whether it stood before."""
    seen: set[Hashable] = set()
    found = []
    for key in keys:
        found.append(key in seen)
        seen.add(key)
    return found


def _to_the_eye(word: str) -> str:
    """What is seen of an id: without characters that show nothing, full-width letters and digits as plain ones."""
    if word.isascii():
        return word
    seen = unicodedata.normalize("NFKC", word)
    return "".join(letter for letter in seen if unicodedata.category(letter) != "Cf").strip()


def _number(word: str) -> Decimal | None:
    if word.isascii() and word.isdigit() and len(word) < _DIGITS:
        return Decimal(word)
    if _GROUPED.fullmatch(word):
        word = word.replace(",", "")
    if not _PLAIN.fullmatch(word):
        return None
    number = Decimal(word)
    return number if abs(number) < _LARGEST else None


def _truth(word: str) -> bool | None:
    return True if word.lower() in _YES else False if word.lower() in _NO else None


def quarter_number(word: str) -> int | None:
    """2025Q1 as a running number (year × 4 + quarter − 1); None for other words."""
    found = _QUARTER.fullmatch(word.upper())
    return int(found[1]) * 4 + int(found[2]) - 1 if found else None


def quarter_name(number: int) -> str:
    """The running number of a quarter as 2025Q1."""
    return f"{number // 4}Q{number % 4 + 1}"


def trimmed(column: pl.Series) -> list[str]:
    """The cells of a column of a table as they are read."""
    return column.cast(pl.String).str.strip_chars().fill_null("").to_list()


class Snapshot:
    """Spec and tables (name → frame of text cells, one row per record).

    Raises DefinitionError for a table or column that is not there, DataError for cells that say no. Everything given
    per payee is a list in the order of `ids`.
    """

    def __init__(self, spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> None:
        self.spec, self._tables = spec, tables
        self._blanks = frozenset(["", *(word.strip() for word in spec.missing_words)])
        self._rows: dict[str, Rows] = {}
        self._as_filed: dict[str, Rows] = {}
        self._orders: dict[str, list[int]] = {}
        payees = spec.payees
        rows = self._by_id(payees.table)
        self.ids: list[str] = rows.cells[payees.id]
        if not self.ids:
            raise DataError("allocate_no_payees", table=payees.table)
        names = self.column(payees.name, "payees.name") if payees.name else self.ids
        self.names: list[str] = [name or own for name, own in zip(names, self.ids, strict=True)]
        self.kind: str = payees.kind

    def moved(self, table: str, column: str, cells: list[str]) -> "Snapshot":
        """The same snapshot with other cells in one column, not of ids, in the order of the file.

        What was read of other columns is kept.
        """
        found = copy(self)
        filed, rows = self._filed(table), dict(self._rows)
        if table in rows:
            rows[table] = rows[table].with_cells(column, [cells[at] for at in self._order(filed)])
        as_filed = {**self._as_filed, table: filed.with_cells(column, cells)}
        found.__dict__.update(_as_filed=as_filed, _rows=rows)
        if column in self.spec.payees.groups.values():
            found.__dict__.pop("groups", None)
            found.__dict__.pop("members", None)
        return found

    def with_spec(self, spec: AllocationSpec) -> "Snapshot":
        """The same tables for a spec that reads other columns of them, but has the same payees."""
        found = copy(self)
        found.spec = spec
        return found

    @cached_property
    def groups(self) -> dict[str, list[bool]]:
        """Group → for each payee whether it is in it."""
        groups = {}
        for group, column in self.spec.payees.groups.items():
            rows = self._figure_rows(Figure(column=column), f"payees.groups.{group}")
            groups[group] = rows.known(column, rows.yes_no(column))
        return groups

    @cached_property
    def members(self) -> dict[str, tuple[list[int], frozenset[str]]]:
        """Group → places and ids of the payees in it."""
        found = {}
        for group, inside in self.groups.items():
            places = [at for at, own in enumerate(inside) if own]
            found[group] = places, frozenset(self.ids[at] for at in places)
        return found

    def groups_of(self, at: int) -> list[str]:
        """The groups of one payee."""
        return [group for group, members in self.groups.items() if members[at]]

    def column(self, column: str, place: str) -> list[str | None]:
        """Words of a column of the table of payees."""
        return self._figure_rows(Figure(column=column), place).words(column)

    def cells(self, figure: Figure) -> list[str]:
        """The cells of a figure that was read before, as they were written."""
        return self._rows[figure.table or self.spec.payees.table].cells[figure.column]

    def rows_of(self, figure: Figure, place: str) -> Rows:
        """The table of a figure with a row for each payee, in their order: to complain about cells by their place."""
        return self._figure_rows(figure, place)

    def figures(self, figure: Figure, place: str, *, low: int | None = 0, high: int | None = None) -> list[Decimal]:
        """Exact figures of the payees, none missing; `low` and `high` as in `Rows.between`."""
        rows = self._figure_rows(figure, place)
        found = rows.figures(figure.column)
        rows.between(figure.column, found, low, high)
        return rows.known(figure.column, found)

    def fractions(self, figure: Figure, place: str, *, low: int | None = 0, high: int | None = None) -> list[Fraction]:
        """As `figures`, for arithmetic."""
        self.figures(figure, place, low=low, high=high)
        rows = self._figure_rows(figure, place)
        return rows.known(figure.column, rows.fractions(figure.column))

    def some_figures(
        self, figure: Figure, place: str, *, low: int | None = 0, high: int | None = None
    ) -> list[Decimal | None]:
        """As `figures`, with None where a cell is empty."""
        rows = self._figure_rows(figure, place)
        found = rows.figures(figure.column)
        rows.between(figure.column, found, low, high)
        return found

    def money(self, figure: Figure, place: str, *, low: int | None = 0) -> list[int | None]:
        """Money of the payees in fen; None where a cell is empty. Raises DataError where it is not whole."""
        rows = self._figure_rows(figure, place)
        found = rows.figures(figure.column)
        rows.between(figure.column, found, low)
        return self.fen(rows, figure.column, found)

    def fen(self, rows: Rows, column: str, found: Sequence[Decimal | None]) -> list[int | None]:
        """Figures in the unit of the spec as whole fen."""
        each = self.spec.fen_per_unit
        rows.refuse([item is not None and bool(item * each % 1) for item in found], "allocate_broken_fen", column)
        rows.refuse([item is not None and item * each >= LARGEST_FEN for item in found], "allocate_too_much", column)
        return [None if item is None else int(item * each) for item in found]

    def rows(self, table: str, columns: Mapping[str, str], place: str) -> Rows:
        """A table with any number of rows in the order of its file; `columns`: word of the spec → column."""
        frame = self._table(table, place)
        for word, column in columns.items():
            self._has(frame, table, column, f"{place}.{word}")
        return self._filed(table)

    def places(self, rows: Rows, column: str) -> list[int]:
        """Which payee each row is about. Raises DataError for a blank or unknown id."""
        at = {own: number for number, own in enumerate(self.ids)}
        rows.refuse([word is None for word in rows.words(column)], "allocate_blank_id", column)
        rows.refuse([word not in at for word in rows.cells[column]], "allocate_stranger", column,
                    payees=self.spec.payees.table)  # fmt: skip
        return [at[word] for word in rows.cells[column]]

    def _figure_rows(self, figure: Figure, place: str) -> Rows:
        table = figure.table or self.spec.payees.table
        self._has(self._table(table, place), table, figure.column, place)
        return self._by_id(table)

    def _by_id(self, table: str) -> Rows:
        """A table with exactly one row for each payee, in the order of ids."""
        if table in self._rows:
            return self._rows[table]
        payees, column = self.spec.payees, self.spec.payees.id
        place = "payees" if table == payees.table else table
        frame = self._table(table, place)
        self._has(frame, table, column, f"{place}.id")
        rows = self._filed(table)
        rows.refuse([word is None for word in rows.words(column)], "allocate_blank_id", column)
        again = repeated(rows.cells[column])
        rows.refuse(again, "allocate_id_again", column)
        rows.refuse(repeated(map(_to_the_eye, rows.cells[column])), "allocate_ids_alike", column)
        order = self._order(rows)
        ordered = Rows(
            table,
            [rows.numbers[at] for at in order],
            {name: [cells[at] for at in order] for name, cells in rows.cells.items()},
            rows.blanks,
        )
        if table != payees.table:
            self._same_payees(ordered, column)
        self._rows[table] = ordered
        return ordered

    def _same_payees(self, rows: Rows, column: str) -> None:
        self.places(rows, column)
        if len(rows.numbers) < len(self.ids):
            there, own = set(rows.cells[column]), self._rows[self.spec.payees.table]
            lacking = [number for number, word in zip(own.numbers, self.ids, strict=True) if word not in there]
            raise DataError("allocate_no_row", table=rows.table, count=len(lacking), row=min(lacking),
                            payees=self.spec.payees.table)  # fmt: skip

    def _table(self, table: str, place: str) -> pl.DataFrame:
        if table not in self._tables:
            raise wrong("allocate_no_table", table=table, place=place, hint=did_you_mean(table, self._tables))
        return self._tables[table]

    def _has(self, frame: pl.DataFrame, table: str, column: str, place: str) -> None:
        if column not in frame.columns:
            hint = did_you_mean(column, [name for name in frame.columns if name != ROW])
            raise wrong("allocate_no_column", table=table, column=column, place=place, hint=hint)

    def _order(self, rows: Rows) -> list[int]:
        if rows.table not in self._orders:
            ids = rows.cells[self.spec.payees.id]
            self._orders[rows.table] = sorted(range(len(ids)), key=ids.__getitem__)
        return self._orders[rows.table]

    def _filed(self, table: str) -> Rows:
        """All rows of a table in the order of its file."""
        if table in self._as_filed:
            return self._as_filed[table]
        frame = self._tables[table]
        numbers = frame[ROW].to_list() if ROW in frame.columns else list(range(2, frame.height + 2))
        texts: dict[str, list[Any]] = {name: trimmed(frame[name]) for name in frame.columns if name != ROW}
        self._as_filed[table] = Rows(table, numbers, texts, self._blanks)
        return self._as_filed[table]

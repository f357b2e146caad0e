"""Rows within a table that are no records: blank ones, headers that come again, totals, signatures and remarks.

Put here: telling them from records, for every form of file. Keep out: comparing totals (printed.py).
A row is set apart only where it cannot be a record: a community may be named 合计村 and a person 注. So a word alone is
never enough; the other cells must be empty, or be what stands beside such a word. What is set apart is named in the
findings of the file with its lines.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import polars as pl

from assets.intake.findings import FileRefused
from data_contracts.contracts import Column, normal_header

BLANK, HEADER, TOTAL, REMARK, CHANGED = "blank", "header", "total", "remark", "changed"
_SPACES = " \t\n\u3000\u00a0"
_LEAD = "first filled cell"
# The word that makes a row a total may stand behind a number or the name of a group.
_WITHIN = 3
_TOTAL = re.compile(r"(?:[^:]{0,20}?)(?:合计|总计|小计|共计|累计)数?(?:\([^()]*\))?:?|(?:grand|sub)?-?total:?")
# In every word that names a total.
_TOTAL_MARKS = ["计", "total"]
_REMARKS = (
    "制表人", "制表", "填表人", "填报人", "审核人", "复核人", "审核", "负责人", "经办人", "注", "备注", "说明",
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9][0-9,]{0,11}(?:\.[0-9]+)?%?|[-—/]+")
_NUMBER_OR_DATE = re.compile(r"[0-9年月日号时分:.,/+%-]*[0-9年月日号时分]")
_NUMERIC = ("integer", "decimal", "money")
_FIRST_LABELS = ("甲", "栏次", "行次", "列次")
_LABELS = (*_FIRST_LABELS, "乙", "丙", "丁", "戊", "序号")
_NUMBERED = 2
_AFTER_SHORT = re.compile(r"[0-9:(、.]")


@dataclass(frozen=True)
class Outsider:
    """A row that is no record: its line, what it is, and of a total the texts of its number columns by name."""

    line_no: int
    kind: str
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outsiders:
    """Tells the rows of one file that are no records.

    `columns` are the contract's columns by position (None: a column nobody knows), `above` the rows of the file down to
    its header, `known` all headers of the contract, `markers` the words of the contract for totals and remarks.
    """

    columns: Sequence[Column | None]
    above: Sequence[Sequence[str]] = ()
    known: frozenset[str] = frozenset()
    markers: Sequence[str] = ()

    @cached_property
    def _remarks(self) -> tuple[str, ...]:
        own = [normal_header(marker) for marker in self.markers]
        return tuple(dict.fromkeys([*(word for word in own if not _TOTAL.fullmatch(word)), *_REMARKS]))

    @cached_property
    def _rows_above(self) -> set[tuple[str, ...]]:
        return {row for row in (_normal(cells) for cells in self.above) if any(row)}

    @cached_property
    def _words(self) -> str:
        """Pattern of a first cell that may begin a remark."""
        spaced = [r"\s*".join(map(re.escape, word.rstrip(":"))) for word in self._remarks]
        return rf"^\s*(?:{'|'.join(spaced)})"

    @cached_property
    def _first_headers(self) -> list[str]:
        firsts = (next((cell for cell in row if cell.strip(_SPACES)), "") for row in self.above)
        return sorted({*firsts, *self.known, *_FIRST_LABELS, "(1)", "（1）"} - {""})

    def among(self, texts: pl.DataFrame) -> tuple[pl.Series, list[Outsider]]:
        """Which rows are blank, and the other rows that are no records. Raises FileRefused where a header changes."""
        columns = [name for name in texts.columns if name != "line_no"]
        suspects = texts.filter(self._suspect(columns[:_WITHIN]))
        blank = pl.repeat(value=False, n=texts.height, dtype=pl.Boolean, eager=True)
        if suspects.is_empty():
            return blank, []
        filled = [pl.when(pl.col(name).str.strip_chars(_SPACES) != "").then(pl.col(name)) for name in columns]
        suspects = suspects.with_columns(pl.coalesce(filled).alias(_LEAD))
        empty = suspects.filter(pl.col(_LEAD).is_null())
        if empty.height:
            blank = texts["line_no"].is_in(empty["line_no"].implode())
        # Most rows whose first cell is blank are records; what they begin with stands further to the right.
        rows = suspects.filter(pl.col(_LEAD).is_not_null() & self._told([_LEAD, *columns]))
        found = [self.seen(cells, line) for *cells, line in rows.select(*columns, "line_no").iter_rows()]
        return blank, [item for item in found if item is not None]

    def _suspect(self, columns: list[str]) -> pl.Expr:
        """True of every row that may be blank or set apart, by its first cells, and of few others."""
        return self._told(columns, rf"^\s*$|{self._words}")

    def _told(self, columns: list[str], words: str | None = None) -> pl.Expr:
        told = pl.col(columns[0]).str.contains(words or self._words)
        told = told | pl.any_horizontal(pl.col(columns).is_in(self._first_headers))
        return told | pl.any_horizontal(pl.col(columns).str.contains_any(_TOTAL_MARKS, ascii_case_insensitive=True))

    def seen(self, cells: Sequence[str], line: int) -> Outsider | None:
        """What a row on a line is, None for a record. Raises FileRefused where it is another header than the first."""
        texts = _normal(cells)
        filled = [at for at, text in enumerate(texts) if text]
        if not filled:
            return Outsider(line, BLANK)
        if self._is_header(texts, filled, line):
            return Outsider(line, HEADER)
        near = [at for at in filled[:_WITHIN] if at < _WITHIN or not texts[0]]
        at = next((at for at in near if _TOTAL.fullmatch(texts[at])), None)
        if at is not None and self._beside_total(texts, at):
            names = {place: column.name for place, column in enumerate(self.columns) if column and _is_number(column)}
            return Outsider(line, TOTAL, {names[at]: cells[at] for at in filled if at in names})
        aside = self._is_remark(texts, filled) or _is_numbering(texts)
        return Outsider(line, REMARK) if aside else None

    def _is_header(self, texts: tuple[str, ...], filled: list[int], line: int) -> bool:
        if texts in self._rows_above:
            return True
        known = sum(texts[at] in self._known for at in filled)
        if known > 1 and known * 2 >= len(filled):
            raise FileRefused("intake_header_changes", line=line)
        return False

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(normal_header(header) for header in self.known)

    def _beside_total(self, texts: tuple[str, ...], at: int) -> bool:
        """Whether the cells behind the word of a total are numbers or blank; in columns of numbers they may be damaged.

        A row with anything to read in a column of text, a date or a code is a record, whatever it is called.
        """
        for position, text in enumerate(texts[at + 1 :], start=at + 1):
            column = self.columns[position] if position < len(self.columns) else None
            if not text or _is_number(column):
                continue
            if position >= len(self.columns) or not _NUMBER.fullmatch(text):
                return False
        return all(not text or self._may_label(position) for position, text in enumerate(texts[:at]))

    def _may_label(self, position: int) -> bool:
        if position >= len(self.columns):
            return False
        column = self.columns[position]
        return column is None or column.type in ("text", "integer")

    def _is_remark(self, texts: tuple[str, ...], filled: list[int]) -> bool:
        first = texts[filled[0]]
        alone = len(filled) == 1
        if not self._marked(first) and not (alone and self._begins_marked(first)):
            return False
        beside = 0
        for before, at in pairwise(filled):
            if self._marked(texts[at]) or self._bare(texts[before]):
                continue
            if not _NUMBER_OR_DATE.fullmatch(texts[at]):
                return False
            beside += 1
        return beside * 2 < len(self.columns)

    def _marked(self, text: str) -> bool:
        """Whether a cell is one of the words, alone or with a colon behind it."""
        return any(text == word or text.startswith(f"{word.rstrip(':')}:") for word in self._remarks)

    def _bare(self, text: str) -> bool:
        return self._marked(text) and (text.endswith(":") or text in self._remarks)

    def _begins_marked(self, text: str) -> bool:
        for word in self._remarks:
            rest = text.removeprefix(word)
            if rest != text and (len(word) > 1 or _AFTER_SHORT.match(rest)):
                return True
        return False


def _is_numbering(texts: tuple[str, ...]) -> bool:
    """Whether a row numbers the columns, as under the header of a statistical table: 甲, 乙, 1, 2, 3.

    Numbers alone do not: a record of counts may be 1, 2, 3 too.
    """
    labels = tuple(text for text in texts if text in _LABELS)
    numbers = texts[len(labels) :]
    counted = [str(at) for at in range(1, len(numbers) + 1)]
    bare = [text.strip("()") for text in numbers]
    told = bool(labels) or all(text.startswith("(") for text in numbers)
    return told and len(numbers) >= _NUMBERED and texts[: len(labels)] == labels and bare == counted


def _normal(cells: Sequence[str]) -> tuple[str, ...]:
    texts = [normal_header(cell.strip("'\ufeff")) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _is_number(column: Column | None) -> bool:
    return column is not None and column.type in _NUMERIC

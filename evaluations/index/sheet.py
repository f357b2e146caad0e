"""The table of figures behind an index: rows by unit id, columns as words and, where wanted, as numbers.

Put here: from a frame to figures, strata and conditions. Keep out: reading files, and what is done with figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from data_contracts.index_spec.basics import Condition, FromColumn
from data_contracts.index_spec.document import IndexSpec, columns_used
from data_contracts.messages import both, did_you_mean, wrong
from evaluations.index.numeric import Mask, Vector

_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"


class SheetError(ValueError):
    """The data cannot be judged by the spec; `words` say why in zh and en, by place and count, never by value."""

    def __init__(self, sentence: str, **params: object) -> None:
        self.words = both(sentence, **params)
        super().__init__(self.words["en"])


@dataclass(frozen=True)
class Sheet:
    """Units in the order of their ids with the columns that the spec names."""

    units: list[str]
    words: dict[str, list[str]]
    numbers: dict[str, Vector]
    blanks: frozenset[str] = frozenset([""])
    _strata: dict[tuple[str, ...], list[tuple[str, Any]]] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Number of units."""
        return len(self.units)

    def quantity(self, given: float | FromColumn) -> Vector | float:
        """A number for all units, or the figures of a column."""
        return self.numbers[given.column] if isinstance(given, FromColumn) else given

    def strata(self, within: Sequence[str]) -> list[tuple[str, Any]]:
        """Label and row numbers of each combination of values, by label; one unnamed stratum without columns."""
        key = tuple(within)
        if key not in self._strata:
            self._strata[key] = split([self.words[name] for name in key])
        return self._strata[key]

    def holds(self, conditions: Sequence[Condition], scores: Mapping[str, Vector]) -> Mask:
        """For which units all conditions hold; `scores`: figures of the parts and counts that they name."""
        result = np.ones(self.height, dtype=bool)
        for condition in conditions:
            result &= self._holds(condition, scores)
        return result

    def _holds(self, condition: Condition, scores: Mapping[str, Vector]) -> Mask:
        named = condition.part or condition.count
        figures = scores[named] if named is not None else self.numbers.get(str(condition.column))
        result = np.ones(self.height, dtype=bool)
        if condition.among is not None:
            result &= self._among(condition, figures)
        if figures is None:
            blank = np.array([word in self.blanks for word in self.words[str(condition.column)]], dtype=bool)
            return result & (blank == condition.missing) if condition.missing is not None else result
        with np.errstate(invalid="ignore"):
            for bound, test in (("at_least", np.greater_equal), ("above", np.greater),
                                ("at_most", np.less_equal), ("below", np.less)):  # fmt: skip
                limit = getattr(condition, bound)
                if limit is not None:
                    result &= test(figures, limit)
        return result & (np.isnan(figures) == condition.missing) if condition.missing is not None else result

    def _among(self, condition: Condition, figures: Vector | None) -> Mask:
        wanted = condition.among or []
        if figures is not None:
            return np.isin(figures, [number for number in map(_number, wanted) if number is not None])
        known = {_plain(item) for item in wanted}
        return np.array([word in known for word in self.words[str(condition.column)]], dtype=bool)


def split(columns: Sequence[Sequence[str]]) -> list[tuple[str, Any]]:
    """Label and row numbers of each combination of the words of columns, by label; all rows without columns."""
    if not columns:
        return [("", slice(None))]
    labels = np.array([" · ".join(row) for row in zip(*columns, strict=True)])
    return [(str(label), np.flatnonzero(labels == label)) for label in np.unique(labels)]


def _number(item: str | float) -> float | None:
    try:
        return float(item)
    except ValueError:
        return None


def _plain(item: str | float) -> str:
    return item if isinstance(item, str) else f"{item:.15g}"


def sheet_of(frame: pl.DataFrame, spec: IndexSpec) -> Sheet:
    """The columns that the spec names, rows sorted by unit id.

    Words are trimmed; where figures are expected those of `missing_words` are none. Raises DefinitionError for a
    column that is not there, SheetError for a unit without id, an id twice, and cells that should be numbers and are
    not.
    """
    columns = columns_used(spec)
    for column, (place, _) in columns.items():
        if column not in frame.columns:
            raise wrong("index_no_column", column=column, place=place, hint=did_you_mean(column, frame.columns))
    blanks = frozenset(["", *(word.strip() for word in spec.missing_words)])
    used = frame.select(*columns).with_row_index("_row", offset=2)
    words = used.with_columns(
        pl.col(name).cast(pl.String).str.strip_chars().fill_null("").alias(name) for name in columns
    )
    _check_ids(words, spec.unit)
    words = words.sort(spec.unit)
    if words.is_empty():
        raise SheetError("index_no_units")
    # In the order of the words: ids are compared as text.
    ordered = used[(words["_row"] - 2).to_list()] if words.height else used
    numeric = [name for name, (_, is_number) in columns.items() if is_number]
    return Sheet(
        units=words[spec.unit].to_list(),
        words={name: words[name].to_list() for name in columns},
        numbers={
            name: _figures(ordered, name) if ordered.schema[name].is_numeric() else _numbers(words, name, blanks)
            for name in numeric
        },
        blanks=blanks,
    )


def _check_ids(words: pl.DataFrame, unit: str) -> None:
    blank = words.filter(pl.col(unit) == "")
    if blank.height:
        raise SheetError("index_unit_blank", column=unit, count=blank.height, row=blank["_row"][0])
    again = words.filter(pl.col(unit).is_duplicated())
    if again.height:
        count = again.height - again[unit].n_unique()
        raise SheetError("index_unit_twice", column=unit, count=count, row=again["_row"][1])


def _figures(ordered: pl.DataFrame, name: str) -> Vector:
    """Figures that are numbers already; blank where there is none."""
    column = ordered[name].cast(pl.Float64)
    wrong_cells = ordered.filter(~column.is_finite().fill_null(value=True)).sort("_row")
    if wrong_cells.height:
        raise SheetError("index_not_number", column=name, count=wrong_cells.height, row=wrong_cells["_row"][0])
    return column.fill_null(float("nan")).to_numpy().astype(float)


def _numbers(words: pl.DataFrame, name: str, blanks: frozenset[str]) -> Vector:
    text = pl.when(pl.col(name).is_in(sorted(blanks))).then(pl.lit("")).otherwise(name)
    grouped = pl.when(text.str.contains(_THOUSANDS)).then(text.str.replace_all(",", "", literal=True)).otherwise(text)
    figures = words.select("_row", text.alias(name), grouped.cast(pl.Float64, strict=False).alias("_figure"))
    wrong_cells = figures.filter(
        (pl.col(name) != "") & (pl.col("_figure").is_null() | ~pl.col("_figure").is_finite().fill_null(value=True))
    ).sort("_row")
    if wrong_cells.height:
        raise SheetError("index_not_number", column=name, count=wrong_cells.height, row=wrong_cells["_row"][0])
    return figures["_figure"].fill_null(float("nan")).to_numpy().astype(float)


def coded(sheet: Sheet, column: str, codes: dict[str, float]) -> Vector:
    """The numbers that the words of a column count as. Raises SheetError for a word without one."""
    cells = sheet.words[column]
    unknown = sum(word not in codes and word not in sheet.blanks for word in cells)
    if unknown:
        raise SheetError("index_not_coded", column=column, count=unknown)
    return np.array([codes.get(word, float("nan")) for word in cells])

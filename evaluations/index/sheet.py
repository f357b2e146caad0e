"""The table of figures behind an index: rows by unit id, columns as words and, where wanted, as numbers.

Put here: from a frame to figures, strata and conditions. Keep out: reading files, and what is done with figures.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from data_contracts.index_spec.basics import ByWord, Condition, FromColumn, FromPart, within_model
from data_contracts.index_spec.document import IndexSpec, columns_of, columns_used, unit_columns
from data_contracts.index_spec.reading import FigureForm
from data_contracts.messages import both, did_you_mean, wrong
from evaluations.index import numeric
from evaluations.index.numeric import Mask, Vector

_THOUSANDS = {"point": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$", "comma": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"}
# Column with the number of each row in its file.
ROW = "_row"
Quantities = Callable[[float | FromColumn | FromPart | ByWord], Vector | float]


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
    chosen: dict[str, Vector] = field(default_factory=dict)
    """Numbers that the words of a column stand for, by `key_of`."""
    _strata: dict[tuple[str, ...], list[tuple[str, Any]]] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Number of units."""
        return len(self.units)

    def quantity(self, given: float | FromColumn | FromPart | ByWord) -> Vector | float:
        """A number for all units, the figures of a column, or the numbers that its words stand for."""
        if isinstance(given, FromColumn):
            return self.numbers[given.column]
        if isinstance(given, ByWord):
            return self.chosen[key_of(given)]
        if isinstance(given, FromPart):
            raise KeyError(given.part)
        return given

    def strata(self, within: Sequence[str]) -> list[tuple[str, Any]]:
        """Label and row numbers of each combination of values, by label; one unnamed stratum without columns."""
        key = tuple(within)
        if key not in self._strata:
            self._strata[key] = split([self.words[name] for name in key])
        return self._strata[key]

    def holds(
        self, conditions: Sequence[Condition], scores: Mapping[str, Vector], quantity: Quantities | None = None
    ) -> Mask:
        """For which units all conditions hold; `scores`: figures of the parts and counts that they name."""
        result = np.ones(self.height, dtype=bool)
        for condition in conditions:
            result &= self._holds(condition, scores, quantity or self.quantity)
        return result

    def _holds(self, condition: Condition, scores: Mapping[str, Vector], quantity: Quantities) -> Mask:
        named = condition.part or condition.count
        figures = scores[named] if named is not None else self.numbers.get(str(condition.column))
        result = np.ones(self.height, dtype=bool)
        if condition.among is not None:
            result &= self._among(condition, condition.among, figures)
        if condition.not_among is not None:
            result &= ~self._among(condition, condition.not_among, figures)
        if figures is None:
            blank = np.array([word in self.blanks for word in self.words[str(condition.column)]], dtype=bool)
            return result & (blank == condition.missing) if condition.missing is not None else result
        for bound, test in _TESTS.items():
            given = getattr(condition, bound)
            if given is not None:
                limit = quantity(given)
                result &= test(figures, limit) & np.isfinite(figures) & np.isfinite(limit)
        return result & (np.isnan(figures) == condition.missing) if condition.missing is not None else result

    def _among(self, condition: Condition, wanted: Sequence[str | float], figures: Vector | None) -> Mask:
        if figures is not None:
            return np.isin(figures, [number for number in map(_number, wanted) if number is not None])
        known = {_plain(item) for item in wanted}
        return np.array([word in known for word in self.words[str(condition.column)]], dtype=bool)


_TESTS: dict[str, Callable[[Vector, Vector | float], Mask]] = {
    "at_least": numeric.reaches,
    "above": numeric.exceeds,
    "at_most": lambda figures, limit: ~numeric.exceeds(figures, limit),
    "below": lambda figures, limit: ~numeric.reaches(figures, limit),
}


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
    blanks = frozenset(["", *(word.strip() for word in spec.missing_words)])
    used = _with_columns(frame, columns)
    words = _words(used, columns).with_row_index("_at")
    unit = " · ".join(unit_columns(spec))
    words = words.with_columns(_joined(unit_columns(spec)))
    for part in unit_columns(spec):
        _check_filled(words, part)
    _check_once(words, unit)
    words = words.sort(unit)
    if words.is_empty():
        raise SheetError("index_no_units")
    # In the order of the words: ids are compared as text.
    ordered = used[words["_at"].to_list()]
    sheet = Sheet(
        units=words[unit].to_list(),
        words={name: words[name].to_list() for name in columns},
        numbers=_all_numbers(ordered, words, columns, blanks, spec.figures),
        blanks=blanks,
    )
    for given in within_model(ByWord, spec):
        if given.by in columns:
            sheet.chosen[key_of(given)] = by_words(given, sheet.words[given.by], blanks)
    return sheet


def _joined(columns: Sequence[str]) -> pl.Expr:
    """The words of the columns as one."""
    return pl.concat_str(columns, separator=" · ").alias(" · ".join(columns))


def one_id(frame: pl.DataFrame, spec: IndexSpec) -> tuple[pl.DataFrame, IndexSpec]:
    """The data with one column for the id of the units, and the spec that reads it so."""
    columns = unit_columns(spec)
    if len(columns) == 1:
        return frame, spec
    used = _words(_with_columns(frame, dict.fromkeys(columns, ("unit", False))), columns)
    frame = frame.with_columns(used.select(_joined(columns)).to_series())
    return frame, spec.model_copy(update={"unit": " · ".join(columns)})


def kept_rows(frame: pl.DataFrame, spec: IndexSpec) -> pl.DataFrame:
    """The rows of the data for which the conditions of `rows` hold."""
    if not spec.rows:
        return frame
    columns = columns_of(spec.rows, "rows")
    blanks = frozenset(["", *(word.strip() for word in spec.missing_words)])
    used = _with_columns(frame, columns)
    words = _words(used, columns)
    sheet = Sheet(
        units=[""] * words.height,
        words={name: words[name].to_list() for name in columns},
        numbers=_all_numbers(used, words, columns, blanks, spec.figures),
        blanks=blanks,
    )
    return numbered(frame).filter(pl.Series(sheet.holds(spec.rows, {})))


def _with_columns(frame: pl.DataFrame, columns: Mapping[str, tuple[str, bool]]) -> pl.DataFrame:
    for column, (place, _) in columns.items():
        if column not in frame.columns:
            raise wrong("index_no_column", column=column, place=place, hint=did_you_mean(column, frame.columns))
    return numbered(frame).select(*columns, ROW)


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """With the number of each row in its file, the header being the first unless the reader said otherwise."""
    return frame if ROW in frame.columns else frame.with_row_index(ROW, offset=2)


def _words(used: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    return used.with_columns(
        pl.col(name).cast(pl.String).str.strip_chars().fill_null("").alias(name) for name in columns
    )


def _all_numbers(
    ordered: pl.DataFrame,
    words: pl.DataFrame,
    columns: Mapping[str, tuple[str, bool]],
    blanks: frozenset[str],
    form: FigureForm,
) -> dict[str, Vector]:
    return {
        name: _figures(ordered, name, blanks)
        if ordered.schema[name].is_numeric()
        else _numbers(words, name, blanks, form)
        for name, (_, is_number) in columns.items()
        if is_number
    }


def key_of(given: ByWord) -> str:
    """A name for the numbers that the words of a column stand for."""
    return given.model_dump_json()


def by_words(given: ByWord, words: Sequence[str], blanks: frozenset[str]) -> Vector:
    """The numbers that words stand for; NaN for a blank. Raises SheetError for a word without one."""
    other = float("nan") if given.otherwise is None else given.otherwise
    unknown = sum(word not in given.values and word not in blanks for word in words)
    if unknown and given.otherwise is None:
        raise SheetError("index_not_coded", column=given.by, count=unknown)
    nothing = float("nan")
    return np.array([given.values.get(word, nothing if word in blanks else other) for word in words])


def _check_filled(words: pl.DataFrame, unit: str) -> None:
    blank = words.filter(pl.col(unit) == "")
    if blank.height:
        raise SheetError("index_unit_blank", column=unit, count=blank.height, row=blank[ROW][0])


def _check_once(words: pl.DataFrame, unit: str) -> None:
    again = words.filter(pl.col(unit).is_duplicated())
    if again.height:
        count = again.height - again[unit].n_unique()
        raise SheetError("index_unit_twice", column=unit, count=count, row=again[ROW][1])


def _figures(ordered: pl.DataFrame, name: str, blanks: frozenset[str]) -> Vector:
    """Figures that are numbers already; blank where there is none, or one that means so (−999)."""
    nothing = [number for number in map(_number, sorted(blanks)) if number is not None]
    own = ordered[name].cast(pl.Float64)
    column = own.set(own.is_in(nothing), None)
    _check_numbers(name, ordered[ROW], ~column.is_finite().fill_null(value=True))
    return column.fill_null(float("nan")).to_numpy().astype(float)


def _check_numbers(name: str, rows: pl.Series, wrong_cells: pl.Series) -> None:
    if wrong_cells.any():
        raise SheetError("index_not_number", column=name, count=wrong_cells.sum(), row=rows.filter(wrong_cells).min())


def _numbers(words: pl.DataFrame, name: str, blanks: frozenset[str], form: FigureForm) -> Vector:
    marks = "|".join([r"\s", *(re.escape(mark) for mark in sorted(form.strip, key=len, reverse=True))])
    bare = pl.col(name).str.replace(f"^(?:{marks})+", "").str.replace(f"(?:{marks})+$", "")
    # A mark alone is no blank: "%" without a figure is refused.
    bare = pl.when(bare == "").then(name).otherwise(bare)
    text = pl.when(pl.col(name).is_in(sorted(blanks)) | bare.is_in(sorted(blanks))).then(pl.lit("")).otherwise(bare)
    groups, point = (",", ".") if form.decimal == "point" else (".", ",")
    is_grouped = text.str.contains(_THOUSANDS[form.decimal])
    grouped = pl.when(is_grouped).then(text.str.replace_all(groups, "", literal=True)).otherwise(text)
    if point == ",":
        alien = ~is_grouped & text.str.contains(".", literal=True)
        grouped = pl.when(alien).then(pl.lit("?")).otherwise(grouped.str.replace(",", ".", literal=True))
    figures = words.select(text.alias(name), grouped.cast(pl.Float64, strict=False).alias("_figure"))
    found = figures["_figure"]
    _check_numbers(name, words[ROW], (figures[name] != "") & ~found.is_finite().fill_null(value=False))
    return found.fill_null(float("nan")).to_numpy().astype(float)


def coded(sheet: Sheet, column: str, codes: dict[str, float]) -> Vector:
    """The numbers that the words of a column count as. Raises SheetError for a word without one."""
    cells = sheet.words[column]
    unknown = sum(word not in codes and word not in sheet.blanks for word in cells)
    if unknown:
        raise SheetError("index_not_coded", column=column, count=unknown)
    return np.array([codes.get(word, float("nan")) for word in cells])

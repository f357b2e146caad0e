"""Engines alone on a spreadsheet: a spec and a table in, tables and a page out.

Put here: reading the table, running the engine, writing what it found. Keep out: arithmetic, drawing, exit codes.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.intake.decoding import TextStream
from assets.intake.findings import FileRefused
from assets.lake.atomic import sha256_file, sha256_of, write_chunks, write_json
from assets.release.tables import write_csv
from data_contracts.index_spec.document import (
    IndexSpec,
    columns_of,
    columns_used,
    read_spec,
    spec_hash,
    unit_columns,
)
from data_contracts.index_spec.reading import TableForm
from data_contracts.messages import both, did_you_mean, text, wrong
from evaluations.index.sheet import ROW, SheetError
from evaluations.index.tables import index_tables
from pipelines.approving import keep_approved
from pipelines.outcomes import SaysNo
from reports.index_page import IndexPage, write_index_pages

EXAMPLES = Path(__file__).parent.parent / "data_contracts" / "examples" / "index"
Shown = Callable[[str], None]
# Whole numbers up to here are written without an exponent.
_WHOLE = 1e15


@dataclass(frozen=True)
class IndexRun:
    """What a run of the index engine made, for the terminal and for machines."""

    spec: IndexSpec
    out: Path
    tables: dict[str, pl.DataFrame]
    data_sha256: str

    @property
    def scored(self) -> int:
        """Units with a score at the root."""
        root = self.tables["scores"].filter(part=self.spec.tree.id)
        return root.filter(pl.col("value").is_not_null()).height

    def as_dict(self) -> dict[str, Any]:
        """The run as plain values; paths relative to the folder given."""
        return {
            "spec": self.spec.id,
            "spec_hash": spec_hash(self.spec),
            "data_sha256": self.data_sha256,
            "units": self.tables["indicators"]["unit"].n_unique(),
            "scored": self.scored,
            "pages": ["index.html", "en.html"],
            "tables": {
                name: {"path": f"tables/{name}.csv", "rows": frame.height, "sha256": sha256_file(self._path(name))}
                for name, frame in self.tables.items()
            },
        }

    def _path(self, name: str) -> Path:
        return self.out / "tables" / f"{name}.csv"

    def lines(self, language: str) -> list[str]:
        """The run in words."""
        units = self.tables["indicators"]["unit"].n_unique()
        title = self.spec.titles.get(language)
        return [
            text("index_done", language, title=title, units=units, scored=self.scored, tables=len(self.tables),
                 path=self.out / "tables"),
            text("index_hash", language, hash=spec_hash(self.spec)),
            text("index_page_at", language, path=self.out / ("index.html" if language == "zh" else "en.html")),
        ]  # fmt: skip


def run_index(
    spec_path: Path,
    data: Path | Sequence[Path],
    out: Path,
    *,
    sheet: str | None = None,
    language: str = "zh",
    progress: Shown,
) -> IndexRun:
    """Read spec and data, compute, write `tables/*.csv`, `index.html` (zh), `en.html` and `run.json` into `out`.

    Several tables are joined by unit. Raises DefinitionError where the spec is wrong or names a column that is not
    there, SaysNo where the data do not allow the judgement or `out` holds an approved result; nothing is written then.
    """
    keep_approved(out)
    spec = read_spec(spec_path)
    paths = [data] if isinstance(data, Path) else list(data)
    numbered = ROW if len(paths) == 1 else None
    frames = [read_table(path, sheet or spec.table.sheet, numbered=numbered, form=spec.table) for path in paths]
    frame = frames[0] if len(frames) == 1 else joined(frames, [path.name for path in paths], spec)
    try:
        tables = index_tables(spec, frame, lambda step: progress(text(f"index_step_{step}", language)))
    except SheetError as error:
        raise SaysNo(error.words) from None
    hashes = [sha256_file(path) for path in paths]
    run = IndexRun(spec, out, tables, hashes[0] if len(hashes) == 1 else sha256_of("\n".join(hashes).encode()))
    for name, found in tables.items():
        (out / "tables").mkdir(parents=True, exist_ok=True)
        write_csv(found, out / "tables" / f"{name}.csv")
    page = IndexPage(spec, tables, spec_hash(spec), run.data_sha256)
    write_index_pages(page, out)
    write_json(out / "run.json", run.as_dict())
    return run


def joined(frames: Sequence[pl.DataFrame], names: Sequence[str], spec: IndexSpec) -> pl.DataFrame:
    """Tables of the same units side by side; a unit that one of them lacks has blanks there.

    A column that stands in several must say the same of a unit in all of them, if the spec reads it; else the first
    counts. Raises SaysNo where it does not, or where a table has a unit twice; DefinitionError where one has no column
    of units.
    """
    keys, used = unit_columns(spec), set(columns_used(spec)) | set(columns_of(spec.rows, "rows"))
    result = pl.DataFrame()
    for frame, name in zip(frames, names, strict=True):
        for key in keys:
            if key not in frame.columns:
                raise wrong("index_no_column", column=key, place=name, hint=did_you_mean(key, frame.columns))
        twice = frame.select(pl.struct(keys).is_duplicated()).to_series()
        if twice.any():
            count, row = int(twice.sum()), int(twice.arg_true()[0]) + spec.table.header_row + 1
            raise SaysNo(both("index_unit_twice_in", file=name, column=" · ".join(keys), count=count, row=row))
        if result.is_empty():
            result = frame
            continue
        shared = [column for column in frame.columns if column in result.columns and column not in keys]
        for column in [column for column in shared if column in used]:
            side = result.select(*keys, column).join(frame.select(*keys, column), on=keys, suffix=" there")
            differing = side.filter(pl.col(column).str.strip_chars() != pl.col(f"{column} there").str.strip_chars())
            if differing.height:
                raise SaysNo(both("index_differs_between", file=name, column=column, count=differing.height))
        result = result.join(frame, on=keys, how="full", coalesce=True, suffix=" there", maintain_order="left_right")
        result = result.with_columns(pl.coalesce(column, f"{column} there").alias(column) for column in shared)
        result = result.drop(f"{column} there" for column in shared)
    return result


_PLAIN = TableForm()


def read_table(
    path: Path, sheet: str | None = None, *, numbered: str | None = None, form: TableForm = _PLAIN
) -> pl.DataFrame:
    """A .csv (UTF-8, UTF-16, GB18030 or as stated) or a sheet of an .xlsx, every cell as text, header as stated.

    `numbered`: name of a column to add with the number of each row in the file, empty rows counted. Raises SaysNo where
    it is no such table: no row is dropped or filled up without a word.
    """
    rows = _workbook_rows(path, sheet) if path.suffix.lower() == ".xlsx" else _text_rows(path, form)
    first = form.header_row
    header = [name.strip() for name in rows[first - 1]] if len(rows) >= first else []
    if form.repeated == "number":
        header = _numbered(header)
    if not header or "" in header:
        raise _unreadable(path, "index_no_header")
    for name in header:
        if header.count(name) > 1:
            raise SaysNo(both("index_column_twice", column=name))
    filled = [number for number, row in enumerate(rows[first:], first + 1) if any(cell.strip() for cell in row)]
    body = [rows[number - 1] for number in filled]
    ragged = [number for number, row in zip(filled, body, strict=True) if len(row) != len(header)]
    if ragged:
        cells = len(rows[ragged[0] - 1])
        words = {"row": ragged[0], "cells": cells, "columns": len(header), "count": len(ragged)}
        raise _unreadable(path, "index_ragged_rows", **words)
    frame = pl.DataFrame(body, schema=dict.fromkeys(header, pl.String), orient="row")
    return frame if numbered is None else frame.with_columns(pl.Series(numbered, filled, dtype=pl.Int64))


def _unreadable(path: Path, sentence: str, **params: object) -> SaysNo:
    return SaysNo(both("index_unreadable_data", file=path.name, reason=both(sentence, **params)))


def _numbered(header: list[str]) -> list[str]:
    """Names told apart: one that stands again is counted, a blank one called by its place."""
    seen: Counter[str] = Counter()
    found = []
    for place, given in enumerate(header, 1):
        name = given or f"column {place}"
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def _decoded(path: Path, form: TableForm) -> str:
    content = path.read_bytes()
    try:
        if form.encoding != "detect":
            return content.decode(form.encoding)
        return b"".join(TextStream([content])).decode()
    except FileRefused as refused:
        finding = refused.finding
        raise _unreadable(path, finding.sentence, **finding.params) from None
    except UnicodeDecodeError:
        raise _unreadable(path, "index_other_encoding", encoding=form.encoding) from None


def _text_rows(path: Path, form: TableForm) -> list[list[str]]:
    if path.suffix.lower() != ".csv":
        raise _unreadable(path, "index_other_suffix")
    text = io.StringIO(_decoded(path, form).removeprefix("\ufeff"), newline="")
    try:
        return list(csv.reader(text, strict=True, delimiter=form.separator))
    except csv.Error:
        raise _unreadable(path, "index_ragged") from None


def _workbook_rows(path: Path, sheet: str | None) -> list[list[str]]:
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
    except fastexcel.FastExcelError:
        raise _unreadable(path, "index_no_header") from None
    if sheet is not None and sheet not in book.sheet_names:
        hint = did_you_mean(sheet, book.sheet_names)
        raise _unreadable(path, "index_no_sheet", sheet=sheet, hint=hint)
    shown, stored = (
        book.load_sheet(sheet or 0, header_row=None, dtypes=kind).to_polars().rows() for kind in ("string", "float")
    )
    return [
        [_cell(text, number) for text, number in zip(texts, numbers, strict=True)]
        for texts, numbers in zip(shown, stored, strict=True)
    ]


def _cell(text: str | None, number: float | None) -> str:
    """A cell as text with all digits of a number: the reader's own text of it is cut after nine decimals."""
    if text is None or number is None:
        return text or ""
    cut = f"{number:.9f}".rstrip("0").rstrip(".")
    if text not in (cut, cut.removeprefix("-")):
        return text
    return f"{number:.0f}" if number == int(number) and abs(number) < _WHOLE else repr(number)


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook in their order. Raises SaysNo where it is none."""
    import fastexcel

    try:
        return list(fastexcel.read_excel(path).sheet_names)
    except fastexcel.FastExcelError:
        raise _unreadable(path, "index_no_header") from None


def write_example(name: str, out: Path, examples: Path = EXAMPLES) -> Path:
    """Copy the example `name`, a spec and its data, into `out`."""
    known = sorted(path.name for path in examples.iterdir() if path.is_dir())
    if name not in known:
        raise wrong("index_no_example", name=name, hint=did_you_mean(name, known), known=", ".join(known))
    for path in sorted((examples / name).rglob("*")):
        if path.is_file():
            write_chunks(out / path.relative_to(examples / name), [path.read_bytes()])
    return out

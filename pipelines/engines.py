"""Engines alone on a spreadsheet: a spec and a table in, tables and a page out.

Put here: reading the table, running the engine, writing what it found. Keep out: arithmetic, drawing, exit codes.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.intake.decoding import TextStream
from assets.intake.findings import FileRefused
from assets.lake.atomic import sha256_file, write_chunks, write_json
from assets.release.tables import write_csv
from data_contracts.index_spec.document import IndexSpec, read_spec, spec_hash
from data_contracts.messages import both, did_you_mean, text, wrong
from evaluations.index.sheet import SheetError
from evaluations.index.tables import index_tables
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
    spec_path: Path, data: Path, out: Path, *, sheet: str | None = None, language: str = "zh", progress: Shown
) -> IndexRun:
    """Read spec and data, compute, write `tables/*.csv`, `index.html` (zh), `en.html` and `run.json` into `out`.

    Raises DefinitionError where the spec is wrong or names a column that is not there, SaysNo where the data do not
    allow the judgement; nothing is written then.
    """
    spec, frame = read_spec(spec_path), read_table(data, sheet)
    try:
        tables = index_tables(spec, frame, lambda step: progress(text(f"index_step_{step}", language)))
    except SheetError as error:
        raise SaysNo(error.words) from None
    run = IndexRun(spec, out, tables, sha256_file(data))
    for name, found in tables.items():
        (out / "tables").mkdir(parents=True, exist_ok=True)
        write_csv(found, out / "tables" / f"{name}.csv")
    page = IndexPage(spec, tables, spec_hash(spec), run.data_sha256)
    write_index_pages(page, out)
    write_json(out / "run.json", run.as_dict())
    return run


def read_table(path: Path, sheet: str | None = None, *, numbered: str | None = None) -> pl.DataFrame:
    """A .csv (UTF-8, UTF-16 or GB18030) or a sheet of an .xlsx, every cell as text, header in the first row.

    `numbered`: name of a column to add with the number of each row in the file, empty rows counted. Raises SaysNo where
    it is no such table: no row is dropped or filled up without a word.
    """
    rows = _workbook_rows(path, sheet) if path.suffix.lower() == ".xlsx" else _text_rows(path)
    header = [name.strip() for name in rows[0]] if rows else []
    if not header or "" in header:
        raise _unreadable(path, "index_no_header")
    for name in header:
        if header.count(name) > 1:
            raise SaysNo(both("index_column_twice", column=name))
    filled = [number for number, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    body = [rows[number - 1] for number in filled]
    if any(len(row) != len(header) for row in body):
        raise _unreadable(path, "index_ragged")
    frame = pl.DataFrame(body, schema=dict.fromkeys(header, pl.String), orient="row")
    return frame if numbered is None else frame.with_columns(pl.Series(numbered, filled, dtype=pl.Int64))


def _unreadable(path: Path, sentence: str, **params: object) -> SaysNo:
    return SaysNo(both("index_unreadable_data", file=path.name, reason=both(sentence, **params)))


def _text_rows(path: Path) -> list[list[str]]:
    if path.suffix.lower() != ".csv":
        raise _unreadable(path, "index_other_suffix")
    try:
        decoded = b"".join(TextStream([path.read_bytes()])).decode()
    except FileRefused as refused:
        finding = refused.finding
        raise _unreadable(path, finding.sentence, **finding.params) from None
    try:
        return list(csv.reader(io.StringIO(decoded.removeprefix("\ufeff"), newline=""), strict=True))
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

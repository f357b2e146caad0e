"""Given/expect cases of every SQL file, run on the engine; a file without a case fails by name."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.compute.inputs import period_table
from assets.engine.duck import EngineLimits, query
from data_contracts.closed import read_yaml
from data_contracts.periods import Period
from data_contracts.tables import output_tables
from sql.text import names, read

_HERE = Path(__file__).parent
_TYPES = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "decimal": pl.Decimal(28, 6),
}


def _cases() -> list[Any]:
    return [
        pytest.param(path.stem, document["columns"], case, id=f"{path.stem}: {case['name']}")
        for path in sorted(_HERE.glob("*.yaml"))
        for document in [read_yaml(path)]
        for case in document["cases"]
    ]


def test_every_sql_file_has_cases() -> None:
    assert sorted(path.stem for path in _HERE.glob("*.yaml")) == names()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("table", "columns", "case"), _cases())
def test_case(table: str, columns: dict[str, dict[str, str]], case: dict[str, Any], threads: int) -> None:
    given = {name: _frame(case["given"].get(name, []), types) for name, types in columns.items()}
    given["ref__period"] = period_table(Period.parse(case["period"]))

    found = query(read(table), given, limits=EngineLimits(memory_mb=200, threads=threads))

    if table in output_tables():
        found = output_tables()[table].shape(found)
    shown = [{name: _text(row[name]) for name in case["shows"]} for row in found.iter_rows(named=True)]
    expected = [dict(zip(case["shows"], map(_text, row), strict=True)) for row in case["expect"]]
    assert sorted(shown, key=str) == sorted(expected, key=str)


def _frame(rows: list[list[Any]], types: dict[str, str]) -> pl.DataFrame:
    text = pl.DataFrame(
        [[None if value is None else _text(value) for value in row] for row in rows],
        schema=dict.fromkeys(types, pl.String()),
        orient="row",
    )
    return text.select(_typed(name, kind).alias(name) for name, kind in types.items())


def _typed(name: str, kind: str) -> pl.Expr:
    if kind == "boolean":
        return pl.col(name) == "true"
    return pl.col(name).str.to_date() if kind == "date" else pl.col(name).cast(_TYPES[kind])


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)

"""DuckDB in memory over exactly the tables it is given, with explicit limits, no network and no loaded extension.

Put here: connections and `execute`. Keep out: SQL text (sql), table locations (assets.lake).
A row's value never reaches a message: errors of the engine quote cells, so only their kind is passed on.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import polars as pl
import pyarrow as pa


@dataclass(frozen=True)
class View:
    """A table given as a SELECT over the tables that stand before it."""

    sql: str


# An empty frame is how a table without any file is given: it carries the column types a file would have had.
Table: TypeAlias = pl.DataFrame | pa.Table | Sequence[Path] | View

_NO_FILES = (pl.DataFrame, pa.Table, View)

# Errors found before any row is read can only repeat the words of the query.
_BEFORE_READING = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


class EngineError(RuntimeError):
    """A query failed. The message names the kind of failure and the tables, never a value of a cell."""


@dataclass(frozen=True)
class EngineLimits:
    """Bounds of one connection: memory in MB, threads, and the folder for spilling."""

    memory_mb: int = 3000
    threads: int = 2
    spill: Path | None = None


@contextmanager
def connection(limits: EngineLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection with the limits set; it sees no Python variable and spills into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="spill-", dir=limits.spill) as spill:
        con = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{limits.memory_mb}MB",
                "threads": str(limits.threads),
                "temp_directory": spill,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
            },
        )
        try:
            con.execute("set TimeZone = 'UTC'")
            yield con
        finally:
            con.close()


def execute(
    sql: str,
    tables: Mapping[str, Table],
    *,
    limits: EngineLimits | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Run one SELECT in which `tables` are visible by name and nothing else can be read; returns Arrow.

    A table is a frame, a non-empty list of Parquet files read together by column name, or a `View` over tables
    before it. Row order is that of the query's ORDER BY and otherwise undefined.
    """
    with connection(limits or EngineLimits()) as con:
        try:
            _close_doors(con, tables)
            for name, table in tables.items():
                _register(con, name, table)
            _only_select(con, sql)
            relation = con.sql(sql, params=dict(parameters)) if parameters else con.sql(sql)
            return relation.to_arrow_table()
        except duckdb.Error as error:
            raise EngineError(_explain(error, tables)) from None


def query(
    sql: str,
    tables: Mapping[str, Table],
    *,
    limits: EngineLimits | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """`execute` with the result as a Polars frame."""
    frame = pl.from_arrow(execute(sql, tables, limits=limits, parameters=parameters))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  (an Arrow table always becomes a frame)
    return frame


def _close_doors(con: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> None:
    files = [path for table in tables.values() if not isinstance(table, _NO_FILES) for path in table]
    con.execute(f"set allowed_paths = [{_listed(files)}]")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")


def _only_select(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = con.extract_statements(sql)
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise EngineError("exactly one SELECT can be run")


def _register(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    if isinstance(table, pl.DataFrame):
        con.register(name, table.to_arrow())
    elif isinstance(table, pa.Table):
        con.register(name, table)
    elif isinstance(table, View):
        con.execute(f'create view "{name}" as {table.sql}')
    elif table:
        source = f"read_parquet([{_listed(table)}], hive_partitioning = false, union_by_name = true)"
        con.execute(f'create view "{name}" as select * from {source}')  # noqa: S608  (paths are quoted)
    else:
        raise EngineError(f"table {name} has no file; give an empty frame with its columns instead")


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)


def _explain(error: duckdb.Error, tables: Mapping[str, Table]) -> str:
    """Kind and tables; the engine's own words only where no row has been read yet, for later ones quote cells."""
    words = f": {str(error).splitlines()[0]}" if isinstance(error, _BEFORE_READING) else ""
    return f"{type(error).__name__}{words} (tables: {', '.join(tables)})"

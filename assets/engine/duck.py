"""DuckDB in memory over exactly the tables it is given, with explicit limits and no network or extension.

Put here: connections and `query`. Keep out: SQL text (sql), table locations (assets.lake).
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

Table = pl.DataFrame | Sequence[Path]


class EngineError(RuntimeError):
    """A query failed. The message names the kind of failure and the table, never a value of a cell."""


@dataclass(frozen=True)
class EngineLimits:
    """Bounds of one connection: memory in MB, threads, and the folder for spilling."""

    memory_mb: int = 3000
    threads: int = 2
    spill: Path | None = None


@contextmanager
def connection(limits: EngineLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection with the limits set and extensions switched off."""
    con = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{limits.memory_mb}MB",
            "threads": str(limits.threads),
            "temp_directory": str(limits.spill or tempfile.gettempdir()),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    try:
        yield con
    finally:
        con.close()


def query(
    sql: str,
    tables: Mapping[str, Table],
    *,
    limits: EngineLimits | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """Run one SELECT in which `tables` are visible by name; a table is a frame or a list of Parquet files."""
    with connection(limits or EngineLimits()) as con:
        try:
            for name, table in tables.items():
                _register(con, name, table)
            relation = con.sql(sql, params=dict(parameters)) if parameters else con.sql(sql)
            frame: pl.DataFrame = relation.pl()
        except duckdb.Error as error:
            raise EngineError(f"{type(error).__name__}: {_without_values(str(error))}") from None
    return frame


def _register(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    if isinstance(table, pl.DataFrame):
        con.register(name, table.to_arrow())
        return
    if not table:
        raise EngineError(f"table {name} has no file")
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in table)
    con.execute(f'create view "{name}" as select * from read_parquet([{files}], hive_partitioning = false)')  # noqa: S608


def _without_values(message: str) -> str:
    """The first line of an engine message with everything in quotes blanked, for quotes may hold cells."""
    first = message.splitlines()[0] if message else ""
    return re.sub(r"\"[^\"]*\"|'[^']*'", "…", first)[:200]

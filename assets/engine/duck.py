"""DuckDB in memory over exactly the tables it is given, with explicit limits, no network and no loaded extension.

Put here: connections and `execute`. Keep out: SQL text (sql), table locations (assets.lake).
A row's value never reaches a message: errors of the engine quote cells, so only their kind is passed on.
"""

import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq


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
        con = _opened(limits, spill)
        try:
            yield con
        finally:
            con.close()


def _opened(limits: EngineLimits, spill: str) -> duckdb.DuckDBPyConnection:
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
    con.execute("set TimeZone = 'UTC'")
    return con


class Session:
    """One connection for several queries; made by `session`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, limits: EngineLimits, *, loads: bool) -> None:
        """`loads`: files are read into memory and shown to the connection, which itself can open none."""
        self._con, self._limits, self._loads = con, limits, loads

    def execute(self, sql: str, tables: Mapping[str, Table], parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run one SELECT in which `tables` are visible by name and nothing else can be read; returns Arrow.

        A table is a frame, a non-empty list of Parquet files read together by column name, or a `View` over tables
        before it. Row order is that of the query's ORDER BY and otherwise undefined.
        """
        if self._loads:
            try:
                tables = {name: _loaded(table) for name, table in tables.items()}
            except pa.ArrowException:
                # Files of several versions of a contract whose types differ: the engine finds the common type.
                with connection(self._limits) as con:
                    _close_doors(con, _files(tables))
                    return Session(con, self._limits, loads=False).execute(sql, tables, parameters)
        shown: list[str] = []
        try:
            for name, table in tables.items():
                _register(self._con, name, table)
                shown.append(name)
            _only_select(self._con, sql)
            relation = self._con.sql(sql, params=dict(parameters)) if parameters else self._con.sql(sql)
            return relation.to_arrow_table()
        except duckdb.Error as error:
            raise EngineError(_explain(error, tables)) from None
        finally:
            for name in reversed(shown):
                # After some failures nothing can be withdrawn any more; the connection is given up then.
                with suppress(duckdb.Error):
                    _withdraw(self._con, name, tables[name])

    def query(self, sql: str, tables: Mapping[str, Table], parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """`execute` with the result as a Polars frame."""
        frame = pl.from_arrow(self.execute(sql, tables, parameters))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  (an Arrow table always becomes a frame)
        return frame


@contextmanager
def session(files: Iterable[Path], limits: EngineLimits | None = None, *, in_memory: int = 0) -> Iterator[Session]:
    """A connection whose queries can read `files` and no other, beside tables of `in_memory` bytes.

    Opening a connection takes longer than a small query. Where everything is small the files are therefore read into
    memory for a connection that is kept and can open no file at all; else one is opened that can open these and spill.
    """
    bounds, named = limits or EngineLimits(), sorted(set(files))
    if sum(path.stat().st_size for path in named) > _SMALL or in_memory > _SMALL * _UNPACKED:
        with connection(bounds) as con:
            _close_doors(con, named)
            yield Session(con, bounds, loads=False)
        return
    try:
        yield _kept_session(bounds)
    except EngineError:
        # Some failures leave a database unusable; the next query gets a new one.
        _kept.__dict__.clear()
        raise


# Bytes on disk up to which files are read into memory, and about how many times as much they take up there.
_SMALL = 4_000_000
_UNPACKED = 10
_kept = threading.local()


def _kept_session(limits: EngineLimits) -> Session:
    """The session of this thread for small tables: it can open no file and spills nothing."""
    key = f"{limits.memory_mb} MB, {limits.threads} threads"
    if key not in _kept.__dict__:
        con = _opened(limits, "")
        _close_doors(con, [])
        _kept.__dict__[key] = Session(con, limits, loads=True)
    session: Session = _kept.__dict__[key]
    return session


def _loaded(table: Table) -> Table:
    """Files as one Arrow table, a column that a file lacks being empty there; anything else as it is."""
    if isinstance(table, _NO_FILES) or not table:
        return table
    return pa.concat_tables([pq.ParquetFile(path).read() for path in table], promote_options="default")


def execute(
    sql: str,
    tables: Mapping[str, Table],
    *,
    limits: EngineLimits | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> pa.Table:
    """`Session.execute` in a session of one query."""
    with session(_files(tables), limits, in_memory=_bytes(tables)) as own:
        return own.execute(sql, tables, parameters)


def query(
    sql: str,
    tables: Mapping[str, Table],
    *,
    limits: EngineLimits | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """`execute` with the result as a Polars frame."""
    with session(_files(tables), limits, in_memory=_bytes(tables)) as own:
        return own.query(sql, tables, parameters)


def _files(tables: Mapping[str, Table]) -> list[Path]:
    return [path for table in tables.values() if not isinstance(table, _NO_FILES) for path in table]


def _bytes(tables: Mapping[str, Table]) -> int:
    frames = [table.estimated_size() for table in tables.values() if isinstance(table, pl.DataFrame)]
    return int(sum(frames) + sum(table.nbytes for table in tables.values() if isinstance(table, pa.Table)))


def _close_doors(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
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


def _withdraw(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    if isinstance(table, pl.DataFrame | pa.Table):
        con.unregister(name)
    else:
        con.execute(f'drop view "{name}"')


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)


def _explain(error: duckdb.Error, tables: Mapping[str, Table]) -> str:
    """Kind and tables; the engine's own words only where no row has been read yet, for later ones quote cells."""
    words = f": {str(error).splitlines()[0]}" if isinstance(error, _BEFORE_READING) else ""
    return f"{type(error).__name__}{words} (tables: {', '.join(tables)})"

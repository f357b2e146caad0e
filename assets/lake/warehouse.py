"""The catalog everybody reads: one DuckDB file of views over the parts in force, replaced by rename.

Put here: making the catalog. Keep out: writing to a database that others have open.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from assets.lake.atomic import write_with
from assets.lake.home import Home


def replace_warehouse(
    home: Home,
    tables: Mapping[str, Sequence[Path]],
    not_current: Mapping[str, Sequence[Path]],
    comments: Mapping[str, Mapping[str, str]],
) -> None:
    """Build `warehouse.duckdb`: a view per table in the schema of its stage, with comments on table and columns.

    `not_current` gives for a staging table the selection parts whose rows its view leaves out.
    """

    def build(path: Path) -> None:
        with duckdb.connect(str(path)) as con:
            for table, files in sorted(tables.items()):
                if files:
                    _view(con, table, files, not_current.get(table, ()), comments.get(table, {}))

    write_with(home.warehouse, build)


def _view(
    con: duckdb.DuckDBPyConnection,
    table: str,
    files: Sequence[Path],
    excluded: Sequence[Path],
    comments: Mapping[str, str],
) -> None:
    schema, view = ("stg", table.removeprefix("stg_")) if table.startswith("stg_") else table.split("__", 1)
    # By name: a feed may have other columns under another version of its contract.
    source = f"select * from read_parquet([{_list(files)}], hive_partitioning = false, union_by_name = true)"  # noqa: S608
    if excluded:
        hidden = f"select file_id, record_no from read_parquet([{_list(excluded)}], hive_partitioning = false)"  # noqa: S608
        source = f"{source} rows anti join ({hidden}) hidden using (file_id, record_no)"
    con.execute(f'create schema if not exists "{schema}"')
    con.execute(f'create view "{schema}"."{view}" as {source}')
    columns = {row[0] for row in con.execute(f'describe "{schema}"."{view}"').fetchall()}
    for column, comment in comments.items():
        text = comment.replace("'", "''")
        if column == "":
            con.execute(f'comment on view "{schema}"."{view}" is \'{text}\'')
        elif column in columns:
            con.execute(f'comment on column "{schema}"."{view}"."{column}" is \'{text}\'')


def _list(files: Sequence[Path]) -> str:
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)

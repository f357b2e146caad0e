"""Tables as released files: CSV for people and machines, Parquet for machines, a database for browsing.

Put here: bytes of tables. Keep out: which tables there are (contracts) and the release around them (publish.py).
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data_contracts.tables import output_tables
from reports.harmless import as_meant, harmless_columns


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """UTF-8 without mark, LF, no trailing zeros in decimals, true/false, empty for null; the same bytes everywhere.

    A text that a spreadsheet program would run has an apostrophe before it.
    """
    decimals = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Decimal)]
    texts = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.String)]
    plain = pl.col(decimals).cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".")
    shown = [*([plain] if decimals else []), *harmless_columns(texts)]
    frame.with_columns(shown).write_csv(path, line_terminator="\n")


def read_csv(path: Path, table: str) -> pl.DataFrame:
    """A released CSV with the types of its contract; raises pl.exceptions.PolarsError where it does not fit."""
    schema = output_tables()[table].schema
    frame = pl.read_csv(path, infer_schema=False, empty_string_is_null=True)
    columns = []
    for name, dtype in schema.items():
        if isinstance(dtype, pl.Boolean):
            known = {"true": True, "false": False}
            columns.append(pl.col(name).replace_strict(known, return_dtype=pl.Boolean))
        elif isinstance(dtype, pl.Date):
            columns.append(pl.col(name).str.to_date("%Y-%m-%d"))
        elif isinstance(dtype, pl.String):
            columns.append(as_meant(pl.col(name)).alias(name))
        else:
            columns.append(pl.col(name).cast(dtype))
    return frame.select(columns)


def write_tables(tables: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Every table as CSV and Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in sorted(tables.items()):
        write_csv(frame, folder / f"{name}.csv")
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=3, statistics=False)


def write_database(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """The released tables in one database file with a comment on every table and column; made for reading."""
    import duckdb

    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as con:
        for name, frame in sorted(tables.items()):
            con.register("source", frame.to_arrow())
            con.execute(f'create table "{name}" as select * from source')  # noqa: S608  (names of contracts)
            con.unregister("source")
            contract = output_tables()[name]
            con.execute(
                f"comment on table \"{name}\" is '{_quoted(contract.document.titles.zh, contract.document.grain)}'"
            )
            for column, known in contract.columns.items():
                text = _quoted(known.titles.zh, known.titles.en)
                con.execute(f'comment on column "{name}"."{column}" is \'{text}\'')


def _quoted(*parts: str) -> str:
    return " / ".join(parts).replace("'", "''")

"""Parquet files to records: typed columns as the text a careful sender would have written.

Put here: what the types of such a file mean as text. Keep out: types of the contract (typed.py).
What is exact becomes text exactly; a float is the decimal of at most 15 digits that it was made from, and where a
column needs all digits (codes, money) only types that keep them are taken.
"""

import io
from collections.abc import Iterator
from typing import Any

import polars as pl

from assets.intake.blocks import Block, block_of
from assets.intake.cellvalues import float_text
from assets.intake.findings import FileRefused
from assets.intake.grids import code_columns
from assets.intake.headers import HeaderMap
from assets.intake.reading import Reading
from assets.intake.tables import VISIBLE, Table
from data_contracts.contracts import Column, FeedContract
from data_contracts.settings.limits import Limits

_ROWS = 200_000
_EXACT_NEEDED = ("money", "integer")
_AS_TEXT = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Datetime)


class ParquetFile:
    """A .parquet file, read batch by batch."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = None
        try:
            file = pq.ParquetFile(io.BytesIO(data))
        except (pa.ArrowException, OSError, ValueError):
            file = None
        if file is None:
            raise FileRefused("intake_parquet_damaged")
        self._file: Any = file
        size = sum(file.metadata.row_group(at).total_byte_size for at in range(file.metadata.num_row_groups))
        if size > limits.decompressed_bytes:
            raise FileRefused("intake_unpacked_too_large", limit=limits.decompressed_bytes)
        if file.metadata.num_rows > limits.rows:
            raise FileRefused("intake_too_many_rows", limit=limits.rows)

    def tables(self) -> list[Table]:
        """The one table it is."""
        return [Table("", VISIBLE, lambda: [list(self._file.schema_arrow.names)])]

    def blocks(self, reading: Reading) -> Iterator[Block]:
        """Its records; `line_no` is the number of the row."""
        names = list(self._file.schema_arrow.names)
        header = reading.header([names])
        shape = reading.shape(header, [names])
        record_no, line_no = 1, 1
        for rows in self._batches():
            _check(rows, header, reading.contract)
            texts = pl.DataFrame(
                [
                    _texts(values, reading.contract.by_name.get(name or "")).alias(column)
                    for values, name, column in zip(rows.get_columns(), header.names, shape.columns, strict=True)
                ]
            )
            lines = pl.int_range(line_no, line_no + rows.height, dtype=pl.Int32, eager=True).alias("line_no")
            block = block_of(texts.with_columns(lines), shape, record_no)
            record_no, line_no = record_no + block.records, line_no + rows.height
            yield block

    def _batches(self) -> Iterator[pl.DataFrame]:
        import pyarrow as pa

        damaged = False
        try:
            for batch in self._file.iter_batches(_ROWS):
                # Columns may bear one name twice; they are told apart by their places.
                places = [str(at) for at in range(batch.num_columns)]
                yield pl.DataFrame(pa.Table.from_batches([batch]).rename_columns(places))
        except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError):
            damaged = True
        if damaged:
            raise FileRefused("intake_parquet_damaged")


def _check(rows: pl.DataFrame, header: HeaderMap, contract: FeedContract) -> None:
    """Refuse columns of the contract whose type does not say exactly what the sender has."""
    codes = code_columns(contract)
    for name, dtype in zip(header.names, rows.dtypes, strict=True):
        column = contract.by_name.get(name or "")
        if column is None or dtype == pl.Null:
            continue
        if dtype.is_numeric() and column.name in codes:
            raise FileRefused("intake_table_id_as_number", column=column.headers[0])
        short = dtype in (pl.Float32, pl.Float16) and column.type in _EXACT_NEEDED
        zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        known = dtype.is_numeric() or isinstance(dtype, _AS_TEXT)
        if short or zoned or not known:
            raise FileRefused("intake_parquet_type", column=column.headers[0], kind=str(dtype))


def _texts(values: pl.Series, column: Column | None) -> pl.Series:
    """Values as texts, empty for null; of a column nobody knows as well as may be."""
    dtype = values.dtype
    if dtype.is_float():
        texts = values.cast(pl.Float64).replace_strict(
            {value: float_text(value) for value in values.cast(pl.Float64).drop_nulls().unique()},
            default=None,
            return_dtype=pl.String,
        )
    elif dtype == pl.Boolean:
        texts = values.cast(pl.String).str.to_uppercase()
    elif isinstance(dtype, pl.Date | pl.Datetime):
        texts = _moments(values.cast(pl.Datetime("us")), column)
    elif dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Null):
        texts = pl.repeat(None, values.len(), dtype=pl.String, eager=True)
    else:
        texts = values.cast(pl.String)
    return texts.fill_null("")


def _moments(values: pl.Series, column: Column | None) -> pl.Series:
    """A moment at midnight as a date in the form its column is read by, another one with its time."""
    forms = column.extras.date_formats if column is not None and column.type == "date" else []
    midnight = (values == values.dt.truncate("1d")).fill_null(value=True)
    return values.dt.strftime(forms[0] if forms else "%Y-%m-%d").zip_with(
        midnight, values.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
    )

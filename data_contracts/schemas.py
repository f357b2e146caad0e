"""Pandera schemas derived from contracts: the blocking gate in front of every part and every table.

Put here: contract → schema and the one way to apply it. Keep out: row rules (assets.intake) and drift (quality stage).
"""

from typing import TYPE_CHECKING

import polars as pl

from data_contracts.contracts import FeedContract, stored_columns
from data_contracts.tables import TableContract

if TYPE_CHECKING:
    import pandera.polars as pa
    from pandera.errors import SchemaError


class GateError(Exception):
    """A frame does not meet its contract. The message names table, column and rule, never a value."""


_ALWAYS_THERE = {"file_id", "record_no", "period", "warnings", "row_hash"}


def feed_schema(contract: FeedContract) -> "pa.DataFrameSchema":
    """Schema of a stg part: exact columns and types, required columns filled, codes within their list."""
    import pandera.polars as pa

    def column(name: str, dtype: pl.DataType) -> "pa.Column":
        own = contract.by_name.get(name)
        checks = [pa.Check.isin(sorted(own.code_list.values))] if own and own.code_list else []
        needed = name in _ALWAYS_THERE or (own is not None and own.required)
        return pa.Column(dtype, checks=checks, nullable=not needed)

    columns = {name: column(name, dtype) for name, dtype in stored_columns(contract)}
    return pa.DataFrameSchema(columns, strict=True, ordered=True, unique=["record_no"], name=contract.table)


def table_schema(contract: TableContract) -> "pa.DataFrameSchema":
    """Schema of a later table: exact columns and types, required filled, allowed values, unique key."""
    import pandera.polars as pa

    columns = {
        name: pa.Column(
            contract.schema[name],
            checks=[pa.Check.isin(column.allowed)] if column.allowed else [],
            nullable=not column.required,
        )
        for name, column in contract.columns.items()
    }
    return pa.DataFrameSchema(columns, strict=True, ordered=True, unique=contract.key, name=contract.name)


def gate(schema: "pa.DataFrameSchema", frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` if it meets `schema`; raises GateError naming column and rule. Eager, so that values are checked."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        found = sorted({_named(item) for item in error.schema_errors})
        raise GateError(f"{schema.name}: " + "; ".join(" ".join(words).rstrip() for words in found)) from None
    return frame


_ABOUT_COLUMNS = ("COLUMN_NOT_IN_DATAFRAME", "COLUMN_NOT_IN_SCHEMA", "COLUMN_NOT_ORDERED")


def _named(item: "SchemaError") -> tuple[str, str, str]:
    reason = item.reason_code.name if item.reason_code else "CHECK"
    # Of these faults alone the failure case is a column's name; of all others it is made of values.
    column = item.failure_cases if reason in _ABOUT_COLUMNS else item.schema.name
    return f"{column}:", reason, str(item.check or "")

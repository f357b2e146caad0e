"""Contracts of the tables that leave a stage: columns, types, key and order, each defined once.

Put here: reading tables/*.yaml. Keep out: staging tables, whose columns come from feed contracts.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from data_contracts.closed import Bilingual, Closed, parse, read_yaml
from data_contracts.messages import wrong

if TYPE_CHECKING:
    import polars as pl

RELEASE = "release"
"""Beside tables of a release: the frame that says its name, in a column that is called like it."""
_FOLDER = Path(__file__).parent / "tables"


class TableColumn(Closed):
    """One column of an output table."""

    titles: Bilingual
    type: Literal["text", "integer", "decimal", "number", "boolean", "date"]
    required: bool = True
    allowed: list[str] = []
    unit: str | None = None
    description: str = ""


class TableDocument(Closed):
    """One table as written in YAML; `published` tables are part of a release."""

    titles: Bilingual
    grain: str
    key: list[str]
    published: bool = False
    columns: dict[str, TableColumn]


@dataclass(frozen=True)
class TableContract:
    """A table of a later stage, with its key; rows are sorted by the key."""

    name: str
    document: TableDocument

    @property
    def key(self) -> list[str]:
        """Columns that identify a row, also the sort order."""
        return self.document.key

    @property
    def columns(self) -> dict[str, TableColumn]:
        """Columns in order."""
        return self.document.columns

    @property
    def schema(self) -> "dict[str, pl.DataType]":
        """Polars type of each column in order."""
        import polars as pl  # the orchestrator lists tables without loading the data library

        dtypes: dict[str, pl.DataType] = {
            "text": pl.String(),
            "integer": pl.Int64(),
            "decimal": pl.Decimal(38, 6),
            "number": pl.Float64(),
            "boolean": pl.Boolean(),
            "date": pl.Date(),
        }
        return {name: dtypes[column.type] for name, column in self.columns.items()}

    def empty(self) -> "pl.DataFrame":
        """The table without rows."""
        import polars as pl

        return pl.DataFrame(schema=self.schema)

    def shape(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """`frame` with exactly the declared columns, types and order, sorted by the key.

        Raises DefinitionError naming a column that is missing or does not fit its type, never a value.
        """
        import polars as pl

        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise wrong("wrong_table_column", table=self.name, column=missing[0])
        columns: list[pl.Series] = []
        for name, dtype in self.schema.items():
            try:
                columns.append(frame[name].cast(dtype))
            except pl.exceptions.PolarsError:
                raise wrong("wrong_table_type", table=self.name, column=name, type=dtype) from None
        return pl.DataFrame(columns).sort(self.key, nulls_last=True, maintain_order=True)


@cache
def output_tables() -> dict[str, TableContract]:
    """All table contracts by table name, in file-name order."""
    tables: dict[str, TableContract] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        document = parse(TableDocument, read_yaml(path), path.name)
        unknown = [name for name in document.key if name not in document.columns]
        if unknown:
            raise wrong("wrong_table_key", name=path.name, column=unknown[0])
        tables[path.stem] = TableContract(path.stem, document)
    return tables

"""How the table of an index is laid out: sheet, header, marks around figures, one row per unit or many.

Put here: words about the shape of the data. Keep out: reading itself (pipelines.engines, evaluations.index.sheet).
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from data_contracts.index_spec.basics import Word

_Ending = Annotated[str, StringConstraints(strip_whitespace=False)]


class TableForm(Word):
    """Where the table stands in the file."""

    sheet: str | None = None
    """Sheet of the workbook; the first if not given. `--sheet` goes before it."""
    header_row: int = Field(default=1, ge=1)
    """Row with the names of the columns; rows above are not read."""
    repeated: Literal["refuse", "number"] = "refuse"
    """number: a name that stands again is called `name 2`, `name 3` …, a blank one `column` and its place."""
    encoding: Literal["detect", "utf-8", "utf-16", "gb18030", "windows-1252", "iso-8859-1"] = "detect"
    """detect: UTF-8, UTF-16 or GB18030."""
    separator: Literal[",", ";", "\t", "|"] = ","


class FigureForm(Word):
    """How figures are written in the cells."""

    strip: list[str] = []
    """Marks taken off either end of a figure: ["%", "$", " out of 10", "*"]. The figure itself stays as it stands:
    12.5% is 12.5."""
    decimal: Literal["point", "comma"] = "point"
    """comma: 1.234,5 is 1234.5."""


class LongForm(Word):
    """Data with a row per unit and item: every item becomes columns named item + ending, one for each of `values`.

    {item: "Measure ID", values: {"": Score, "_n": Denominator}} makes MORT_30_AMI and MORT_30_AMI_n.
    """

    item: str
    """Column with the name of the item."""
    values: dict[_Ending, str] = Field(min_length=1)
    """Ending of the new columns (as it stands, spaces too) → column of the data."""

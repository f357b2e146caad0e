"""Indices on the road: indicator values laid out as the engine reads them, and its results by area.

Put here: from rows of ind__values to the columns that specs name, and refusals in words. Keep out: which index is
computed (scores, risk, appraisals) and the arithmetic (evaluations.index).
"""

from collections.abc import Iterable

import polars as pl

from assets.lake import parts
from assets.lake.home import Home
from data_contracts.index_spec.document import IndexSpec, columns_used
from data_contracts.messages import wrong
from data_contracts.periods import Period
from data_contracts.settings.indices import AREA_COLUMNS, FIGURES, indicator_of
from evaluations.index.judging import Judged, judged
from evaluations.index.sheet import SheetError

KEYS = ["area_level", "area_id", "rule_set"]
WORLDS = ["area_level", "rule_set"]
_FIGURES = ("value", *FIGURES)


def read_values(home: Home, period: Period) -> pl.DataFrame | None:
    """Indicator values of whole areas in force, or None where there are none."""
    values = parts.read_table(home, "ind__values", [period.key])
    return None if values is None else values.filter(pl.col("stratum") == "all")


def laid_out(home: Home, period: Period, values: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """A row per area and rule set of `values` with the columns that specs may name, null where there is no figure."""
    wanted = [column for column in columns if column not in AREA_COLUMNS]
    read = sorted({indicator_of(column) for column in wanted})
    keys = values.select(KEYS).unique(maintain_order=True)
    areas = parts.read_table(home, "mart__areas", [period.key])
    rural = pl.DataFrame(schema={"area_level": pl.String, "area_id": pl.String, "is_rural": pl.Boolean})
    if areas is not None:
        rural = areas.select("area_level", "area_id", "is_rural").unique(["area_level", "area_id"])
    wide = keys.join(rural, on=["area_level", "area_id"], how="left", maintain_order="left")
    known = values.filter(pl.col("indicator_id").is_in(read)).with_columns(pl.col(_FIGURES).cast(pl.Float64))
    if known.height:
        figures = known.pivot("indicator_id", index=KEYS, values=_FIGURES, maintain_order=True, separator="\n")
        figures = figures.rename({name: _column(name) for name in figures.columns if name not in KEYS})
        wide = wide.join(figures, on=KEYS, how="left", maintain_order="left")
    lacking = [column for column in wanted if column not in wide.columns]
    return wide.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in lacking)


def _column(name: str) -> str:
    """What specs call a column that the pivot named by figure and indicator."""
    figure, _, indicator = name.partition("\n")
    return indicator if figure == "value" else f"{indicator}.{figure}"


def judged_areas(home: Home, period: Period, values: pl.DataFrame, spec: IndexSpec) -> Judged:
    """The index of every area of `values` under every rule set, compared within its level and rule set.

    Raises DefinitionError that names index, part and next step where its figures do not allow it.
    """
    return judged_in(laid_out(home, period, values, columns_used(spec)), spec)


def judged_in(frame: pl.DataFrame, spec: IndexSpec) -> Judged:
    """The same of a frame that has the keys of areas and all columns of the spec."""
    try:
        return judged(spec, frame, KEYS, WORLDS)
    except SheetError as error:
        raise wrong("wrong_index_data", index=spec.id, reason=error.words) from None

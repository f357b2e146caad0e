"""From a row per unit and item to a row per unit.

Put here: that change of shape, and the refusal of data that would lose a row by it. Keep out: what columns mean.
"""

import polars as pl

from data_contracts.index_spec.reading import LongForm
from data_contracts.messages import did_you_mean, wrong
from evaluations.index.sheet import ROW, SheetError, numbered


def widened(frame: pl.DataFrame, unit: str, form: LongForm, used: set[str]) -> pl.DataFrame:
    """A row per unit: the columns of `used` that are the same in all rows of a unit, and those made of items.

    Raises DefinitionError for a column that is not there, SheetError for an item twice in a unit and for a column of
    `used` that differs between rows of a unit.
    """
    for column in (unit, form.item, *form.values.values()):
        if column not in frame.columns:
            hint = did_you_mean(column, frame.columns)
            raise wrong("index_no_column", column=column, place="long", hint=hint)
    keys = [unit, form.item]
    again = numbered(frame).filter(pl.struct(keys).is_duplicated())
    if again.height:
        raise SheetError("index_item_twice", unit=unit, item=form.item, count=again.height, row=again[ROW][0])
    shared = [name for name in frame.columns if name in used and name not in {*keys, *form.values.values()}]
    result = frame.select(unit, *shared).unique(maintain_order=True)
    for name in shared:
        differing = result.group_by(unit).agg(pl.col(name).n_unique().alias("_n")).filter(pl.col("_n") > 1).height
        if differing:
            raise SheetError("index_differs_within", column=name, count=differing)
    for ending, column in form.values.items():
        wide = frame.pivot(form.item, index=unit, values=column)
        wide = wide.rename({name: f"{name}{ending}" for name in wide.columns if name != unit})
        result = result.join(wide.select(unit, *(used & set(wide.columns) - {unit})), on=unit, how="left")
    return result

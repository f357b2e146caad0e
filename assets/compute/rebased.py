"""The series of a period's areas: values of earlier periods counted anew on the geography of that period.

Put here: which areas need it and the shape of ind__rebased. Keep out: following changes of areas (geography.py),
counting (measures.py) and values (indicators.py). Nothing is added up from rates: records are counted again, so that
a person who was in two areas that are now one counts once.
"""

import polars as pl

from assets.compute.geography import AREA, Placement, placement
from assets.compute.indicators import Geography, indicator_values
from assets.compute.measures import count_measures
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables

_TABLE = "ind__rebased"
_VALUES = "ind__values"


def rebased_values(home: Home, settings: Settings, catalog: Catalog, geography: Period) -> pl.DataFrame:
    """Rows of ind__rebased: for every earlier period, the areas of `geography` that were made of other areas then.

    An area that holds part of a lowest-level area that was split has no exact history (`not_applicable`); one none of
    whose parts was known then has no data. Areas that did not change have no row. Raises DefinitionError for recorded
    changes that contradict each other.
    """
    table = output_tables()[_TABLE]
    found = [values_on(home, settings, catalog, period, geography) for period in _before(settings, geography)]
    return gate(table_schema(table), table.shape(pl.concat([table.empty(), *found])))


def rebased_inputs(settings: Settings, geography: Period) -> list[tuple[str, str]]:
    """Every (table, period) that decides the rows of `geography`.

    The mark of values stands for all that they were counted from: records, area trees and recorded changes.
    """
    return [(_VALUES, period.key) for period in [*_before(settings, geography), geography]]


def _before(settings: Settings, geography: Period) -> list[Period]:
    return periods_between(settings.home.calendar.first, geography.key)[:-1]


def values_on(home: Home, settings: Settings, catalog: Catalog, period: Period, geography: Period) -> pl.DataFrame:
    """The rows of one earlier period."""
    table = output_tables()[_TABLE]
    then = placement(home, settings, catalog, period, period)
    now = placement(home, settings, catalog, period, geography)
    if then is None or now is None:
        return table.empty()
    changed = _changed(then.closure, now)
    if changed.is_empty():
        return table.empty()
    counts = count_measures(home, settings, catalog, period, now.closure)
    values = indicator_values(home, settings, catalog, period, Geography(now.closure, counts, now.partial))
    # An area made of the same areas as then may still be measured against a reference area that is not.
    own = parts.read_table(home, _VALUES, [period.key])
    unlike = values.join(own, on=values.columns, how="anti", nulls_equal=True) if own is not None else values
    exact = pl.concat([values.join(changed, on=AREA, how="semi"), unlike]).unique()
    exact = exact.join(now.inexact, on=AREA, how="anti")
    unknown = changed.join(now.closure, on=AREA, how="anti").join(now.inexact, on=AREA, how="anti")
    without = [_without_value(now.inexact, values, "not_applicable"), _without_value(unknown, values, "no_data")]
    rows = pl.concat([exact, *without], how="diagonal")
    return table.shape(rows.with_columns(pl.lit(geography.key).alias("geography")))


def _changed(then: pl.DataFrame, now: Placement) -> pl.DataFrame:
    """Areas made of other lowest-level areas than then, those without an exact history included."""
    row = ["leaf_id", *AREA]
    gone = then.join(now.closure, on=row, how="anti").select(AREA)
    come = now.closure.join(then, on=row, how="anti").select(AREA)
    return pl.concat([gone.join(now.areas, on=AREA, how="semi"), come, now.inexact]).unique()


def _without_value(areas: pl.DataFrame, values: pl.DataFrame, status: str) -> pl.DataFrame:
    """One row per area, indicator and rule set that says why there is no figure."""
    kinds = values.select("period", "indicator_id", "rule_set").unique()
    named = {"stratum": "all", "method": "none", "status": status}
    return areas.join(kinds, how="cross").with_columns(pl.lit(text).alias(name) for name, text in named.items())

"""The health-risk index: settings and indicator values given to its function, rows of risk__areas back.

Put here: the shape of the table. Keep out: the arithmetic (evaluations).
"""

import polars as pl

from assets.compute.scores import read_values
from assets.lake.home import Home
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings import Settings
from data_contracts.tables import output_tables
from evaluations import composite

_TABLE = "risk__areas"
_GROUPS = ["area_level", "area_id", "rule_set"]
_METHOD = "weighted_mean_of_goalposts"


def risk_index(home: Home, settings: Settings, period: Period) -> pl.DataFrame:
    """Rows of risk__areas for one period: every area × rule set × component and the total."""
    table, document = output_tables()[_TABLE], settings.risk
    values = read_values(home, period)
    if document is None or values is None or document.valid_from > period.end:
        return table.empty()
    used = [
        (part.indicator, float(part.weight), float(part.low), float(part.high))
        for part in sorted(document.components, key=lambda part: part.indicator)
    ]
    components = pl.DataFrame(used, schema=["component", "weight", "low", "high"], orient="row")
    given = values.select(*_GROUPS, pl.col("indicator_id").alias("component"), "value", "lower", "upper")
    rows = composite.risk_index(given, components, _GROUPS, float(document.minimum_coverage))
    rows = rows.with_columns(pl.lit(period.key).alias("period"), pl.lit(_METHOD).alias("method"))
    return gate(table_schema(table), table.shape(rows))

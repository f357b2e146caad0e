"""Policy scores: settings and indicator values given to the scoring function, rows of score__policies back.

Put here: which policies are scored in a period and the shape of the table. Keep out: the arithmetic (evaluations).
"""

import polars as pl

from assets.lake import parts
from assets.lake.home import Home
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings import Policy, PolicyDocument, Settings
from data_contracts.tables import output_tables
from evaluations.composite import policy_score

_TABLE = "score__policies"
_GROUPS = ["area_level", "area_id", "rule_set"]
_METHOD = "weighted_mean_of_goalposts"


def policy_scores(home: Home, settings: Settings, period: Period) -> pl.DataFrame:
    """Rows of score__policies for one period: every policy in force × area × rule set × dimension and total."""
    table, document = output_tables()[_TABLE], settings.policy_document
    values = read_values(home, period)
    if document is None or values is None:
        return table.empty()
    scored = [
        _scored(values, policy, document).with_columns(pl.lit(policy_id).alias("policy_id"))
        for policy_id, policy in sorted(document.policies.items())
        if policy.valid_from <= period.end and (policy.valid_to is None or policy.valid_to >= period.start)
    ]
    if not scored:
        return table.empty()
    rows = pl.concat(scored).with_columns(pl.lit(period.key).alias("period"), pl.lit(_METHOD).alias("method"))
    return gate(table_schema(table), table.shape(rows))


def read_values(home: Home, period: Period) -> pl.DataFrame | None:
    """Indicator values of whole areas in force, or None where there are none."""
    values = parts.read_table(home, "ind__values", [period.key])
    return None if values is None else values.filter(pl.col("stratum") == "all")


def _scored(values: pl.DataFrame, policy: Policy, document: PolicyDocument) -> pl.DataFrame:
    weights = document.classes[policy.policy_class].weights
    used = [
        (item.indicator, dimension, float(item.weight), float(item.low), float(item.high))
        for dimension, items in sorted(policy.indicators.items())
        for item in items
    ]
    indicators = pl.DataFrame(used, schema=["indicator", "dimension", "weight", "low", "high"], orient="row")
    dimensions = pl.DataFrame(
        {"dimension": sorted(weights), "weight": [float(weights[dimension]) for dimension in sorted(weights)]}
    ).filter(pl.col("dimension").is_in(indicators["dimension"].unique().to_list()))
    grades = [(grade_id, float(grade.from_score)) for grade_id, grade in sorted(document.grades.items())]
    given = values.select(*_GROUPS, pl.col("indicator_id").alias("indicator"), "value", "lower", "upper")
    return policy_score(given, indicators, dimensions, _GROUPS, float(policy.minimum_coverage), grades)

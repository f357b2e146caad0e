"""Stage ind: counts of every measure, then indicator values with interval, method and status."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Counts and values."""
    return [
        tables_asset("ind_counts", "ind", ["ind__counts"], list(plan.marts), plan),
        tables_asset("ind_values", "ind", ["ind__values"], ["ind__counts", *plan.marts], plan),
    ]

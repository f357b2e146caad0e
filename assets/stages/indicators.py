"""Stage ind: counts of every measure, then indicator values with interval, method and status, and what looks wrong."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Counts, values, values of single policies, values of earlier periods on the areas of this one, large changes."""
    changes = [feed.table for feed in plan.feeds if feed.kind == "area_changes"]
    return [
        tables_asset("ind_counts", "ind", ["ind__counts"], [*plan.marts, *changes], plan),
        tables_asset("ind_values", "ind", ["ind__values"], ["ind__counts", *plan.marts], plan),
        tables_asset("ind_policies", "ind", ["ind__policies"], ["ind__counts", *plan.marts], plan),
        tables_asset("ind_rebased", "ind", ["ind__rebased"], ["ind__values", *plan.marts, *changes], plan),
        tables_asset(
            "quality_plausibility", "quality", ["quality__plausibility"], ["ind__values", "ind__rebased"], plan
        ),
    ]

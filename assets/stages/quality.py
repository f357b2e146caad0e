"""Stage quality: accounting per file, violations per rule, whole-delivery expectations."""

import dagster as dg

from assets.stages.plan import Plan, check, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """What arrived, what was refused, what looks unusual."""
    expected = check("deliveries_as_expected", "quality__deliveries")
    tables = ["quality__files", "quality__rules", "quality__deliveries"]
    return [tables_asset("quality", "quality", tables, [feed.table for feed in plan.feeds], plan, checks=[expected])]

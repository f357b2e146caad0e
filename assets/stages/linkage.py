"""Stage link: the crosswalk from pseudonyms to persons."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """The crosswalk of persons."""
    persons = [feed.table for feed in plan.feeds if feed.extras.person]
    return [tables_asset("link", "link", ["link__persons"], persons, plan)] if persons else []

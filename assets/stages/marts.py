"""Stage mart: one table per population, each step with the tables it reads as inputs."""

import dagster as dg

from assets.stages.plan import Plan, Shown, sql_link, tables_asset, words
from data_contracts.closed import Bilingual
from data_contracts.tables import output_tables


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """One step per mart."""
    by_mart = {feed.mart: feed for feed in plan.feeds}
    found = []
    for mart, inputs in plan.marts.items():
        details = {}
        if mart not in output_tables():
            own = by_mart[mart].extras.titles
            titles = Bilingual(zh=f"{own.zh}（有效记录）", en=f"{own.en}: records in force")
            grain = "One row per accepted current record, with person, area, sex and age band."
            details[mart] = Shown(words(titles, grain), {"grain": grain, **sql_link("mart__records")})
        found.append(tables_asset(mart, "mart", [mart], inputs, plan, details=details))
    return found

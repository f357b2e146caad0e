"""Stage mart: one table per population, each step with the tables it reads as inputs."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset, words
from data_contracts.closed import Bilingual
from data_contracts.tables import output_tables


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """One step per mart."""
    by_mart = {feed.mart: feed for feed in plan.feeds}
    found = []
    for mart, inputs in plan.marts.items():
        descriptions = {}
        if mart not in output_tables():
            feed = by_mart[mart]
            titles = Bilingual(
                zh=f"{feed.extras.titles.zh}（有效记录）", en=f"{feed.extras.titles.en}: records in force"
            )
            descriptions[mart] = words(
                titles, "One row per accepted current record, with person, area, sex and age band."
            )
        found.append(tables_asset(mart, "mart", [mart], inputs, plan, descriptions=descriptions))
    return found

"""Stage quality: accounting per file, violations per rule, whole-delivery expectations, how well senders share."""

import dagster as dg

from assets.stages.plan import Plan, check, tables_asset
from data_contracts.judgement import KINDS


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """What arrived, what was refused, what looks unusual."""
    judged = [check(f"delivery_{kind}", "quality__deliveries") for kind in KINDS]
    referring = check("references_hold", "quality__references")
    accounts = ["quality__files", "quality__rules", "quality__quarantine", "quality__references"]
    counts = ["quality__profiles", "quality__reconciliation", "quality__deliveries"]
    feeds = [feed.table for feed in plan.feeds]
    linked = [feed.mart for feed in plan.feeds if feed.extras.person and feed.mart in plan.marts]
    return [
        tables_asset("quality", "quality", accounts, feeds, plan, checks=[referring]),
        tables_asset("quality_judgement", "quality", counts, ["quality__files", *plan.marts], plan, checks=judged),
        tables_asset("quality_sharing", "quality", ["quality__sharing"], [*feeds, *linked], plan),
    ]

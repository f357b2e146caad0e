"""Stage pub: the release of a period."""

import dagster as dg

from assets.stages.plan import Plan, Shown, check, tables_asset, words
from data_contracts.closed import Bilingual

_INPUTS = (
    "ind__values",
    "ind__rebased",
    "ind__policies",
    "score__policies",
    "score__indicators",
    "score__ranks",
    "score__grades",
    "score__weights",
    "score__sensitivity",
    "score__appraisals",
    "policy__register",
    "policy__services",
    "policy__clauses",
    "policy__money",
    "risk__areas",
    "risk__compared",
    "risk__ranks",
    "risk__grades",
    "risk__weights",
    "risk__sensitivity",
    "risk__incentives",
    "alloc__lines",
    "alloc__payees",
    "alloc__payments",
    "alloc__settlement",
    "alloc__quarters",
    "alloc__sources",
    "alloc__carried",
    "alloc__streams",
    "alloc__reserves",
    "alloc__performance",
    "alloc__sensitivity",
    "alloc__peers",
    "alloc__changes",
    "alloc__intervals",
    "alloc__payers",
    "alloc__standard",
    "alloc__awards",
    "alloc__dividend",
    "alloc__institutions",
    "alloc__gain_share",
    "alloc__conflict",
    "alloc__relaxations",
    "alloc__proposal",
    "alloc__best_shares",
    "alloc__incentives",
    "alloc__incentive_totals",
    "alloc__incentive_reasons",
    "quality__files",
    "quality__rules",
    "quality__quarantine",
    "quality__references",
    "quality__deliveries",
    "quality__plausibility",
    "quality__sharing",
)


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Tables, workbook, pages and manifest, switched in force as the last act."""
    verifies = check("release_verifies", "pub__release", blocking=True)
    titles = Bilingual(zh="发布包", en="The release")
    about = Shown(words(titles, "One release per period; a new one only when its content differs."))
    details = {"pub__release": about}
    return [tables_asset("pub", "pub", ["pub__release"], _INPUTS, plan, checks=[verifies], details=details)]

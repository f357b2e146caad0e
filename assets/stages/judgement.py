"""Stages score, risk and alloc: policies registered and judged, areas compared by risk, money divided."""

import dagster as dg

from assets.stages.plan import Plan, check, tables_asset

_SCORES = ("score__policies", "score__indicators", "score__ranks", "score__grades", "score__weights")
_RISKS = ("risk__areas", "risk__compared", "risk__ranks", "risk__grades", "risk__weights", "risk__incentives")


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Registers of policies, scores, risk index and allocation."""
    values = ["ind__values", "ind__policies"]
    exact = check("sums_exactly", "alloc__payees", blocking=True)
    return [
        tables_asset("score_policies", "score", [*_SCORES], values, plan),
        tables_asset("score_appraisals", "score", ["score__appraisals"], ["ind__values"], plan),
        tables_asset("policy_chain", "score", ["policy__clauses"], values, plan),
        tables_asset(
            "policy_registers", "score", ["policy__register", "policy__services", "policy__money"], [*plan.marts], plan
        ),
        tables_asset("risk_areas", "risk", [*_RISKS], ["ind__values"], plan),
        tables_asset(
            "alloc",
            "alloc",
            ["alloc__lines", "alloc__payees"],
            ["score__policies", "risk__areas", "ind__counts"],
            plan,
            checks=[exact],
        ),
    ]

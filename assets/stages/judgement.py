"""Stages score, risk and alloc: policies registered and judged, areas compared by risk, money divided."""

import dagster as dg

from assets.stages.plan import Plan, check, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Registers of policies, scores, risk index and allocation."""
    values = ["ind__values", "ind__policies"]
    exact = check("sums_exactly", "alloc__payees", blocking=True)
    return [
        tables_asset("score_policies", "score", ["score__policies", "score__indicators"], values, plan),
        tables_asset("policy_chain", "score", ["policy__clauses"], values, plan),
        tables_asset(
            "policy_registers", "score", ["policy__register", "policy__services", "policy__money"], [*plan.marts], plan
        ),
        tables_asset("risk_areas", "risk", ["risk__areas"], ["ind__values"], plan),
        tables_asset(
            "alloc",
            "alloc",
            ["alloc__lines", "alloc__payees"],
            ["score__policies", "risk__areas", "ind__counts"],
            plan,
            checks=[exact],
        ),
    ]

"""Stages score, risk and alloc: policies registered and judged, areas compared by risk, money divided."""

import dagster as dg

from assets.stages.plan import Plan, check, tables_asset
from data_contracts.tables import output_tables

_SCORES = (
    "score__policies", "score__indicators", "score__ranks", "score__grades", "score__weights", "score__sensitivity",
)  # fmt: skip
_RISKS = (
    "risk__areas", "risk__compared", "risk__ranks", "risk__grades", "risk__weights", "risk__sensitivity",
    "risk__incentives",
)  # fmt: skip


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Registers of policies, scores, risk index and allocation."""
    values = ["ind__values", "ind__policies"]
    exact = check("sums_exactly", "alloc__payees", blocking=True)
    incentives = check("incentives_hold", "alloc__incentive_reasons")
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
            [name for name in output_tables() if name.startswith("alloc__")],
            [
                "score__policies",
                "score__appraisals",
                "risk__areas",
                "risk__compared",
                "ind__counts",
                "ind__values",
                "ind__rebased",
            ],
            plan,
            checks=[exact, incentives],
        ),
    ]

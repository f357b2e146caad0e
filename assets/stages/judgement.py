"""Stages score, risk and alloc: policies judged, areas compared by risk, money divided."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Scores, risk index and allocation."""
    exact = dg.AssetCheckSpec(
        "sums_exactly",
        asset="alloc__payees",
        blocking=True,
        description="分配合计等于预算 / money sums to the budget to the unit",
    )
    return [
        tables_asset("score_policies", "score", ["score__policies"], ["ind__values"], plan),
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

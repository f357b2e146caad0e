"""Stage stg: per sender, one step that turns delivered files into typed, checked, pseudonymous rows."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset, words


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """One step per sender, one table per feed, with the checks that stop a wrong table."""
    return [
        tables_asset(
            f"stg_{sender}",
            "stg",
            [feed.table for feed in feeds],
            ["archive__files"],
            plan,
            checks=[check for feed in feeds for check in _checks(feed.table)],
            descriptions={feed.table: words(feed.extras.titles, feed.description) for feed in feeds},
        )
        for sender, feeds in plan.senders.items()
    ]


def _checks(table: str) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            "records_add_up", asset=table, blocking=True, description="记录数闭合 / every record is accounted for"
        ),
        dg.AssetCheckSpec(
            "refused_share", asset=table, description="被拒记录占比在限内 / share of refused records within the limit"
        ),
    ]

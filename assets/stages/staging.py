"""Stage stg: per sender, one step that turns delivered files into typed, checked, pseudonymous rows."""

import dagster as dg

from assets.stages.plan import Plan, Shown, check, tables_asset, words
from data_contracts.contracts import FeedContract


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """One step per sender, one table per feed, with the checks that stop a wrong table."""
    return [
        tables_asset(
            f"stg_{sender}",
            "stg",
            [feed.table for feed in feeds],
            ["archive__files"],
            plan,
            checks=[spec for feed in feeds for spec in _checks(feed, plan)],
            details={feed.table: about(feed, plan) for feed in feeds},
        )
        for sender, feeds in plan.by_sender.items()
    ]


def about(feed: FeedContract, plan: Plan) -> Shown:
    """What a feed is, who sends it, its columns and the contract it is held to."""
    named = plan.words_of(feed)
    columns = [dg.TableColumn(c.name, c.type, f"{c.titles.zh} {c.titles.en}") for c in feed.columns if c.role != "drop"]
    metadata = {
        "sender": f"{named['sender_zh']} {named['sender_en']}",
        "feed": feed.key,
        "contract": dg.MetadataValue.url(plan.contract_address(feed)),
        "dagster/column_schema": dg.TableSchema(columns),
    }
    return Shown(words(feed.extras.titles, words(feed.purpose)), metadata, (f"team:{named['sender_zh']}",))


def _checks(feed: FeedContract, plan: Plan) -> list[dg.AssetCheckSpec]:
    named = plan.words_of(feed)
    return [
        check("records_add_up", feed.table, named, blocking=True),
        check("refused_share", feed.table, named),
        check("whole_files", feed.table, named),
    ]

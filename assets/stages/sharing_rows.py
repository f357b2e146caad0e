"""The rows of quality__sharing for a home: what is expected of whom, joined with what came and what could be linked.

Put here: gathering from ledger, accounts and marts. Keep out: the measure (assets.compute.sharing) and the definition
of what is expected (assets.intake.expected).
"""

from typing import TYPE_CHECKING

import polars as pl

from assets.compute import sharing
from assets.intake import ledger
from assets.intake.expected import delivered_feeds, expected_feeds, expected_institutions
from assets.intake.quality import file_rows
from data_contracts.periods import Period

if TYPE_CHECKING:
    from assets.stages.road import Road


def sharing_rows(road: "Road", period: str) -> pl.DataFrame:
    """One row per sender that home.yaml names, of whom something is expected or from whom something came."""
    step, home = Period.parse(period), road.settings.home
    entries = ledger.entries(road.home)
    expected: dict[str, dict[str, list[str]]] = {sender: {} for sender in home.senders}
    for feed in expected_feeds(road.catalog, home.feeds, delivered_feeds(entries), step):
        expected.setdefault(feed.sender, {})[feed.key] = expected_institutions(entries, feed.key, step)
    linked = sharing.linked_records(road.home, road.catalog, step)
    return sharing.sharing(file_rows(road.intake, [period], home), linked, expected, period)

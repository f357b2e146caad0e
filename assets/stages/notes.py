"""What the desk shows beside a table after a step: who delivered what, and where to open it.

Put here: tables and paths for people to follow. Keep out: verdicts (checks.py), how Dagster shows them (showing.py).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assets.intake import ledger
from assets.intake.expected import due_date
from assets.release.publish import PROFILE, releases_of
from assets.stages.checks import institution_rows, sender_words
from assets.stages.handback import refresh_fix_lists, standing_files
from data_contracts.periods import Period

if TYPE_CHECKING:
    from assets.stages.road import Road


def notes_of(road: "Road", stage: str, table: str, period: str) -> dict[str, Any]:
    """The notes of one table: plain values, paths, and tables as lists of rows."""
    notes: dict[str, Callable[[Road, str, str], dict[str, Any]]] = {
        "archive": _arrived,
        "stg": _delivered,
        "pub": _published,
    }
    return notes[stage](road, table, period) if stage in notes else {}


def _arrived(road: "Road", table: str, period: str) -> dict[str, Any]:
    del table
    keys = [entry.key for entry in ledger.entries(road.home) if entry.period == period]
    rows = [
        {
            "sender": sender_words(road, feed.sender)["sender_zh"],
            "feed": f"{feed.extras.titles.zh} {feed.key}",
            "files": keys.count(feed.key),
            "due": due_date(road.settings.home, feed.sender, Period.parse(period)).isoformat(),
        }
        for feed in road.catalog.current()
    ]
    return {"arrived": rows}


def _delivered(road: "Road", table: str, period: str) -> dict[str, Any]:
    feed = road.feed_of(table)
    rows = institution_rows(standing_files(road, feed.key, period), refresh_fix_lists(road, feed.key, period))
    return {"sender": sender_words(road, feed.sender)["sender_zh"], "institutions": rows}


def _published(road: "Road", table: str, period: str) -> dict[str, Any]:
    del table
    folder = releases_of(road.home, period)[-1] / PROFILE
    workbook = folder / "finance" / f"allocation_{period}.xlsx"
    paid = {"workbook": workbook} if workbook.is_file() else {}
    return {"page": folder / "site" / "index.html", **paid, "manifest": folder / "manifest.json"}

"""`kangheng status`: what arrived, is missing, was refused and is in force, for one period.

Put here: gathering and wording. Keep out: deciding deadlines' consequences.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from assets.intake import ledger
from assets.release.publish import current
from assets.stages.road import Road
from data_contracts.messages import text
from data_contracts.periods import Period


@dataclass(frozen=True)
class FeedStatus:
    """One feed in the period."""

    feed: str
    title: str
    files: int
    records: int
    refused_records: int
    due: str


@dataclass(frozen=True)
class Status:
    """The state of a home for one period."""

    period: str
    feeds: list[FeedStatus]
    refused: list[dict[str, Any]]
    waiting: int
    release: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def lines(self, language: str) -> list[str]:
        """The state in words, what to do next at the end."""
        lines = [text("status_period", language, period=self.period)]
        for feed in self.feeds:
            sentence = "status_arrived" if feed.files else "status_missing"
            lines.append(text(sentence, language, **asdict(feed)))
        for item in self.refused:
            reason = text(item["sentence"], language, **item["params"])
            lines.append(text("cli_run_refused", language, name=item["name"], reason=reason))
        if self.waiting:
            lines.append(text("status_waiting", language, files=self.waiting))
        lines.append(text("status_release" if self.release else "status_no_release", language, release=self.release))
        return lines


def status_of(path: Path, period: str | None) -> Status:
    """The state of the home at `path`; without a period, of the last one of its calendar."""
    road = Road.open(path)
    step = Period.parse(period or road.settings.home.calendar.last)
    feeds = []
    for contract in road.catalog.current():
        entries = [e for e in ledger.entries(road.home) if e.key == contract.key and e.period == step.key]
        staged = road.intake.staged(contract.key, step.key) if road.intake.is_staged(contract.key, step.key) else []
        sender = road.settings.home.senders.get(contract.sender)
        due = step.end + timedelta(days=sender.deadline_days if sender else 0)
        accounts = [item.account for item in staged]
        feeds.append(
            FeedStatus(
                feed=contract.key,
                title=contract.extras.titles.zh,
                files=len(entries),
                records=sum(account.records for account in accounts),
                refused_records=sum(account.quarantined + account.unreadable for account in accounts),
                due=due.isoformat(),
            )
        )
    refused = ledger.refusals(road.home)
    waiting = len(road.not_taken())
    release = current(road.home)["periods"].get(step.key)
    return Status(step.key, feeds, refused, waiting, release)

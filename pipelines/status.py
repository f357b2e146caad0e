"""`kangheng status`: what arrived, is missing, waits, was refused, warns and is in force for a period, and what to do.

Put here: gathering. Keep out: which feeds are expected (assets.intake.expected) and how it is said (status_words.py).
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import polars as pl

from assets.compute import sharing
from assets.intake import ledger
from assets.intake.delivery import StagedFile
from assets.intake.expected import (
    delivered_feeds,
    due_date,
    expected_feeds,
    missing_institutions,
    unused_feeds,
)
from assets.intake.findings import FileRefused, Finding
from assets.intake.landing import Landed, scan
from assets.intake.ledger import Entry
from assets.intake.standing import NOT_GRANTED, SHORT
from assets.lake import parts
from assets.release.approval import Refused, standing
from assets.release.decided import mode_asked
from assets.release.publish import current, last_withdrawn
from assets.release.subject import subject_of
from assets.stages.handback import refresh_fix_lists, standing_files
from assets.stages.road import Road
from data_contracts.contracts import FeedContract
from data_contracts.messages import LANGUAGES, both, text
from data_contracts.periods import Period, last_ended
from data_contracts.tables import output_tables
from pipelines.restating import StaleRelease, stale_releases

FeedState = Literal["arrived", "refused", "unread", "waiting", "late", "not_due"]
Words = dict[str, str]


@dataclass(frozen=True)
class InstitutionStatus:
    """One institution's delivery of a feed; counts are None before the files have been read.

    `state`: arrived, refused (every file as a whole), unread (taken in, not read yet) or missing (delivered last time).
    `records` are those in force, `replaced` those that a later record corrects or repeats. `refused_files`: files of
    which nothing was taken. `notices`: what a file was sent to replace and does not; `remarks`: what it
    replaces and may not have meant to.
    """

    institution: str
    state: Literal["arrived", "refused", "unread", "missing"]
    files: int
    records: int | None
    refused_records: int | None
    warnings: int | None
    reasons: list[Words]
    fix_list: str | None
    notices: list[Words] = field(default_factory=list)
    replaced: int | None = None
    remarks: list[Words] = field(default_factory=list)

    @property
    def refused_files(self) -> int:
        """Files of which nothing was taken; each has its reason."""
        return len(self.reasons)


@dataclass(frozen=True)
class FeedStatus:
    """One feed that is expected or came; counts are the sums of its institutions."""

    feed: str
    titles: Words
    state: FeedState
    due: str
    files: int
    records: int | None
    refused_records: int | None
    warnings: int | None
    institutions: list[InstitutionStatus]
    replaced: int | None = None

    @property
    def refused_files(self) -> int:
        """Files of which nothing was taken."""
        return sum(item.refused_files for item in self.institutions)


@dataclass(frozen=True)
class SenderStatus:
    """One sender: its feeds, and how well it shares (a row of quality__sharing; None before a run).

    `listed`: home.yaml says who it is and when its files are due.
    """

    sender: str
    titles: Words
    due: str
    feeds: list[FeedStatus]
    sharing: dict[str, Any] | None
    listed: bool = True


@dataclass(frozen=True)
class WaitingFile:
    """A landed file the ledger does not have: its period, or why none can be told."""

    name: str
    feed: str
    period: str | None
    problem: Words | None


@dataclass(frozen=True)
class RefusedFile:
    """A landed file that was not taken at all, so that no feed of a period counts it among its files."""

    name: str
    sender: str
    feed: str
    reason: Words


@dataclass(frozen=True)
class Status:
    """The state of a home for one period.

    `unusual`: failed expectations about whole deliveries. `stale`: other periods that files came for since release.
    `candidate`: what the last run made of everything there is, if it still waits to be approved or published;
    `approvals_missing`: how many it lacks.
    `withdrawn`: the last release that was withdrawn, where no later one is in force.
    """

    period: str
    today: str
    senders: list[SenderStatus]
    waiting: list[WaitingFile]
    refused: list[RefusedFile]
    unused: list[str]
    unusual: int
    release: str | None
    release_is_current: bool
    candidate: str | None
    approvals_missing: int
    withdrawn: str | None
    releases: dict[str, str]
    stale: list[StaleRelease]
    next_steps: list[Words]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def lines(self, language: str) -> list[str]:
        """The state in words, what to do next at the end."""
        from pipelines.status_words import status_lines

        return status_lines(self, language)


def status_of(path: Path, period: str | None, today: date | None = None) -> Status:
    """The state of the home at `path`; without a period, of the last one that has ended by `today`."""
    road = Road.open(path)
    calendar = road.periods_up_to(road.settings.home.calendar.last)
    today = today or datetime.now(ZoneInfo(road.settings.home.time_zone)).date()
    step = Period.parse(period) if period else last_ended(calendar, today) or calendar[0]
    entries = ledger.entries(road.home)
    waiting = _waiting(road)
    senders = _senders(road, step, today, entries, waiting)
    releases = current(road.home)["periods"]
    candidate, missing = (None, 0) if waiting else _candidate(road, step.key, releases.get(step.key))
    withdrawn = last_withdrawn(road.home, step.key)
    judged = parts.read_table(road.home, "quality__deliveries", [step.key])
    found = Status(
        period=step.key,
        today=today.isoformat(),
        senders=senders,
        waiting=waiting,
        refused=[
            RefusedFile(
                item["name"],
                item["sender"],
                f"{item['sender']}.{item['feed']}",
                both(item["sentence"], **item["params"]),
            )
            for item in ledger.refusals(road.home)
            # What lies there under that name now is another file.
            if item["name"] not in {file.name for file in waiting}
        ],
        unused=unused_feeds(road.catalog, road.settings.home.feeds, _seen(entries, waiting)),
        unusual=0 if judged is None else judged.filter(~pl.col("success")).height,
        release=releases.get(step.key),
        release_is_current=not waiting and road.up_to_date(step.key) is not None,
        candidate=candidate,
        approvals_missing=missing,
        withdrawn=withdrawn.name if withdrawn is not None else None,
        releases=releases,
        stale=stale_releases(road, step.key),
        next_steps=[],
    )
    from pipelines.status_words import next_steps

    found.next_steps.extend(next_steps(found, path))
    return found


def _candidate(road: Road, period: str, in_force: str | None) -> tuple[str | None, int]:
    """The release that waits for a decision, and how many approvals it lacks."""
    made = road.made(period)
    if made is None or made.name == in_force:
        return None, 0
    subject = subject_of(made)
    try:
        found = standing(subject, mode_asked(subject, road.settings.home.approval))
    except Refused:
        # Its records do not hold: there is nothing to decide, and `verify` names why.
        return None, 0
    return (made.name, found.missing) if found.state in ("draft", "approved") else (None, 0)


def _waiting(road: Road) -> list[WaitingFile]:
    """Landed files whose delivery or note is new to the ledger; what it refused already does not wait."""
    book = ledger.read_book(road.home)
    calendar = [item.key for item in road.periods_up_to(road.settings.home.calendar.last)]
    now = datetime.now(ZoneInfo(road.settings.home.time_zone))
    found = []
    for file in scan(road.home, road.catalog):
        entry = partial(ledger.entry_of, file, road.catalog, road.settings.limits, now, calendar)
        try:
            news = book.news_of(file, entry)
        except FileRefused as refusal:
            if book.refused.get(file.name) != ledger.refusal_item(file, refusal.finding):
                found.append(_waits(file, None, both(refusal.finding.sentence, **refusal.finding.params)))
            continue
        if news is not None:
            found.append(_waits(file, news.entry.period, None))
    return found


def _waits(file: Landed, period: str | None, problem: Words | None) -> WaitingFile:
    return WaitingFile(file.name, f"{file.sender}.{file.feed}", period, problem)


def _seen(entries: list[Entry], waiting: list[WaitingFile]) -> dict[str, set[str]]:
    """Period → feeds of which a file came or waits; before the first run all of them wait."""
    seen = delivered_feeds(entries)
    for file in waiting:
        if file.period is not None:
            seen.setdefault(file.period, set()).add(file.feed)
    return seen


def _senders(
    road: Road, step: Period, today: date, entries: list[Entry], waiting: list[WaitingFile]
) -> list[SenderStatus]:
    home = road.settings.home
    expected = {feed.key: feed for feed in expected_feeds(road.catalog, home.feeds, _seen(entries, waiting), step)}
    came = {entry.key for entry in entries if entry.period == step.key}
    lies = {file.feed for file in waiting if file.period == step.key} & road.catalog.feeds.keys()
    others = {key: road.catalog.feed(key, step.key) for key in (came | lies) - expected.keys()}
    shown = dict(sorted((expected | others).items()))
    shares = parts.read_table(road.home, sharing.TABLE, [step.key])
    # A table that an earlier version wrote says something else.
    told = shares is not None and shares.columns == list(output_tables()[sharing.TABLE].columns)
    of_sender = {row["sender"]: row for row in shares.iter_rows(named=True)} if shares is not None and told else {}
    return [
        SenderStatus(
            sender=sender,
            titles=_titles_of(road, sender),
            due=due_date(home, sender, step).isoformat(),
            feeds=[
                _feed(road, feed, step, today, entries, in_landing=key in lies)
                for key, feed in shown.items()
                if feed.sender == sender
            ],
            sharing=of_sender.get(sender),
            listed=sender in home.senders,
        )
        for sender in sorted({*home.senders, *(feed.sender for feed in shown.values())})
    ]


def _titles_of(road: Road, sender: str) -> Words:
    known = road.settings.home.senders.get(sender)
    return {language: known.titles.get(language) if known else sender for language in LANGUAGES}


def _feed(
    road: Road, feed: FeedContract, step: Period, today: date, entries: list[Entry], *, in_landing: bool
) -> FeedStatus:
    own = _there(road, feed, step, [entry for entry in entries if entry.key == feed.key and entry.period == step.key])
    due = due_date(road.settings.home, feed.sender, step)
    institutions = _institutions(road, feed, step, own)
    gone = missing_institutions(entries, feed.key, step) if own else []
    institutions += [InstitutionStatus(name, "missing", 0, 0, 0, 0, [], None, replaced=0) for name in gone]
    state: FeedState
    if own:
        states = {item.state for item in institutions if item.state != "missing"}
        state = "unread" if "unread" in states else "arrived" if "arrived" in states else "refused"
    else:
        state = "waiting" if in_landing else "late" if today > due else "not_due"
    return FeedStatus(
        feed=feed.key,
        titles={language: feed.extras.titles.get(language) for language in LANGUAGES},
        state=state,
        due=due.isoformat(),
        files=len(own),
        records=_sum(item.records for item in institutions),
        refused_records=_sum(item.refused_records for item in institutions),
        warnings=_sum(item.warnings for item in institutions),
        institutions=institutions,
        replaced=_sum(item.replaced for item in institutions),
    )


def _there(road: Road, feed: FeedContract, step: Period, own: list[Entry]) -> list[Entry]:
    """Without files that were refused as a whole and have been taken away: as if they had not come."""
    if not own or not road.intake.is_staged(feed.key, step.key):
        return own
    standing = {item.entry.file_id for item in standing_files(road, feed.key, step.key)}
    refused = {item.entry.file_id for item in road.intake.staged(feed.key, step.key) if item.refused is not None}
    there = [entry for entry in own if entry.file_id in standing or entry.file_id not in refused]
    if not there:
        refresh_fix_lists(road, feed.key, step.key)
    return there


def _institutions(road: Road, feed: FeedContract, step: Period, own: list[Entry]) -> list[InstitutionStatus]:
    """What each institution delivered, of the files it stands by, with where its fix list lies."""
    if not own:
        return []
    names = sorted({entry.institution_id or "" for entry in own})
    if not road.intake.is_staged(feed.key, step.key):
        counts = {name: sum((entry.institution_id or "") == name for entry in own) for name in names}
        return [InstitutionStatus(name, "unread", counts[name], None, None, None, [], None) for name in names]
    lists = refresh_fix_lists(road, feed.key, step.key)
    files, noticed = standing_files(road, feed.key, step.key), road.intake.noticed(feed.key, step.key)
    current = road.intake.current(feed.key, step.key)
    of_all = road.intake.staged(feed.key, step.key)
    found = []
    for name in names:
        standing = [item for item in files if (item.entry.institution_id or "") == name]
        heard = [(item, finding) for item in standing for finding in noticed.get(item.entry.file_id, [])]
        whole = [reason for item in standing if (reason := _reason(item)) is not None]
        accounts = [item.account for item in standing]
        every = [item for item in of_all if (item.entry.institution_id or "") == name]
        in_force = sum(current[item.entry.file_id] for item in every)
        found.append(
            InstitutionStatus(
                institution=name,
                state="refused" if standing and len(whole) == len(standing) else "arrived",
                files=len(standing),
                records=in_force,
                refused_records=sum(account.quarantined + account.unreadable for account in accounts),
                warnings=sum(map(_warnings, standing)),
                reasons=whole,
                fix_list=str(lists[name]) if name in lists else None,
                notices=[_about(item, finding) for item, finding in heard if finding.sentence in NOT_GRANTED],
                replaced=sum(item.account.accepted for item in every) - in_force,
                remarks=[_about(item, finding) for item, finding in heard if finding.sentence == SHORT],
            )
        )
    return found


def _reason(item: StagedFile) -> Words | None:
    """Why a file is refused as a whole, with its name: several of an institution may be, each for its own reason."""
    return None if item.refused is None else _about(item, item.refused)


def _about(item: StagedFile, finding: Finding) -> Words:
    file = Path(item.entry.landing_name).name
    return {lang: text("status_file_reason", lang, file=file, reason=finding.words(lang)) for lang in LANGUAGES}


def _warnings(item: StagedFile) -> int:
    """Remarks on the file and warnings of rules: nothing is refused because of them."""
    remarks = len(item.account.findings) - (item.refused is not None)
    return remarks + sum(count.violated for count in item.account.rules.values() if count.severity == "warning")


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)

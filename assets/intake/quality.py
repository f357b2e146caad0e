"""The accounting of delivered files as tables: quality__files, quality__rules and quality__quarantine.

Put here: from accounts and selections to rows. Keep out: judging deliveries (assets.compute.deliveries).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from assets.intake import ledger
from assets.intake.delivery import Intake, StagedFile
from assets.intake.expected import due_date
from assets.intake.findings import FileRefused
from assets.intake.landing import NOTE
from assets.intake.ledger import Entry
from assets.intake.period import period_of
from assets.lake.atomic import sha256_of
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.home import HomeDocument
from data_contracts.tables import output_tables

# Severity of a rule that refuses a file as a whole.
_FILE = "file"


def file_rows(intake: Intake, periods: Sequence[str], home: HomeDocument) -> pl.DataFrame:
    """One row per delivered file of the periods; `records` is the sum of the other counts.

    A file refused as a whole has no records: none of it was taken, and its bytes are in the archive.
    """
    table = output_tables()["quality__files"]
    rows = []
    for contract in intake.catalog.current():
        for period in periods:
            staged = intake.staged(contract.key, period)
            if not staged:
                continue
            verdicts, noticed = intake.verdicts(contract.key, period), intake.noticed(contract.key, period)
            gone, resent = intake.withdrawn(contract.key), intake.resent(contract.key, period)
            for item in staged:
                account, entry = item.account, item.entry
                superseded = verdicts.get((entry.file_id, "superseded"), 0)
                duplicate = verdicts.get((entry.file_id, "duplicate"), 0)
                current = account.accepted - superseded - duplicate
                findings = [*account.findings, *noticed.get(entry.file_id, [])]
                said = ";".join(dict.fromkeys(finding.sentence for finding in findings)) or None
                rows.append(
                    (
                        *(entry.file_id, entry.sender, entry.institution_id, entry.feed, period, account.records),
                        *(account.unreadable, account.non_data, account.quarantined, current, superseded, duplicate),
                        *(_status(item, gone), said, entry.sequence, *_in_time(entry, home)),
                        resent.get(entry.file_id, 0),
                    )
                )
    frame = pl.DataFrame(rows, schema=table.schema, orient="row")
    return gate(table_schema(table), table.shape(frame))


def _status(item: StagedFile, gone: set[str]) -> str:
    if item.refused is not None:
        return "refused"
    return "withdrawn" if item.entry.file_id in gone else "taken"


def _in_time(entry: Entry, home: HomeDocument) -> tuple[date | None, date, bool | None]:
    """Day received, last day in time, and whether it was; nothing is said without a note that states the time.

    When a run happens to find a file is no property of the delivery, and a release holds no such time.
    """
    due = due_date(home, entry.sender, Period.parse(entry.period))
    if not entry.received_noted:
        return None, due, None
    day = datetime.fromisoformat(entry.received_at).astimezone(ZoneInfo(home.time_zone)).date()
    return day, due, day <= due


def rule_rows(intake: Intake, periods: Sequence[str]) -> pl.DataFrame:
    """One row per rule, feed, institution and period: violated, not applicable, checked."""
    table = output_tables()["quality__rules"]
    rows = [
        (
            *(item.entry.period, item.entry.sender, item.entry.feed, item.entry.institution_id, rule, count.severity),
            *(count.violated, count.not_applicable, count.checked),
        )
        for item in _staged(intake, periods)
        for rule, count in sorted(item.account.rules.items())
    ]
    keys = ["period", "sender", "feed", "institution", "rule_id", "severity"]
    counts = ["records", "not_applicable", "checked"]
    frame = pl.DataFrame(rows, schema={name: table.schema[name] for name in [*keys, *counts]}, orient="row")
    summed = frame.group_by(keys, maintain_order=True).agg(pl.col(counts).sum())
    return gate(table_schema(table), table.shape(summed))


def quarantine_rows(intake: Intake, periods: Sequence[str]) -> pl.DataFrame:
    """One row per file and rule that refused or flagged any of its records, or refused the file as a whole.

    Files that did not get as far as the ledger's deliveries are among them.
    """
    table = output_tables()["quality__quarantine"]
    rows = []
    for item in _staged(intake, periods):
        entry = item.entry
        place = (entry.period, entry.sender, entry.feed, entry.institution_id, entry.file_id)
        if item.refused is not None:
            rows.append((*place, item.refused.sentence, _FILE, 0))
        rows.extend(
            (*place, rule, count.severity, count.violated)
            for rule, count in item.account.rules.items()
            if count.violated
        )
    rows += landing_refusals(intake, periods)
    frame = pl.DataFrame(rows, schema=table.schema, orient="row")
    return gate(table_schema(table), table.shape(frame))


def landing_refusals(intake: Intake, periods: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of quality__quarantine for files, and notes without a file, that were not taken in at all.

    Only those of which note or name tell the period. As the ledger has them: what lies in the landing folder by now is
    no part of a release.
    """
    found = []
    for name, item in sorted(ledger.read_book(intake.home).refused.items()):
        period = _announced(intake, item)
        if period in periods:
            # By name: copies of one content are refused one by one.
            file_id = sha256_of(name.encode())[:16]
            place = (period, item["sender"], item["feed"], item.get("institution"), file_id)
            found.append((*place, item["sentence"], _FILE, 0))
    return found


def _announced(intake: Intake, item: Mapping[str, Any]) -> str | None:
    key = f"{item['sender']}.{item['feed']}"
    if key not in intake.catalog.feeds:
        return None
    name = Path(item["name"].removesuffix(NOTE)).name
    try:
        return period_of(item.get("period"), name, intake.catalog.feeds[key][-1])
    except FileRefused:
        return None


def _staged(intake: Intake, periods: Sequence[str]) -> Iterator[StagedFile]:
    for contract in intake.catalog.current():
        for period in periods:
            yield from intake.staged(contract.key, period)

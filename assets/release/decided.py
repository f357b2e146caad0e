"""Verifying what was decided about a release: its chain, its signatures, its links, and the tables that carry its hash.

Put here: checks of records and of finance files against them. Keep out: other files of the release (verify), rules for
new decisions (approval).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from pydantic import ValidationError

from assets.lake.atomic import read_json, sha256_file
from assets.release import records
from assets.release.publish import PROFILE, current
from assets.release.records import Record
from assets.release.subject import MANIFEST, Subject, finance_files
from data_contracts.finance import FinanceFile, FinanceLine, broken_sums
from data_contracts.settings.approvers import Approver
from data_contracts.signing import key_id
from evaluations.allocation.lines import FUND
from evaluations.allocation.settling import SETTLEMENT
from reports.finance_cells import wrong_sheets
from reports.finance_files import csv_bytes, finance_tables
from reports.harmless import as_meant


@dataclass(frozen=True)
class Problem:
    """Something that does not hold, by sentence id."""

    sentence: str
    params: dict[str, Any] = field(default_factory=dict)


def finance_problems(subject: Subject) -> Iterator[Problem]:
    """Files for a finance system that do not follow their schema, do not add up, or differ from the tables."""
    for path in finance_files(subject.files):
        try:
            file = FinanceFile.model_validate(read_json(path))
        except (OSError, ValueError, ValidationError):
            yield Problem("verify_finance_form", {"path": path.name})
            continue
        for name in broken_sums(file):
            yield Problem("verify_finance_sum", {"path": path.name, "sum": name})
        paid = _paid(subject)
        if paid is not None and paid != {
            (row.payee_kind, row.payee_id): getattr(row, file.split_of) for row in file.payees
        }:
            yield Problem("verify_finance_payees", {"path": path.name})
        wrong = _other_basis(subject, file)
        if wrong:
            yield Problem("verify_finance_basis", {"path": path.name, "rows": wrong})
        lines = _lines(subject)
        if lines is not None and lines != sorted((*key_of(line), line.stream, line.amount_fen) for line in file.lines):
            yield Problem("verify_finance_lines", {"path": path.name})
        for name, frame in finance_tables(file).items():
            beside = path.with_name(f"{path.stem}_{name}.csv")
            if not beside.is_file() or beside.read_bytes() != csv_bytes(frame):
                yield Problem("verify_finance_csv", {"path": beside.name})
        for sheet in wrong_sheets(path.with_suffix(".xlsx"), file):
            yield Problem("verify_table_cells", {"path": f"{path.stem}.xlsx", "sheet": sheet})


def _paid(subject: Subject) -> dict[tuple[str, str], int] | None:
    """Payee → fen by the table of payees."""
    for name in ("payees", "alloc__payees"):
        path = subject.files / "tables" / f"{name}.csv"
        if path.is_file():
            columns = ["payee_kind", "payee_id", "amount_fen"]
            frame = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).select(columns)
            meant = frame.with_columns(as_meant(pl.col("payee_id")))
            return {(kind, payee): int(amount) for kind, payee, amount in meant.iter_rows()}
    return None


def _other_basis(subject: Subject, file: FinanceFile) -> int:
    """Rows of a release in which due or paid before is not that of the year up to the period, as its tables have it.

    Of what payees set off nothing is due: the fund that keeps it has the rest of its row from them.
    """
    folder = subject.files / "tables"
    if not (folder / "alloc__payees.csv").is_file():
        return 0
    keys = ["payee_kind", "payee_id"]
    columns = {"alloc__payees": ("paid_due_fen", "paid_before_fen"), "alloc__settlement": ("due_fen", "prepaid_fen")}
    stated: dict[tuple[str, str], tuple[int, int]] = {}
    for name, (due, before) in columns.items():
        path = folder / f"{name}.csv"
        if path.is_file():
            frame = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).select(*keys, due, before)
            rows = frame.with_columns(as_meant(pl.col("payee_id"))).iter_rows()
            stated |= {(kind, payee): (int(own_due), int(paid)) for kind, payee, own_due, paid in rows}
    kept = (FUND, SETTLEMENT)
    if kept in stated:
        stated[kept] = (0, stated[kept][1])
    return sum(stated.get((own.payee_kind, own.payee_id)) != (own.due_fen, own.prepaid_fen) for own in file.payees)


def key_of(line: FinanceLine) -> tuple[str, str, int]:
    """Payee and number of a line."""
    return line.payee_kind, line.payee_id, line.line_no


def _lines(subject: Subject) -> list[tuple[str, str, int, str, int]] | None:
    """Every line by the table of lines: payee, number, stream, fen."""
    for name in ("lines", "alloc__lines"):
        path = subject.files / "tables" / f"{name}.csv"
        if path.is_file():
            columns = ["payee_kind", "payee_id", "line_no", "stream", "amount_fen"]
            frame = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).select(columns)
            meant = frame.with_columns(as_meant(pl.col("payee_id")), pl.col("line_no", "amount_fen").cast(pl.Int64))
            return sorted(meant.iter_rows())
    return None


def record_problems(subject: Subject, approvers: Sequence[Approver] | None = None) -> Iterator[Problem]:
    """What does not hold of the records; `approvers`: whose keys count, where somebody says so."""
    known, flaws = records.read(subject.place)
    for flaw in flaws:
        yield Problem(flaw.sentence, {"number": flaw.number})
    if records.cut_short(subject.place, known):
        yield Problem("verify_records_cut")
    for record in known:
        yield from _about(subject, record)
        if record.key is not None and approvers is not None:
            yield from _counts(record, approvers)
    if not flaws:
        yield from _enough(subject, known)
    yield from _links(subject)


def mode_of(subject: Subject) -> str:
    """How a home asks for approval, as its release says; an engine alone is approved by one person."""
    if subject.period is None:
        return "required"
    return str(subject.manifest.get("settings", {}).get("home", {}).get("approval", "none"))


def mode_asked(subject: Subject, mode: str) -> str:
    """The stricter of `mode`, what the home asks for now, and what it asked for when the release was computed.

    Asking for less later opens nothing.
    """
    return max(mode_of(subject), mode, key=lambda asked: records.NEEDED.get(asked, max(records.NEEDED.values())))


def _about(subject: Subject, record: Record) -> Iterator[Problem]:
    """A record of a release is about this release as it is now; an engine alone may have been run again since."""
    number = {"number": record.sequence}
    if record.release != subject.name:
        yield Problem("verify_record_other", number)
    elif record.content_hash != subject.content_hash:
        if subject.period is not None:
            yield Problem("verify_record_content", number)
    elif record.manifest != subject.manifest_hash:
        yield Problem("verify_record_manifest", number)
    elif record.table_hash != subject.table_hash:
        yield Problem("verify_record_table", number)


def _counts(record: Record, approvers: Sequence[Approver]) -> Iterator[Problem]:
    own = next((approver for approver in approvers if approver.key == record.key), None)
    day = datetime.fromisoformat(record.at).date()
    if own is None or (own.name, own.role) != (record.name, record.role) or not own.holds_on(day):
        yield Problem("verify_record_key", {"number": record.sequence, "key": key_id(record.key or "")})


def _enough(subject: Subject, known: Sequence[Record]) -> Iterator[Problem]:
    """What is in force was approved as often as the home asks for, and nothing was approved that is a draft."""
    given = records.approvals(known, subject.content_hash)
    if given and subject.draft_reasons:
        yield Problem("verify_draft_approved")
    mode = mode_of(subject)
    asked = records.NEEDED.get(mode, max(records.NEEDED.values()))
    published = any(record.act == "published" for record in known) or _in_force(subject)
    keys = {record.key for record in given}
    if published and len(keys) < asked:
        yield Problem("verify_not_approved", {"given": len(keys), "asked": asked})
    if _in_force(subject) and records.is_withdrawn(known, subject.content_hash):
        yield Problem("verify_withdrawn_in_force")


def _in_force(subject: Subject) -> bool:
    return subject.home is not None and current(subject.home)["periods"].get(subject.period) == subject.name


def _links(subject: Subject) -> Iterator[Problem]:
    """The release before this one, where it lies beside it, is the one that this one was linked to."""
    link = subject.manifest.get("previous")
    if not isinstance(link, dict):
        return
    before = subject.place.resolve().parent / str(link.get("release")) / PROFILE / MANIFEST
    if before.is_file() and sha256_file(before) != link.get("manifest"):
        yield Problem("verify_link", {"release": str(link.get("release"))})


def last_words(subject: Subject, known: Sequence[Record]) -> list[dict[str, Any]]:
    """Act, person, role, moment and key of each record, for people; `applies`: to the content as it is."""
    return [
        {"act": record.act, "name": record.name or "—", "role": record.role or "—", "at": record.at,
         "key": key_id(record.key) if record.key else "—", "reason": record.reason or "",
         "applies": record.content_hash == subject.content_hash}
        for record in known
    ]  # fmt: skip

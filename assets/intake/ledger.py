"""The ledger: which files were delivered, in which order; append-only batches, bytes kept encrypted in the vault.

Put here: accepting landed files. Keep out: their content. One batch holds everything that was new at one moment, so
that a killed run can never split the order of arrival.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unicodedata import normalize

from assets.intake.findings import FileRefused, Finding
from assets.intake.landing import Landed, forget_hashes
from assets.intake.period import period_of
from assets.lake.atomic import locked, read_json, sha256_of, write_json
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys, decrypt_from, encrypt_to
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.settings import Limits

_CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One delivered file. `received_at` is the note's time, else that of its batch."""

    file_id: str
    sha256: str
    size: int
    sender: str
    feed: str
    institution_id: str | None
    period: str
    sequence: int
    received_at: str
    supersedes: list[str]
    landing_name: str
    note_rows: int | None

    @property
    def key(self) -> str:
        """`sender.feed`."""
        return f"{self.sender}.{self.feed}"


class LedgerError(RuntimeError):
    """The ledger is not whole; the message names the batch that is missing."""


def _batches(home: Home) -> list[dict[str, Any]]:
    paths = sorted(home.ledger.glob("[0-9]*.json"))
    for number, path in enumerate(paths, start=1):
        if path.name != _batch_name(number):
            raise LedgerError(
                f"{home.ledger}: {_batch_name(number)} is missing; restore it from the backup of the home"
            )
    return [read_json(path) for path in paths]


def _batch_name(number: int) -> str:
    return f"{number:07d}.json"


def entries(home: Home) -> list[Entry]:
    """All files of the ledger in order of arrival."""
    return [Entry(**item) for batch in _batches(home) for item in batch["files"]]


def refusals(home: Home) -> list[dict[str, Any]]:
    """Files refused by name, with sentence and parameters, as they stand.

    A refusal ends when a file of that name is accepted, or later the same bytes under another name.
    """
    return list(_standing(_batches(home)).values())


def _standing(batches: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    standing: dict[str, dict[str, Any]] = {}
    for batch in batches:
        names = {item["landing_name"] for item in batch["files"]}
        hashes = {item["sha256"] for item in batch["files"]}
        standing = {name: item for name, item in standing.items() if name not in names and item["sha256"] not in hashes}
        standing.update((item["name"], item) for item in batch["refused"])
    return standing


def register(
    home: Home,
    landed: Iterable[Landed],
    catalog: Catalog,
    keys: VaultKeys,
    limits: Limits,
    now: datetime,
    calendar: Collection[str] | None = None,
) -> int:
    """Accept what is new as one batch, bytes first; returns how many files were newly accepted or refused.

    A file the ledger has (same feed, institution, period and bytes) is not new under another name either. A file
    that changes while it is read is left for the next run. A period outside `calendar` is refused. Times in
    notes without an offset are in the zone of `now`.
    """
    with locked(home.ledger / ".lock"):
        batches = _batches(home)
        known = {item["file_id"] for batch in batches for item in batch["files"]}
        standing = _standing(batches)
        files: list[Entry] = []
        refused = []
        for file in landed:
            try:
                entry = entry_of(file, catalog, limits, now, calendar)
            except FileRefused as refusal:
                item = _refused(file, refusal.finding)
                if standing.get(file.name) != item:
                    refused.append(item)
                continue
            if entry.file_id not in known and _keep_bytes(home, file, keys):
                known.add(entry.file_id)
                files.append(entry)
        if files or refused:
            number = len(batches) + 1
            batch = {"batch": number, "files": [asdict(entry) for entry in files], "refused": refused}
            write_json(home.ledger / _batch_name(number), batch)
    return len(files) + len(refused)


def entry_of(
    file: Landed, catalog: Catalog, limits: Limits, now: datetime, calendar: Collection[str] | None = None
) -> Entry:
    """The entry a landed file gets; raises FileRefused where it cannot be taken."""
    if file.refusal is not None:
        raise FileRefused(file.refusal.sentence, **file.refusal.params)
    if file.size > limits.file_bytes:
        raise FileRefused("intake_too_large", limit=limits.file_bytes)
    if file.size == 0:
        raise FileRefused("intake_empty")
    contracts = catalog.feeds[f"{file.sender}.{file.feed}"]
    period = period_of(file.note.period, file.path.name, contracts[-1])
    first = contracts[0].extras.valid_from
    if first > Period.parse(period).end:
        raise FileRefused("landing_no_contract", name=file.name, period=period, first=first.isoformat())
    if calendar is not None and period not in calendar:
        raise FileRefused("landing_outside_calendar", name=file.name, period=period)
    parts = (file.sender, file.feed, file.institution or "", period, file.sha256)
    return Entry(
        file_id=sha256_of("\n".join(parts).encode())[:16],
        sha256=file.sha256,
        size=file.size,
        sender=file.sender,
        feed=file.feed,
        institution_id=file.institution,
        period=period,
        sequence=file.note.sequence or 0,
        received_at=_in_utc(file.note.received_at or now, now),
        supersedes=list(file.note.supersedes),
        landing_name=file.name,
        note_rows=file.note.rows,
    )


def _in_utc(time: datetime, now: datetime) -> str:
    """One zone for all, so that the texts sort like the times."""
    return (time if time.tzinfo else time.replace(tzinfo=now.tzinfo)).astimezone(UTC).isoformat()


def _refused(file: Landed, finding: Finding) -> dict[str, Any]:
    return {
        "name": file.name,
        "sender": file.sender,
        "feed": file.feed,
        "sha256": file.sha256,
        "sentence": finding.sentence,
        "params": finding.params,
    }


class _ChangedError(Exception):
    """The bytes are not those that were hashed."""


def _keep_bytes(home: Home, file: Landed, keys: VaultKeys) -> bool:
    """Put the bytes into the vault, once; False where they are no longer those that the scan hashed."""
    path = home.archive / f"{file.sha256}.enc"
    if path.is_file():
        return True
    try:
        encrypt_to(path, _proven_chunks(file), keys)
    except (FileNotFoundError, _ChangedError):
        forget_hashes(home)
        return False
    return True


def _proven_chunks(file: Landed) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with file.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != file.sha256:
        raise _ChangedError


def read_bytes(home: Home, entry: Entry, keys: VaultKeys) -> Iterable[bytes]:
    """The delivered bytes of an entry, from the vault."""
    return decrypt_from(home.archive / f"{entry.sha256}.enc", keys)


def ranks(found: list[Entry]) -> dict[str, int]:
    """Precedence of files: note sequence, then time received, then hash; the higher rank wins."""
    ordered = sorted(found, key=lambda entry: (entry.sequence, entry.received_at, entry.sha256))
    return {entry.file_id: rank for rank, entry in enumerate(ordered)}


def withdrawn(found: list[Entry]) -> set[str]:
    """Files that the delivery note of another file of the same feed supersedes as a whole.

    Named by hash in any period, or by file name within the same institution and period. Of two files that name each
    other, as two corrections sent under one file name do, the one of higher rank stands.
    """
    rank = ranks(found)
    gone = set()
    for newer in found:
        for entry in found if newer.supersedes else ():
            mutual = _names(entry, newer) and rank[entry.file_id] > rank[newer.file_id]
            if entry.file_id != newer.file_id and _names(newer, entry) and not mutual:
                gone.add(entry.file_id)
    return gone


def _names(newer: Entry, entry: Entry) -> bool:
    if entry.key != newer.key:
        return False
    if entry.sha256 in {name.lower() for name in newer.supersedes}:
        return True
    same = (entry.institution_id, entry.period) == (newer.institution_id, newer.period)
    named = {normalize("NFC", name) for name in newer.supersedes}
    return same and normalize("NFC", Path(entry.landing_name).name) in named

"""The ledger: which files were delivered, in which order; append-only batches, bytes kept encrypted in the vault.

Put here: accepting landed files. Keep out: their content. One batch holds everything that was new at one moment, so
that a killed run can never split the order of arrival.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.intake.findings import FileRefused, Finding
from assets.intake.landing import Landed
from assets.intake.period import period_of
from assets.lake.atomic import read_json, sha256_of, write_json
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys, decrypt_from, encrypt_to
from data_contracts.contracts import Catalog
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


def _batches(home: Home) -> list[Path]:
    return sorted(home.ledger.glob("[0-9]*.json"))


def entries(home: Home) -> list[Entry]:
    """All files of the ledger in order of arrival."""
    return [Entry(**item) for path in _batches(home) for item in read_json(path)["files"]]


def refusals(home: Home) -> list[dict[str, Any]]:
    """Files refused by name, with sentence and parameters; a later acceptance of the same bytes removes them."""
    accepted = {entry.sha256 for entry in entries(home)}
    found = [item for path in _batches(home) for item in read_json(path)["refused"]]
    return [item for item in found if item["sha256"] not in accepted]


def new_files(home: Home, landed: Iterable[Landed]) -> list[Landed]:
    """Landed files the ledger does not know yet, neither accepted nor refused in the same form."""
    known = {(entry.sender, entry.feed, entry.sha256) for entry in entries(home)}
    known |= {
        (item["sender"], item["feed"], item["sha256"]) for path in _batches(home) for item in read_json(path)["refused"]
    }
    return [file for file in landed if (file.sender, file.feed, file.sha256) not in known]


def register(
    home: Home, landed: Iterable[Landed], catalog: Catalog, keys: VaultKeys, limits: Limits, now: datetime
) -> int:
    """Accept what is new as one batch, bytes first; returns how many files were new."""
    fresh = new_files(home, landed)
    if not fresh:
        return 0
    files: dict[str, Entry] = {}
    refused = []
    for file in fresh:
        try:
            entry = _entry(file, catalog, limits, now)
        except FileRefused as refusal:
            refused.append(_refused(file, refusal.finding))
            continue
        if entry.file_id not in files:
            _keep_bytes(home, file, keys)
            files[entry.file_id] = entry
    number = len(_batches(home)) + 1
    batch = {"batch": number, "files": [asdict(entry) for entry in files.values()], "refused": refused}
    write_json(home.ledger / f"{number:07d}.json", batch)
    return len(fresh)


def _entry(file: Landed, catalog: Catalog, limits: Limits, now: datetime) -> Entry:
    if file.refusal is not None:
        raise FileRefused(file.refusal.sentence, **file.refusal.params)
    if file.size > limits.file_bytes:
        raise FileRefused("intake_too_large", limit=limits.file_bytes)
    if file.size == 0:
        raise FileRefused("intake_empty")
    key = f"{file.sender}.{file.feed}"
    period = period_of(file.note.period, file.path.name, catalog.feeds[key][-1])
    parts = (file.sender, file.feed, file.institution or "", period, file.sha256)
    received = file.note.received_at or now
    return Entry(
        file_id=sha256_of("\n".join(parts).encode())[:16],
        sha256=file.sha256,
        size=file.size,
        sender=file.sender,
        feed=file.feed,
        institution_id=file.institution,
        period=period,
        sequence=file.note.sequence or 0,
        received_at=received.isoformat(),
        supersedes=list(file.note.supersedes),
        landing_name=file.name,
        note_rows=file.note.rows,
    )


def _refused(file: Landed, finding: Finding) -> dict[str, Any]:
    return {
        "name": file.name,
        "sender": file.sender,
        "feed": file.feed,
        "sha256": file.sha256,
        "sentence": finding.sentence,
        "params": finding.params,
    }


def _keep_bytes(home: Home, file: Landed, keys: VaultKeys) -> None:
    path = home.archive / f"{file.sha256}.enc"
    if path.is_file():
        return
    with file.path.open("rb") as stream:
        encrypt_to(path, iter(lambda: stream.read(_CHUNK), b""), keys)


def read_bytes(home: Home, entry: Entry, keys: VaultKeys) -> Iterable[bytes]:
    """The delivered bytes of an entry, from the vault."""
    return decrypt_from(home.archive / f"{entry.sha256}.enc", keys)


def ranks(found: list[Entry]) -> dict[str, int]:
    """Precedence of files: note sequence, then time received, then hash; the higher rank wins."""
    ordered = sorted(found, key=lambda entry: (entry.sequence, entry.received_at, entry.sha256))
    return {entry.file_id: rank for rank, entry in enumerate(ordered)}


def withdrawn(found: list[Entry]) -> set[str]:
    """Files that another file's delivery note supersedes as a whole, named by hash or by file name."""
    named = {name for entry in found for name in entry.supersedes}
    return {entry.file_id for entry in found if entry.sha256 in named or Path(entry.landing_name).name in named}

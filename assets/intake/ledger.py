"""The ledger: which files were delivered, in which order; append-only batches, bytes kept encrypted in the vault.

Put here: accepting landed files and corrected notes of known ones. Keep out: their content, and which file gives way
to which (precedence.py). One batch holds everything that was new at one moment, so that a killed run can never split
the order of arrival.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from assets.intake.findings import FileRefused, Finding
from assets.intake.landing import Landed, Stated, forget_hashes, still_lies
from assets.intake.period import period_of
from assets.lake.atomic import canonical_json, locked, read_json, sha256_of, write_json
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys, decrypt_from, encrypt_to
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.settings.limits import Limits

_CHUNK = 8 * 1024 * 1024
_AT_ONCE = 2


@dataclass(frozen=True)
class Entry:
    """One delivered file, as its newest note has it.

    `received_at` is the note's time (then `received_noted`), else that of its batch. `note_rows`, `note_sums` and
    `note_distinct` are the control totals of the note, `note_mark` tells which note that was.
    """

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
    note_sums: dict[str, str] = field(default_factory=dict)
    note_distinct: dict[str, int] = field(default_factory=dict)
    note_hash: bool = False
    note_mark: str = ""
    received_noted: bool = False

    @property
    def key(self) -> str:
        """`sender.feed`."""
        return f"{self.sender}.{self.feed}"

    @property
    def stated(self) -> Stated:
        """The control totals of the note."""
        return Stated(self.note_rows, self.note_sums, self.note_distinct, self.note_hash)

    @property
    def mark(self) -> str:
        """Hash of everything known about the delivery."""
        return sha256_of(canonical_json(asdict(self)))


@dataclass(frozen=True)
class News:
    """What a landed file adds: a delivery, or with `amends` (a file id) a corrected note of one the ledger has."""

    entry: Entry
    amends: str | None = None

    def asks(self, book: "Book") -> dict[str, str]:
        """What a run is asked for: one id for every period that changes, with that period."""
        if self.amends is None:
            return {self.entry.file_id: self.entry.period}
        # A note may come back to what an older one said.
        note = f"{len(book.notes_of(self.entry.landing_name, self.entry.sha256))}:{self.entry.note_mark}"
        old = book.entries[self.amends]
        return {f"{self.amends}:{note}": old.period, f"{self.entry.file_id}:{note}": self.entry.period}

    def as_dict(self) -> dict[str, Any]:
        """As a batch keeps it."""
        return {**asdict(self.entry), **({"amends": self.amends} if self.amends else {})}


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


@dataclass(frozen=True)
class Book:
    """The ledger as it stands: deliveries by file id, standing refusals by name, what was said about which file.

    `said`: landing name and hash → file id, and marks of the notes taken beside it, in order. `last`: landing name →
    hash of the content taken under it last. `taken`: ids of all that was taken, as `News.asks` gives them.
    """

    entries: dict[str, Entry]
    refused: dict[str, dict[str, Any]]
    said: dict[tuple[str, str], tuple[str, list[str]]]
    last: dict[str, str]
    taken: set[str]

    def add(self, news: News) -> None:
        """A delivery, or a note that takes the place of an older one."""
        entry = news.entry
        self.taken.update(news.asks(self))
        if news.amends is not None and (news.amends != entry.file_id or self._came_back(entry)):
            self.entries.pop(news.amends, None)
        self.entries[entry.file_id] = entry
        self.last[entry.landing_name] = entry.sha256
        place = (entry.landing_name, entry.sha256)
        self.said[place] = (entry.file_id, [*self.notes_of(*place), entry.note_mark])

    def notes_of(self, name: str, sha256: str) -> list[str]:
        """Marks of the notes taken beside a file, in order."""
        return self.said.get((name, sha256), ("", []))[1]

    def knows(self, name: str, sha256: str, note_mark: str) -> bool:
        """Whether a file of this name and content was taken with this note; one taken away takes nothing back."""
        notes = self.notes_of(name, sha256)
        return bool(notes) and note_mark in ("", notes[-1]) and self.last[name] == sha256

    def _came_back(self, file: Entry | Landed) -> bool:
        """Whether a file of its name was taken with other content since this content was."""
        name = file.landing_name if isinstance(file, Entry) else file.name
        return self.last.get(name, file.sha256) != file.sha256

    def news_of(self, file: Landed, as_entry: Callable[[], Entry]) -> News | None:
        """What `file` adds, of which `as_entry` makes an entry or refuses to; None where all it says is known.

        A note beside the same file replaces the one before. The same content under another name is no delivery, and
        its note counts only with a higher sequence: else two copies would overrule each other for ever. A file that is
        what it was before its last correction takes that correction back: it is received anew.
        """
        if file.refusal is None and self.knows(file.name, file.sha256, file.note.mark):
            return None
        gone = file.announced
        if gone is not None and self.knows(gone, self.last.get(gone, ""), file.note.mark):
            # The note of a file that was taken says nothing new when that file is gone.
            return None
        entry = as_entry()
        known = self.said.get((file.name, file.sha256))
        old = self.entries.get(known[0] if known else entry.file_id)
        if old is None:
            return News(entry)
        if known is None and entry.sequence <= old.sequence:
            return None
        again = known is not None and self._came_back(file)
        if again and not file.note.mark and old.note_mark:
            entry = replace(old, received_at=old.received_at if old.received_noted else entry.received_at)
        elif not again and not entry.received_noted:
            entry = replace(entry, received_at=old.received_at, received_noted=old.received_noted)
        same = replace(entry, landing_name=old.landing_name, note_mark=old.note_mark)
        return None if same == old else News(entry, old.file_id)


def read_book(home: Home) -> Book:
    """The ledger of a home, with every correction of a note applied; to be looked at, not to be added to."""
    stats = [(path.name, path.stat()) for path in home.ledger.glob("[0-9]*.json")]
    return _read_book(home, tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)))


@lru_cache(maxsize=4)
def _read_book(home: Home, batches: tuple[tuple[str, int, int], ...]) -> Book:
    """Read once for as long as no batch is added; a run asks for it thousands of times."""
    del batches
    return _book(_batches(home))


def _book(batches: list[dict[str, Any]]) -> Book:
    book = Book({}, {}, {}, {}, set())
    for batch in batches:
        for item in batch["files"]:
            amends = item.pop("amends", None)
            book.add(News(Entry(**item), amends))
        _settle(book.refused, batch)
    return book


def entries(home: Home) -> list[Entry]:
    """All files of the ledger in order of arrival, as their newest notes have them."""
    return list(read_book(home).entries.values())


def refusals(home: Home) -> list[dict[str, Any]]:
    """Files refused by name, with sentence and parameters, as they stand.

    A refusal ends when a file of that name is accepted, later the same bytes under another name, or when the file is
    taken away; that it was refused stays in the batches.
    """
    return [item for item in read_book(home).refused.values() if still_lies(home, item["name"])]


def _settle(standing: dict[str, dict[str, Any]], batch: dict[str, Any]) -> None:
    names = {item["landing_name"] for item in batch["files"]} | set(batch.get("settled", []))
    hashes = {item["sha256"] for item in batch["files"]}
    for name, item in list(standing.items()):
        if name in names or item["sha256"] in hashes:
            del standing[name]
    standing.update((item["name"], item) for item in batch["refused"])


def register(
    home: Home,
    landed: Iterable[Landed],
    catalog: Catalog,
    keys: VaultKeys,
    limits: Limits,
    now: datetime,
    calendar: Collection[str] | None = None,
) -> int:
    """Accept what is new as one batch, bytes first; returns how many files were newly accepted, amended or refused.

    A file the ledger has (same feed, institution, period and bytes) is not new under another name either, but a
    corrected note of it is. A file that changes while it is read is left for the next run. A period outside
    `calendar` is refused. Times in notes without an offset are in the zone of `now`.
    """
    landed = list(landed)
    with locked(home.ledger / ".lock"):
        batches = _batches(home)
        book = _book(batches)
        _keep_ahead(home, landed, keys, partial(entry_of, catalog=catalog, limits=limits, now=now, calendar=calendar))
        files: list[dict[str, Any]] = []
        refused: dict[str, dict[str, Any]] = {}
        settled = {name for name in book.refused if not still_lies(home, name)}
        # Where a corrected note moves a delivery to another period, a copy that names the old one still takes its place
        # there.
        for file in landed * 2:
            try:
                news = book.news_of(file, partial(entry_of, file, catalog, limits, now, calendar))
            except FileRefused as refusal:
                item = refusal_item(file, refusal.finding)
                if book.refused.get(file.name) != item:
                    refused[file.name] = item
                continue
            if news is None:
                if file.name in book.refused:
                    settled.add(file.name)
            elif _keep_bytes(home, file, keys):
                book.add(news)
                book.refused.pop(file.name, None)
                files.append(news.as_dict())
        if files or refused or settled:
            number = len(batches) + 1
            batch = {"files": files, "refused": list(refused.values()), "settled": sorted(settled)}
            write_json(home.ledger / _batch_name(number), {"batch": number, **batch})
    return len(files) + len(refused) + len(settled)


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
        raise FileRefused(
            "landing_outside_calendar", name=file.name, period=period, first=min(calendar), last=max(calendar)
        )
    note = file.note
    parts = (file.sender, file.feed, file.institution or "", period, file.sha256)
    return Entry(
        file_id=sha256_of("\n".join(parts).encode())[:16],
        sha256=file.sha256,
        size=file.size,
        sender=file.sender,
        feed=file.feed,
        institution_id=file.institution,
        period=period,
        sequence=note.sequence or 0,
        received_at=_in_utc(note.received_at or now, now),
        supersedes=list(note.supersedes),
        landing_name=file.name,
        note_rows=note.rows,
        note_sums=dict(note.sums),
        note_distinct=dict(note.distinct),
        note_hash=note.sha256 is not None,
        note_mark=note.mark,
        received_noted=note.received_at is not None,
    )


def _in_utc(time: datetime, now: datetime) -> str:
    """One zone for all, so that the texts sort like the times."""
    return (time if time.tzinfo else time.replace(tzinfo=now.tzinfo)).astimezone(UTC).isoformat()


def refusal_item(file: Landed, finding: Finding) -> dict[str, Any]:
    """What a batch keeps of a file that is refused by name."""
    return {
        "name": file.name,
        "sender": file.sender,
        "feed": file.feed,
        "institution": file.institution,
        "period": file.note.period,
        "sha256": file.sha256,
        "sentence": finding.sentence,
        "params": finding.params,
    }


class _ChangedError(Exception):
    """The bytes are not those that were hashed."""


def _keep_ahead(home: Home, landed: list[Landed], keys: VaultKeys, entry: Callable[[Landed], Entry]) -> None:
    """Put the bytes of what can be taken into the vault, a few files at once: reading and sealing can go together."""

    def keep(file: Landed) -> None:
        with suppress(FileRefused):
            entry(file)
            _keep_bytes(home, file, keys)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(keep, {file.sha256: file for file in landed}.values()))


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
